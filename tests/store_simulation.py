"""Processes that share a store, simulated: real leases and artifacts over a file system that misbehaves.

`python tests/store_simulation.py 100000` plays that many schedules and prints what befell; the tests play 10,000. Each
is determined by its number. Processes are greenlets that switch at every file operation; a seeded scheduler chooses who
goes on, who is killed (without any last word), who stalls for longer than a lease, and which operation misbehaves: a
LINK or RENAME whose answer is lost, reads of what a file held before, input/output errors, no hard links, half-written
files, and jumps of the file server's clock.

In the end a process that nothing befalls wants the same artifacts. Then every one must be there, whole.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import greenlet
from simulated_folders import Files, Folders

from ntt.store import artifacts as artifacts_module
from ntt.store import leases as leases_module
from ntt.store.artifacts import Artifact
from ntt.store.leases import Leases
from ntt.store.store import Store

LEASE_SECONDS = 60.0
PARTS = ("a", "b", "c")  # files of every artifact
ROOT = Path("/store")


class Killed(BaseException):
    """The process is gone: nothing that it still does has any effect."""


class Process:
    """One process: its greenlets, and whether they may go on."""

    def __init__(self, world: World, number: int, host: str, immortal: bool = False) -> None:
        self.world, self.number, self.host, self.immortal = world, number, host, immortal
        self.alive, self.until = True, 0.0  # stalled until then
        self.done = False
        self.leases = Leases(Files(world, self), LEASE_SECONDS, lambda: world.now, renewing=False)
        store = Store.__new__(Store)
        store.root, store._leases = ROOT, self.leases
        self.store = store
        self.greenlets = [greenlet.greenlet(self.work), greenlet.greenlet(self.renew)]
        self.wakes = [0.0, LEASE_SECONDS / 4]

    def work(self) -> None:
        """Obtain all artifacts, as a stage does."""
        wanted = [Artifact(ROOT / "stage" / str(n), "stage", str(n), {}, Folders(self.world, self)) for n in range(2)]
        while True:
            try:
                with closing(self.store.claims(wanted)) as claims:
                    for claim in claims:
                        if claim:
                            self.store.finish(claim, self.make)
                        else:
                            self.sleep(1.0)
                self.done = True
                return
            except OSError:
                self.world.told["runs that ended with an error, and began again"] += 1
                self.sleep(5.0)

    def make(self, artifact: Artifact) -> None:
        with artifact.writing(1.0) as folder:
            self.world.told["artifacts begun"] += 1
            for part in PARTS:
                self.sleep(self.world.random.choice((0.0, 5.0, 20.0)))
                self.world.step(self)
                self.world.folders.setdefault(folder, {})[part] = artifact.key  # makes the folder, as ours does

    def renew(self) -> None:
        while True:
            self.leases.renew()
            self.sleep(LEASE_SECONDS / 4)

    def sleep(self, seconds: float) -> None:
        index = self.greenlets.index(greenlet.getcurrent())
        self.wakes[index] = self.world.now + seconds
        self.world.step(self)


class World:
    """The hosts, their clock, and the file server."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now, self.server_clock = 0.0, 0.0
        self.files: dict[str, dict[str, Any]] = {}
        self.before: dict[str, tuple[float, str]] = {}  # what a file held until when
        self.folders: dict[Path, dict[str, str]] = {}
        self.told: Counter[str] = Counter()
        self.hard_links = self.random.random() < 0.7
        self.trouble = self.random.choice((0.0, 0.01, 0.05))  # share of operations that misbehave
        self.stale_for = self.random.choice((0.0, 3.0, 30.0))
        self.main = greenlet.getcurrent()
        hosts = ["one", "one", "two"]
        self.processes = [Process(self, n, hosts[n % 3]) for n in range(self.random.randint(2, 4))]
        self.current: Process | None = None

    def step(self, process: Process) -> None:
        """The scheduler's turn, before an operation of a process."""
        if process.alive:
            self.main.switch()
        if not process.alive:
            raise Killed

    def misbehaves(self, process: Process) -> bool:
        return not process.immortal and self.random.random() < self.trouble

    def play(self) -> None:
        """Let things befall, then let a process that nothing befalls want everything."""
        for _ in range(self.random.randint(5, 600)):
            self.turn()
        self.trouble, self.stale_for = 0.0, 0.0
        last = Process(self, 99, "three", immortal=True)
        self.processes.append(last)
        for _ in range(20_000):
            if last.done:
                break
            self.turn(befalling=False)
        self.judge(last)
        for process in self.processes:
            process.alive = False
            for one in process.greenlets:
                if one:
                    with suppress(Killed):
                        one.throw(Killed)

    def turn(self, befalling: bool = True) -> None:
        able = []
        for process in self.processes:
            if process.alive and process.until <= self.now:
                able += [
                    (process, i)
                    for i, one in enumerate(process.greenlets)
                    if not one.dead and process.wakes[i] <= self.now and not (i == 1 and process.done)
                ]
        if not able:
            self.now += 1.0
            return
        process, index = self.random.choice(able)
        chance = self.random.random()
        if befalling and chance < 0.005:
            process.alive = False
            self.told["processes killed"] += 1
            return
        if befalling and chance < 0.03:
            process.until = self.now + self.random.choice((10.0, 70.0, 300.0))
            self.told["processes stalled"] += 1
            return
        if befalling and chance < 0.035:
            self.server_clock += self.random.choice((-3600.0, 3600.0, 1.0))
            self.told["jumps of the file server's clock"] += 1
        self.now += self.random.random() * 0.2
        self.current = process
        with suppress(Killed):
            process.greenlets[index].switch()

    def judge(self, last: Process) -> None:
        """Nothing lost, nothing wrong."""
        if not last.done:
            raise AssertionError("an artifact was never made")
        for number in range(2):
            found = self.folders.get(ROOT / "stage" / str(number))
            if found is None:
                raise AssertionError(f"artifact {number} is lost")
            if {part: found.get(part) for part in PARTS} != dict.fromkeys(PARTS, str(number)):
                raise AssertionError(f"artifact {number} is not whole: {found}")
            if set(found["manifest"].split()) != set(PARTS):
                raise AssertionError(f"artifact {number} has another manifest: {found}")
        self.told["artifacts made twice"] += max(0, self.told["artifacts finished"] - 2)


