"""Files that some processes cannot read for a while, as a stale mount has them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_HOOK = """
import errno, io, os, pathlib
lost, when = os.environ["LOST"].split(","), os.environ["WHEN"]
def check(path):
    if str(path).endswith(tuple(lost)):
        raise OSError(errno.ESTALE, "Stale file handle", str(path))
read_bytes, opened = pathlib.Path.read_bytes, pathlib.Path.open
def read(self):
    check(self)
    return read_bytes(self)
def opening(self, *args, **more):
    check(self)
    return opened(self, *args, **more)
pathlib.Path.read_bytes = read  # of what decodes
if when == "always":
    pathlib.Path.open = opening  # of what computes digests
"""


def losing(name: str, when: Literal["always", "late"], folder: Path) -> dict[str, str]:
    """The environment of a process that cannot read a file.

    Args:
        name: what the file's path ends with.
        when: always, or late: its digest can still be computed.
        folder: for the hook that does it; made.
    """
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_HOOK)
    return {"PYTHONPATH": str(folder), "LOST": name, "WHEN": when}
