"""Who may read and write what is made in a store: whoever its root admits, whatever the maker's umask is.

A store that several users share has a root that its group (or everybody) can write: `chmod 2770`. Whatever is made in
it gets the same permissions, so that no user's umask shuts the others out. In a store of one's own the umask decides.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def open_as(root: Path, *paths: Path) -> None:
    """Give files and folders that this process has made the permissions of the root, where that is shared.

    Args:
        root: of the store.
        paths: in it; what belongs to another user stays as it is.
    """
    shared = _shared(root)
    if shared is None:
        return
    for path in paths:
        with suppress(OSError):  # not ours
            status = path.stat()
            wanted = shared if stat.S_ISDIR(status.st_mode) else shared & 0o666
            if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) | wanted != stat.S_IMODE(status.st_mode):
                path.chmod(stat.S_IMODE(status.st_mode) | wanted)


def what_it_needs(root: Path) -> str:
    """How the root of a store is opened to others, as the end of a sentence."""
    return (
        f"whoever owns it can open it to a group with `chgrp -R GROUP {root}` and `chmod -R g+rwXs {root}` "
        "(what is made there later gets the folder's own mode, whatever the umask), or set store.root to a folder of "
        "your own"
    )


@lru_cache(maxsize=64)
def _shared(root: Path) -> int | None:
    """The mode that folders in the store get; None in a store of one's own."""
    try:
        mode = stat.S_IMODE(root.stat().st_mode)
    except OSError:
        return None
    # Not the sticky bit: whoever may make artifacts may take over the leases of the dead.
    return mode & 0o2777 if mode & _OTHERS_MAY_WRITE else None
