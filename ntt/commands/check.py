"""``ntt check``: look through labelled examples, and what they are to be found in, before any download or network."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ntt.composition.quoting import as_text
from ntt.config import RunConfig, read_config, user_path
from ntt.errors import InputError

if TYPE_CHECKING:
    from ntt.stages.check import Check, FileCheck

_DESCRIPTION = """\
Look through labels before a run: what they are recognised as, how many objects each class has, which of them can be
references and why others cannot, pictures that are missing or cannot be read, annotations that cannot be used.

Exit code 0: a run would take them (what it would leave out is listed); 2: a run would refuse them.
"""
_EXAMPLES = """\
examples:
  ntt check refs.json
  ntt check labelme_folder/ photos/
  ntt check refs/ truth.json --json
  ntt check refs.json photos/ dataset.reference_images=pictures

Options written key=value are those of a run with +experiment=custom (ntt run --help).
"""
_FIRST = 10  # entries that are listed one by one


def run(arguments: list[str], conf: Path) -> int:
    """See the parser's help; returns the exit code."""
    given, rest = _parser().parse_known_args(arguments)
    words = [*given.paths, *rest]
    paths = [word for word in words if not _is_option(word)]
    if unknown := next((word for word in paths if word.startswith("-")), None):
        raise InputError(f"ntt check has no flag {unknown}: it has --json, --quick, and options of a run as key=value.")
    if not 1 <= len(paths) <= 2:
        raise InputError("ntt check takes one or two paths: the references, and the targets if there are any.")
    config = _config([user_path(path) for path in paths], [word for word in words if _is_option(word)], conf)

    from ntt.stages.check import check_input

    found = check_input(config, ("references", "targets") if len(paths) == 2 else ("references",), not given.quick)
    if given.json:
        print(json.dumps({"ok": not found.problems, **asdict(found)}, indent=2, ensure_ascii=False))
    else:
        _show(found)
    if found.problems:
        print("ntt: a run would refuse this", file=sys.stderr)
    return 2 if found.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ntt check",
        usage="ntt check REFERENCES [TARGETS] [--json] [--quick] [key=value ...]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="labelled examples; then labels or images to search")
    parser.add_argument("--json", action="store_true", help="print everything that was found as json")
    parser.add_argument("--quick", action="store_true", help="read the headers of pictures only, not all of each")
    return parser


def _is_option(word: str) -> bool:
    if "=" not in word or word.startswith("-"):
        return False
    try:
        return not user_path(word).exists()
    except OSError:  # longer than any name of a file
        return True


def _config(paths: list[Path], options: list[str], conf: Path) -> RunConfig:
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from ntt.commands.composition_errors import explain

    own = {"dataset.references": paths[0], "dataset.targets": paths[-1]}
    overrides = [f"{key}={as_text(str(path))}" for key, path in own.items()]
    try:
        with initialize_config_dir(str(conf), version_base="1.3"):
            return read_config(compose("config", ["+experiment=custom", *overrides, *options]))
    except (HydraException, OmegaConfBaseException) as error:
        raise explain(error, conf) from error


def _show(found: Check) -> None:
    import rich

    from ntt.screen.text import printable

    for one in found.files:
        rich.print(_table(one))
        for what, entries in (
            ("cannot be used", one.unusable),
            ("pictures are missing", [f"{name}: {reason}" for name, reason in one.missing.items()]),
            ("pictures cannot be read", [f"{name}: {reason}" for name, reason in one.unreadable.items()]),
        ):
            if entries:
                print(f"{len(entries)} {what}:")
                print("\n".join(f"  {printable(entry)}" for entry in entries[:_FIRST]))
                if len(entries) > _FIRST:
                    print(f"  and {len(entries) - _FIRST} more (--json lists all)")
        print()
    for note in found.notes:
        print(f"note: {printable(note)}")
    for problem in found.problems:
        print(f"refused: {printable(problem)}")
    if not found.problems:
        print("A run would take this.")


def _table(one: FileCheck) -> object:
    from rich.table import Table

    from ntt.screen.text import plain

    title = f"{one.role}: {one.path} is {one.format}, {one.images} images, {one.objects} objects"
    if not one.classes:
        return plain(title)
    table = Table(title=plain(title), title_justify="left")
    for column in ("class", "objects", "images", "can be references", "others"):
        if column != "can be references" or one.role == "references":
            table.add_column(column, justify="left" if column in ("class", "others") else "right")
    for kind in one.classes:
        numbers = [str(kind.objects), str(kind.images)]
        if kind.references is not None:
            numbers.append(str(kind.references))
        others = ", ".join(f"{count} {reason}" for reason, count in kind.others.items())
        table.add_row(plain(kind.name), *numbers, plain(others))
    return table
