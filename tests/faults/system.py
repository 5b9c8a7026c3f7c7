"""What surrounds a run fails: clocks, temporary folders, the home, a process that matches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from command_line import ntt

from faults.scene import Case, Outcome, Scene, begun, ending


def jumping_clocks(scene: Scene, cwd: Path) -> Outcome:
    """two workers on one store, one clock an hour ahead, the other set back by two hours in the middle of a shard"""
    ahead = scene.start(cwd, "a", NTT_TEST_CLOCK="3600")
    back = scene.start(cwd, "b", NTT_TEST_CLOCK="0", NTT_TEST_CLOCK_LATER="-7200")
    ended = ending(ahead, back)
    return Outcome(ended, begun(cwd), scene.same(cwd / "a", cwd / "b"))


def dying_matcher(scene: Scene, cwd: Path) -> Outcome:
    """kill -9 of one of two processes that match"""
    run = scene.start(cwd, "a", "workers=2", seconds=0)
    killed = 0
    while run.poll() is None and not killed:
        children = subprocess.run(["pgrep", "-P", str(run.pid), "-f", "spawn_main"], capture_output=True, text=True)
        for pid in map(int, children.stdout.split()[:1]):
            os.kill(pid, signal.SIGKILL)
            killed = pid
        time.sleep(0.05)
    ended = ending(run)
    return Outcome(
        f"{ended}{'' if killed else ', none was killed'}", begun(cwd), scene.same(cwd / "a") and bool(killed)
    )


def full_temporary_folders(scene: Scene, cwd: Path) -> Outcome:
    """TMPDIR and /dev/shm are full"""
    full = "mount -t tmpfs -o size=4k tmpfs {0} && head -c 4096 /dev/zero > {0}/full"
    prepare = " && ".join(full.format(place) for place in ("/dev/shm", "tmp"))
    return _in_its_own_mounts(scene, cwd, prepare, "workers=2", TMPDIR=str(cwd / "tmp"))


def read_only_home(scene: Scene, cwd: Path) -> Outcome:
    """HOME is read-only, and W&B tracks offline"""
    prepare = "mount -t tmpfs -o ro tmpfs tmp"
    wandb = ("tracking=wandb", "tracking.mode=offline")
    outcome = _in_its_own_mounts(scene, cwd, prepare, *wandb, HOME=str(cwd / "tmp"))
    tracked = any(b"bbox/AP" in file.read_bytes() for file in (cwd / "a").glob("wandb/offline-*/*.wandb"))
    ended = f"{outcome.ended}, AP {'tracked' if tracked else 'LOST'}"
    return Outcome(ended, outcome.begun, outcome.same and tracked)


def unwritable_run_folder(scene: Scene, cwd: Path) -> Outcome:
    """the run's folder is read-only; a rerun where it is not"""
    (cwd / "tmp").mkdir()
    shell = 'mount -t tmpfs -o ro tmpfs tmp && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", shell, "sh", sys.executable, "-m", "ntt.run", *scene.options]
    done = subprocess.run([*command, "hydra.run.dir=tmp/a"], cwd=cwd, capture_output=True, text=True)
    again = ntt(*scene.options, "hydra.run.dir=tmp/a", cwd=cwd)
    said = done.stderr.strip().splitlines()[-1]
    good = done.returncode == 2 and said.startswith("ntt: ") and again.returncode == 0
    return Outcome(f"{done.returncode} ({said}); again {again.returncode}", [], good and scene.same(cwd / "tmp/a"))


def _in_its_own_mounts(scene: Scene, cwd: Path, prepare: str, *more: str, **environment: str) -> Outcome:
    """A run that sees the mounts that `prepare` makes, and nobody else does."""
    (cwd / "tmp").mkdir()
    command = [sys.executable, "-m", "ntt.run", *scene.options, *more, "hydra.run.dir=a"]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{prepare} && exec "$@"', "sh", *command],
        cwd=cwd,
        env={**scene.environment(cwd, 0), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    said = f" ({done.stderr.strip().splitlines()[-1]})" if done.returncode else ""
    return Outcome(f"{done.returncode}{said}", begun(cwd), done.returncode == 0 and scene.same(cwd / "a"))


CASES: list[Case] = [jumping_clocks, dying_matcher]
NEEDING_ROOT: list[Case] = [full_temporary_folders, read_only_home, unwritable_run_folder]
