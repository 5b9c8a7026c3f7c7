"""``ntt data``: list, fetch and verify datasets."""

from __future__ import annotations

import argparse
from pathlib import Path

from ntt.commands.options import add_network_options, choose, columns, network_settings
from ntt.config import user_path
from ntt.downloads.datasets import Dataset, fetch_dataset, link_dataset, list_datasets, verify_dataset
from ntt.screen.transfers import format_size


def run(arguments: list[str], _conf: Path) -> int:
    """See the parser's help; returns the exit code."""
    given = _parser().parse_args(arguments)
    known = list_datasets()
    if given.action == "list":
        print(_table(known))
        return 0
    dataset = choose(known, [given.name], "dataset")[0]
    root = user_path(given.root) if given.root else dataset.root
    if given.action == "verify":
        for line in verify_dataset(dataset, root):
            print(line)
        print(f"{dataset.name}: complete in {root}")
        return 0
    if given.copy is not None:
        linked = link_dataset(dataset, root, user_path(given.copy))
        print(f"{dataset.name}: linked {', '.join(linked)} in {root}" if linked else f"{dataset.name}: linked before")
    else:
        fetch_dataset(dataset, root, network_settings(given), given.keep)
        print(f"{dataset.name}: complete in {root}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ntt data", description="Datasets with official archives.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | fetch | verify")
    actions.add_parser("list", help="what there is, with size, licence and address")
    fetch = actions.add_parser("fetch", help="download and unpack what is missing, or link an existing copy")
    verify = actions.add_parser("verify", help="check the layout, the json files, and that every image is there")
    for action in (fetch, verify):
        action.add_argument("name", metavar="NAME", help="as in `ntt data list`")
        action.add_argument("--root", metavar="DIR", help="folder of the dataset (data/NAME)")
    fetch.add_argument("--from", dest="copy", metavar="DIR", help="link the complete copy there, download nothing")
    fetch.add_argument("--keep", action="store_true", help="leave the archives in the root after unpacking")
    add_network_options(fetch)
    return parser


def _table(known: dict[str, Dataset]) -> str:
    rows = [("NAME", "DOWNLOAD", "LICENCE", "WHAT")]
    for dataset in known.values():
        size = "by hand" if dataset.instructions else "unknown" if dataset.size is None else format_size(dataset.size)
        rows.append((dataset.name, size, dataset.licence, dataset.title))
    addresses = [f"  {archive.url}" for dataset in known.values() for archive in dataset.archives]
    by_hand = [f"{d.name} {d.instructions}." for d in known.values() if d.instructions]
    return "\n".join([columns(rows), "", *addresses, "", *by_hand])
