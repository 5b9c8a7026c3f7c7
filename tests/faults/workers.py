"""Processes that share a store are killed, frozen, or find its disk full."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from command_line import ntt

from faults.scene import Case, Outcome, Scene, begun, ending, wait_for_shard


def killed_worker(scene: Scene, cwd: Path) -> Outcome:
    """kill -9 of one of two workers in the middle of a shard"""
    first, second = scene.start(cwd, "a"), scene.start(cwd, "b")
    wait_for_shard(cwd, first.pid)
    first.kill()
    ended = ending(first, second)
    again = ntt(*scene.options, "hydra.run.dir=a", cwd=cwd)  # who was killed comes back
    return Outcome(f"{ended}; again {again.returncode}", begun(cwd), scene.same(cwd / "a", cwd / "b"))


def frozen_worker(scene: Scene, cwd: Path) -> Outcome:
    """SIGSTOP of one of two workers in a shard, for longer than its lease, then SIGCONT"""
    first, second = scene.start(cwd, "a"), scene.start(cwd, "b")
    wait_for_shard(cwd, first.pid)
    first.send_signal(signal.SIGSTOP)
    ended = ending(second)  # it takes the frozen one's shard over, and ends without it
    first.send_signal(signal.SIGCONT)
    return Outcome(f"{ended}, {ending(first)}", begun(cwd), scene.same(cwd / "a", cwd / "b"))


def two_sweeps(scene: Scene, cwd: Path) -> Outcome:
    """two sweeps of two points, started at once on one store"""
    sweeps = [scene.start(cwd, out, "-m", "shots=1,2") for out in ("a", "b")]
    ended = ending(*sweeps)
    equal = (cwd / "a/1/metrics.json").read_bytes() == (cwd / "b/1/metrics.json").read_bytes()
    return Outcome(ended, begun(cwd), equal and scene.same(cwd / "a/0", cwd / "b/0"))


def full_disk(scene: Scene, cwd: Path) -> Outcome:
    """the store's disk is full after some shards; a rerun after it was made larger"""
    disk = cwd / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], check=True)
    try:
        full = scene.start(cwd, "a", f"store.root={disk}", seconds=0)
        ended = ending(full)
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        again = ntt(*scene.options, "hydra.run.dir=a", f"store.root={disk}", cwd=cwd)
        return Outcome(f"{ended}; again {again.returncode}", begun(cwd), scene.same(cwd / "a"))
    finally:
        subprocess.run(["umount", disk], check=True)


CASES: list[Case] = [killed_worker, frozen_worker, two_sweeps]
NEEDING_ROOT: list[Case] = [full_disk]
