"""Sharing work through a folder: one maker at a time, the dead and the frozen are replaced."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from ntt.store.artifacts import Artifact
from ntt.store.leases import Leases
from ntt.store.store import Store


def holder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """A process that claims `shard` and holds it until it is killed."""
    code = f"""
import time
from pathlib import Path
from ntt.store.leases import Leases
assert Leases(Path({str(folder)!r}), {seconds}).claim("shard")
print("claimed", flush=True)
time.sleep(100)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"
    process.stdout.close()
    return process


def claim_within(ours: Leases, seconds: float):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if lease := ours.claim("shard"):
            return lease
        time.sleep(0.02)
    return None


def test_one_of_many_gets_the_lease_and_gives_it_back(tmp_path):
    crowd = [Leases(tmp_path) for _ in range(5)]
    claims = [member.claim("shard") for member in crowd]
    assert [claim is not None for claim in claims] == [True, False, False, False, False]
    crowd[0].release("shard")
    assert crowd[3].claim("shard")
    assert list(tmp_path.iterdir()) == [tmp_path / "shard.lease"]


def test_a_living_holder_keeps_its_lease_by_renewing(tmp_path):
    process = holder(tmp_path, seconds=0.4)
    try:
        assert claim_within(Leases(tmp_path, 0.4), 1.5) is None
    finally:
        process.kill()
        process.wait()


def test_a_dead_holder_on_this_machine_is_replaced_at_once(tmp_path):
    process = holder(tmp_path, seconds=1000)
    process.kill()
    process.wait()
    assert Leases(tmp_path, 1000).claim("shard")


def test_a_silent_holder_on_another_machine_is_replaced_after_a_lease_time(tmp_path, monkeypatch):
    monkeypatch.setattr("ntt.store.leases._machine", lambda: "another machine")
    theirs = Leases(tmp_path, 1000).claim("shard")
    assert theirs
    monkeypatch.undo()
    ours = Leases(tmp_path, 0.3)
    assert ours.claim("shard") is None
    assert claim_within(ours, 5)
    assert not theirs.held()


def test_a_frozen_holder_is_replaced_and_notices(tmp_path):
    process = holder(tmp_path, seconds=0.4)
    try:
        process.send_signal(signal.SIGSTOP)
        lease = claim_within(Leases(tmp_path, 0.4), 10)
        assert lease
        process.send_signal(signal.SIGCONT)
        time.sleep(0.6)
        assert lease.held()
    finally:
        process.kill()
        process.wait()


def test_a_taker_that_died_on_the_way_does_not_block_the_lease(tmp_path):
    process = holder(tmp_path, seconds=1000)
    lease = tmp_path / "shard.lease"
    held = lease.read_text()
    mark = tmp_path / f"shard.lease.{json.loads(held)['token']}.taken"
    mark.write_text(held)  # taken by a process that dies before it has replaced the lease of a dead one
    process.kill()
    process.wait()
    assert claim_within(Leases(tmp_path, 1000), 5)


def test_workers_share_artifacts_without_making_one_twice(tmp_path):
    code = f"""
import sys, time
from pathlib import Path
from ntt.store.artifacts import Artifact
from ntt.store.store import Store
store = Store(Path({str(tmp_path)!r}))
artifacts = [store.artifact("proposals", {{"number": n}}) for n in range(30)]
def make(artifact):
    with artifact.writing() as folder:
        time.sleep(0.02)
        (folder / "file").write_text(artifact.key)
print(store.obtain(artifacts, make))
assert all(a.exists() for a in artifacts)
"""
    workers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    shares = [int(worker.communicate()[0]) for worker in workers]
    assert sum(shares) == 30
    assert list((tmp_path / "partial").iterdir()) == []
    assert list((tmp_path / "leases").iterdir()) == []


def test_a_worker_frozen_past_its_lease_gives_up_what_it_was_making(tmp_path):
    code = f"""
from pathlib import Path
from ntt.store.artifacts import Artifact
from ntt.store.store import Store
store = Store(Path({str(tmp_path)!r}), lease_seconds=0.4)
def make(artifact):
    with artifact.writing() as folder:
        print("making", flush=True)
        input()
        (folder / "file").write_text("frozen")
print(store.obtain([store.artifact("memory", {{}})], make))
"""
    pipe = subprocess.PIPE
    frozen = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True)
    assert frozen.stdout is not None
    assert frozen.stdout.readline() == "making\n"
    frozen.send_signal(signal.SIGSTOP)
    store = Store(tmp_path, lease_seconds=0.4)
    artifact = store.artifact("memory", {})

    def make(artifact: Artifact) -> None:
        with artifact.writing() as folder:
            (folder / "file").write_text("ours")

    assert store.obtain([artifact], make) == 1
    frozen.send_signal(signal.SIGCONT)
    printed, _ = frozen.communicate("go on\n", timeout=20)
    assert (frozen.returncode, printed) == (0, "0\n")
    assert (artifact.path / "file").read_text() == "ours"
    assert artifact.damage() is None


def test_waiting_for_another_maker_ends_when_it_is_done(tmp_path):
    store = Store(tmp_path)
    artifact = store.artifact("memory", {})
    code = f"""
import time
from pathlib import Path
from ntt.store.artifacts import Artifact
from ntt.store.store import Store
store = Store(Path({str(tmp_path)!r}))
artifact = store.artifact("memory", {{}})
with store.claim(artifact) as ours:
    assert ours
    print("claimed", flush=True)
    time.sleep(0.5)
    with artifact.writing() as folder:
        (folder / "file").write_text("theirs")
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    other.stdout.readline()
    other.stdout.close()
    seen = []
    assert store.obtain([artifact], lambda _: None, seen.append) == 0
    assert seen == [artifact]
    assert (artifact.path / "file").read_text() == "theirs"
    other.wait()
