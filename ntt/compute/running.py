"""Which processes of this machine run: by their number and start time, since numbers are used again."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def machine_identity() -> str:
    """Names this boot of this machine and this process namespace: inside it, process ids mean the same to all.

    Empty where the system does not say.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def process_identity(pid: int) -> str:
    """A process id with its start time; empty when no such process can be seen running."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if after_name[0] in "ZX" else f"{pid} {after_name[19]}"
    except (OSError, IndexError):
        return ""


def is_running(pid: int, identity: str = "") -> bool:
    """Whether a process of this machine runs.

    Args:
        pid: its number.
        identity: what :func:`process_identity` said of it, where that is known: another one may have its number by now.
    """
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass  # somebody else's
    except (OSError, OverflowError):
        return False
    return not identity or process_identity(pid) == identity
