"""What a process holds open is held for the next run, and let go of when it is told so."""

from __future__ import annotations

import os
from pathlib import Path

from ntt.processes.own import OwnProcess


def nothing() -> None:
    pass


def process_of(_: int) -> int:
    return os.getpid()


def test_processes_and_networks_are_kept_until_closed() -> None:
    own = OwnProcess()
    kept = set(own.matching.map(process_of, range(8), 1, nothing))
    assert kept == set(own.matching.map(process_of, range(8), 1, nothing))
    assert own.networks.get("a", list) is own.networks.get("a", list)
    network = own.networks.get("a", list)
    own.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in kept)
    assert own.networks.get("a", list) is not network
    assert kept != set(own.matching.map(process_of, range(8), 1, nothing))
    own.close()
