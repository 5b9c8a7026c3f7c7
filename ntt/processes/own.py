"""What this process owns from one run to the next: the points of a sweep with -m run one after the other in it.

Caches of what is read (labels, digests, modules' source) are not here: they hold nothing open, are derived anew when a
file changes, and lie beside what they spare. tests/documents/test_process_state.py lists them, each with its reason.
"""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ntt.networks.loading import LoadedNetworks
from ntt.processes.heartbeat import Heartbeat
from ntt.processes.pool import ProcessPool


@dataclass
class OwnProcess:
    """All that this process holds open, and what it remembers of its own doing.

    Attributes:
        networks: one encoder and one segmenter, loaded.
        matching: the processes that match.
        heartbeat: the thread that touches the record of the run.
        sweep: the lock of the sweep that it began. Not its callback's: that is pickled with jobs for other hosts.
        pinned: config file -> plain values of the points that it pinned itself, which need not be read again.
        said: what is said once a process only.
    """

    networks: LoadedNetworks = field(default_factory=LoadedNetworks)
    matching: ProcessPool = field(default_factory=ProcessPool)
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    sweep: ExitStack = field(default_factory=ExitStack)
    pinned: dict[Path, dict[str, Any]] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)

    def close(self) -> None:
        """Let go of it; whatever asks next gets it anew."""
        self.sweep.close()
        self.heartbeat.show(None)
        self.matching.close()
        self.networks.clear()


OWN = OwnProcess()
"""Of this process: the only one."""

atexit.register(OWN.close)
