"""``ntt weights``: list, fetch and verify checkpoints."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from ntt.commands import complain
from ntt.commands.options import add_network_options, choose, columns, network_settings
from ntt.downloads.weights import Weights, fetch_weights, list_weights, verify_weights, weights_folder
from ntt.errors import InputError
from ntt.screen.transfers import format_size


def run(arguments: list[str], conf: Path) -> int:
    """See the parser's help; returns the exit code."""
    given = _parser().parse_args(arguments)
    known = list_weights(conf)
    if given.action == "list":
        print(_table(known.values()))
        print(f"\nThey belong in {weights_folder(conf)} (NTT_WEIGHTS); `ntt weights fetch NAME...` brings them there.")
        return 0
    if given.action == "verify":
        chosen = choose(known, given.names, "checkpoint") or [w for w in known.values() if w.path.is_file()]
        if not chosen:
            raise InputError(f"There is no checkpoint in {weights_folder(conf)} to verify: `ntt weights fetch NAME`.")
        return _each(chosen, lambda weights: f"good: {weights.path}, sha256 {verify_weights(weights)}")
    chosen = choose(known, given.names, "checkpoint")
    if given.url is not None and len(chosen) != 1:
        raise InputError(f"--url is the address of one file, and {len(chosen)} names are given: give one.")
    settings = network_settings(given)
    return _each(chosen, lambda weights: fetch_weights(weights, settings, given.url))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ntt weights",
        description="Checkpoints of the backbones and segmenters under conf/.",
        epilog="NTT_WEIGHTS is their folder, NTT_OFFLINE=1 forbids the network, NTT_MIRROR=https://host/prefix is "
        "asked in the place of the official hosts, HTTP_PROXY and HTTPS_PROXY are honoured.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | fetch | verify")
    actions.add_parser("list", help="what there is, with size, licence, and whether it is here")
    fetch = actions.add_parser("fetch", help="download what is missing, check what is there")
    fetch.add_argument("names", nargs="+", metavar="NAME", help="as in `ntt weights list`")
    fetch.add_argument("--url", help="your personal address of the file, for weights behind a licence")
    add_network_options(fetch)
    verify = actions.add_parser("verify", help="check digests, and that each file holds the tensors of its network")
    verify.add_argument("names", nargs="*", metavar="NAME", help="as in `ntt weights list`; default: all that are here")
    return parser


def _each(chosen: list[Weights], act: Callable[[Weights], str]) -> int:
    """Act on one after the other, whatever happens to the ones before; the worst exit code."""
    code = 0
    for weights in chosen:
        try:
            print(f"{weights.name}: {act(weights)}", flush=True)
        except InputError as error:
            code = complain(error)
    return code


def _table(known: Iterable[Weights]) -> str:
    rows = [("NAME", "SIZE", "LICENCE", "STATE", "FROM")]
    for weights in known:
        licence = f"{weights.licence or 'unknown'}{', to be accepted' if weights.gated else ''}"
        source = weights.url or (f"hub:{weights.hub_id}" if weights.hub_id else "comes with ntt")
        rows.append((weights.name, _size(weights), licence, _state(weights), source))
    return columns(rows)


def _size(weights: Weights) -> str:
    size = weights.path.stat().st_size if weights.path.is_file() else weights.size
    return "unknown" if size is None else format_size(size)


def _state(weights: Weights) -> str:
    if not weights.path.is_file():
        part = weights.path.with_name(f"{weights.path.name}.part")
        return f"{format_size(part.stat().st_size)} so far" if part.is_file() else "missing"
    wrong_size = weights.size is not None and weights.path.stat().st_size != weights.size
    return "of another size" if wrong_size else "here"
