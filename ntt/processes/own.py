"""What this process owns from one run to the next: the points of a sweep with -m run one after the other in it.

Caches of what is read (labels, digests, modules' source) are not here: they hold nothing open, are derived anew when a
file changes, and lie beside what they spare.
"""

from __future__ import annotations

import atexit
from dataclasses import dataclass, field

from ntt.networks.loading import LoadedNetworks
from ntt.processes.heartbeat import Heartbeat
from ntt.processes.pool import ProcessPool


@dataclass
class OwnProcess:
    """All that this process holds open.

    Attributes:
        networks: one encoder and one segmenter, loaded.
        matching: the processes that match.
        heartbeat: the thread that touches the record of the run.
    """

    networks: LoadedNetworks = field(default_factory=LoadedNetworks)
    matching: ProcessPool = field(default_factory=ProcessPool)
    heartbeat: Heartbeat = field(default_factory=Heartbeat)

    def close(self) -> None:
        """Let go of it; whatever asks next gets it anew."""
        self.heartbeat.show(None)
        self.matching.close()
        self.networks.clear()


OWN = OwnProcess()
"""Of this process: the only one."""

atexit.register(OWN.close)
