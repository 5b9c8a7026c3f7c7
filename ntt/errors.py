"""The one exception a user is meant to read."""

from __future__ import annotations


class InputError(Exception):
    """Something the user gave cannot be used: a file, an option, a class name.

    The message is one sentence that names the file or key, the value, and the way out. The command line prints
    it without a traceback and exits with code 2.
    """
