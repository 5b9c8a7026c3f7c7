"""A running process touches its record every few seconds: other hosts cannot look for its process."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

SECONDS = 5.0  # between two touches


class Heartbeat:
    """A thread that touches the record of the run that this process is at."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._thread: threading.Thread | None = None

    def show(self, file: Path | None) -> None:
        """Touch this file from now on; None: nothing."""
        self._file = file
        if file and self._thread is None:
            self._thread = threading.Thread(target=self._touch_forever, name="heartbeat", daemon=True)
            self._thread.start()

    def _touch_forever(self) -> None:
        while True:
            time.sleep(SECONDS)
            if file := self._file:
                with suppress(OSError):
                    os.utime(file)
