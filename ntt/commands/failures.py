"""What the system answers when a file cannot be read or written, in one sentence with the way out."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Sequence
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from ntt.commands.own_configs import undecodable
from ntt.errors import InputError

_WAYS = {
    errno.EACCES: "ask for the permission, or name another place",
    errno.EPERM: "ask for the permission, or name another place",
    errno.EROFS: "name a place that can be written",
    errno.ENOSPC: "free some space, or name another place; what is complete is kept",
    errno.EDQUOT: "free some space, or name another place; what is complete is kept",
    errno.ENOTDIR: "a file is where a folder is needed: name another place",
    errno.EISDIR: "a folder is where a file is needed: name the file",
    errno.EEXIST: "something else has that name: name another place",
    errno.ENAMETOOLONG: "name a shorter one",
    errno.ELOOP: "its links lead in a circle: name the real place",
    errno.ESTALE: "the file server lost it: run again",
    errno.EIO: "the disk or the file server failed: run again",
    errno.EMFILE: "allow more open files: ulimit -n",
    errno.ENFILE: "allow more open files: ulimit -n",
}
_WHERE = "where: the run's folder is hydra.run.dir (hydra.sweep.dir of a sweep), the store's store.root"


def of_the_system(error: BaseException) -> InputError | None:
    """The sentence for an error of the file system; None for what is a fault of ours."""
    if not isinstance(error, OSError) or error.errno not in _WAYS or isinstance(error, BlockingIOError):
        return None
    files = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    place = str(Path(files).absolute()) if files and " -> " not in files else files or "A file"
    return InputError(f"{place} cannot be used ({error.strerror}): {_WAYS[error.errno]} ({_WHERE}).")


def of_memory(error: BaseException) -> InputError | None:
    """The sentence for a device without the memory for even one item; None for other errors."""
    first = " ".join((str(error).splitlines() or [""])[0].split())
    kind = type(error)  # torch is not imported for this
    if kind.__name__ == "OutOfMemoryError" and kind.__module__.startswith("torch"):
        return InputError(
            f"The GPU has too little memory even for one at a time ({first}): end what else uses it, or try "
            "precision=bf16, a smaller backbone or segmenter, or device=cpu; what is complete is kept."
        )
    if isinstance(error, RuntimeError) and "DefaultCPUAllocator" in first:
        return InputError(
            f"This machine has too little memory ({first}): end what else uses it, or try precision=bf16 or a smaller "
            "backbone or segmenter; what is complete is kept."
        )
    return None


def of_a_config(error: BaseException, folders: Sequence[Path]) -> InputError | None:
    """The sentence for a YAML file in some folders that cannot be read; None for other errors."""
    if isinstance(error, UnicodeDecodeError):
        return undecodable(error, folders)
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}" if mark else "A config"
        tab = "\\t" in str(error.problem)
        reason = "a tab, where YAML takes spaces only" if tab else " ".join(str(error.problem).split())
        return InputError(f"{place}: {reason}; put the file right.")
    if isinstance(error, yaml.YAMLError):
        return InputError(f"A config is no YAML ({' '.join(str(error).split())}): put the file right.")
    if isinstance(error, RecursionError) and _raised_in(error, "hydra", "omegaconf", "yaml"):
        return InputError("A config names itself in its defaults list, or is nested too deeply: put the file right.")
    if isinstance(error, ValueError) and str(error).startswith("Config group override must be"):
        return InputError(
            "A group of options takes the name of one of its choices, as in matcher=soft, and every option has a key: "
            "see `ntt run --help`."
        )
    return None


def _raised_in(error: BaseException, *packages: str) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return any(f"/{package}/" in frame.filename for frame in frames[-3:] for package in packages)
