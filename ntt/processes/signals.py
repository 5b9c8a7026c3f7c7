"""SIGTERM and SIGHUP end a process as Ctrl-C does: open files are closed, what it started is ended, and it is said."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from types import FrameType

PARENT = "NTT_PARENT"  # in the environment: the process with which this one ends
_PR_SET_PDEATHSIG = 1  # of Linux
_ENDING = (signal.SIGTERM, signal.SIGHUP)


class Terminated(KeyboardInterrupt):
    """A signal asked this process to end.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


_GOES_ON = "goes_on"


def go_on_after(error: KeyboardInterrupt, what: str) -> None:
    """Let the last words of an interrupted process be what goes on without it."""
    setattr(error, _GOES_ON, what)


def last_words(error: KeyboardInterrupt) -> str:
    """What an interrupted process says at its end."""
    how = f"ended by {error}" if isinstance(error, Terminated) else "interrupted"
    return f"{how}; {getattr(error, _GOES_ON, 'the same command continues where this one stopped')}."


def end_as_by_ctrl_c() -> None:
    """Let the signals that end a process raise :class:`Terminated` in the main thread, the first one of them.

    What somebody told to be ignored stays ignored, as `nohup` does with SIGHUP.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _ENDING:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _raise)


def _raise(number: int, _: FrameType | None) -> None:
    for other in _ENDING:  # a second one would interrupt the end of the first
        signal.signal(other, signal.SIG_IGN)
    raise Terminated(number)


def end_with_parent() -> None:
    """Be told to end (SIGTERM) when the process dies that :data:`PARENT` names and that started this one; on Linux."""
    if os.environ.get(PARENT) != str(os.getppid()):
        return  # inherited from further up
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    except (OSError, AttributeError):
        return
    if os.environ[PARENT] != str(os.getppid()):
        os.kill(os.getpid(), signal.SIGTERM)  # it died meanwhile
