"""Output that nobody reads any more, or that cannot show a letter, ends no run."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


class _Unread(io.FileIO):
    """A pipe that takes everything after its reader has gone, as `| head` does."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes  # type: ignore[arg-type]


def forgive_output() -> None:
    """Let stdout and stderr drop what is written after their reader left, and escape what their encoding lacks."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _forgiving(stream))


def _forgiving(stream: io.TextIOWrapper) -> TextIO:
    stream.reconfigure(errors="backslashreplace")
    raw = getattr(stream.buffer, "raw", stream.buffer)  # PYTHONUNBUFFERED leaves the buffer out
    if stream.isatty() or type(raw) is not io.FileIO:
        return stream
    stream.flush()
    unread = _Unread(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        unread if raw is stream.buffer else io.BufferedWriter(unread),  # type: ignore[arg-type]
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