def play(schedules: range) -> Counter[str]:
    """Play schedules; what befell, all together.

    Raises:
        AssertionError: an artifact is lost or wrong; names the schedule.
    """
    world: World | None = None

    def current() -> Process:
        assert world is not None
        assert world.current is not None
        return world.current

    def alive(process: str) -> bool:
        assert world is not None
        return any(str(one.number) == process and one.alive for one in world.processes)

    kept = {
        (leases_module, "_machine"): lambda: current().host,
        (leases_module, "process_identity"): lambda _: str(current().number),
        (leases_module, "_alive"): alive,
        (artifacts_module, "writer"): lambda: f"{current().host}-{current().number}",
        (artifacts_module, "provenance"): dict,
    }
    told: Counter[str] = Counter()
    before = {key: getattr(*key) for key in kept}
    for key, value in kept.items():
        setattr(*key, value)
    try:
        for number in schedules:
            world = World(number)
            try:
                world.play()
            except AssertionError as error:
                raise AssertionError(f"schedule {number}: {error}") from error
            told += world.told
    finally:
        for key, value in before.items():
            setattr(*key, value)
    return told


if __name__ == "__main__":
    count = int(sys.argv[1])
    began = time.monotonic()
    result = play(range(count))
    print(f"{count} schedules in {time.monotonic() - began:.0f} s: no artifact lost, none wrong")
    for what, times in sorted(result.items()):
        print(f"  {what}: {times}")
