"""A file layer that answers as bad file systems do, under the functions that Python's libraries call.

Only for files of NTT_TEST_FILES_UNDER: the store, and what a run reads beside its weights.
"""

import builtins
import errno
import io
import os
from pathlib import Path

UNDER = os.environ.get("NTT_TEST_FILES_UNDER", "")


def ours(path):
    """Whether a path is one of those that are meant."""
    return isinstance(path, str | os.PathLike) and str(Path(path).absolute()).startswith(UNDER + os.sep)


def fail(code, path):
    raise OSError(code, os.strerror(code), os.fspath(path))


def no_hard_links():
    """exFAT, object stores."""
    os.link = lambda source, *_, **__: fail(errno.EPERM, source)


def lost_links():
    """NFS: a LINK is done, its answer lost, the request repeated and refused."""
    link = os.link

    def linked(source, target, **more):
        link(source, target, **more)
        if ours(target):
            fail(errno.EEXIST, target)

    os.link = linked


def lost_renames():
    """NFS: the same of a RENAME: what was renamed is not there any more."""

    def forgetful(rename):
        def renamed(source, target, **more):
            rename(source, target, **more)
            if ours(target):
                fail(errno.ENOENT, source)

        return renamed

    os.rename, os.replace = forgetful(os.rename), forgetful(os.replace)


def stale():
    """NFS: the first reading of every file meets a handle that its server does not know any more (ESTALE)."""
    met = set()
    undisturbed = io.open

    def opened(path, mode="r", *more, **options):
        if ours(path) and not set(mode) & set("wax+"):
            key = str(Path(path).absolute())
            if key not in met:
                met.add(key)
                fail(errno.ESTALE, path)
        return undisturbed(path, mode, *more, **options)

    io.open = builtins.open = opened


LAYERS = {"no-hard-links": no_hard_links, "lost-links": lost_links, "lost-renames": lost_renames, "stale": stale}
