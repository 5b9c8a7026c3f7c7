"""The folder of a run or a sweep: claimed by one start alone, and agreed upon by all its processes.

A folder that is named by the time of the start is made anew: where another run was faster, with a suffix (`_2`). All
processes of a start on all its hosts use the one that the first of them claimed: it leaves a note beside it.
"""

from __future__ import annotations

import hashlib
import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ntt.errors import InputError
from ntt.foreign.documents import object_or_none
from ntt.processes.ranks import Rank
from ntt.store.files import write_json

log = logging.getLogger(__name__)

PATIENCE = 120.0  # seconds until the first process must have named the folder: launchers start all at once
_POLL_SECONDS = 0.1
_SUFFIXES = 1000


def claim_folder(wanted: Path, notes: Path, rank: Rank) -> Path:
    """The folder of this start, made by its first process and nobody else's.

    Args:
        wanted: its name where nobody was faster.
        notes: a folder that all processes of the start see, and whose name does not depend on the time: there the first
            one says which folder it is.
        rank: of this process.

    Raises:
        InputError: the folder cannot be made, or the first process does not name it in time.
    """
    if not rank.first:
        return _agreed(notes, rank)
    folder = _make_new(wanted.absolute())
    if rank.world > 1:
        write_json(_note(notes, rank), {"folder": str(folder)})
    return folder


def forget_note(notes: Path, rank: Rank) -> None:
    """Remove what the first process said, once all the others are known to have read it."""
    with suppress(OSError):
        _note(notes, rank).unlink()


def _make_new(wanted: Path) -> Path:
    wanted.parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, _SUFFIXES):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}_{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise InputError(f"{wanted} and {_SUFFIXES - 1} more with a suffix are taken: name another with hydra.run.dir.")


def _note(notes: Path, rank: Rank) -> Path:
    return notes / f".start-{hashlib.sha256(rank.launch.encode()).hexdigest()[:20]}.json"


def _agreed(notes: Path, rank: Rank) -> Path:
    note, started = _note(notes, rank), time.monotonic()
    while True:
        folder = _read(note).get("folder")
        if folder and not _of_an_earlier_start(Path(folder), rank):
            return Path(folder)
        if time.monotonic() - started > PATIENCE:
            raise InputError(
                f"Process {rank.number} of {rank.world} waited {PATIENCE:.0f} s for the first one to name the run's "
                f"folder in {note.parent}: this must be one folder on all hosts, or give the run's as hydra.run.dir."
            )
        time.sleep(_POLL_SECONDS)


def _of_an_earlier_start(folder: Path, rank: Rank) -> bool:
    """Whether a note is a killed start's that had our name: we took part in it, or its first process is done."""
    ranks = folder / "ranks"
    return (ranks / f"{rank.number}.json").exists() or _read(ranks / "0.json").get("state") == "done"


def _read(path: Path) -> dict[str, Any]:
    return object_or_none(path) or {}
