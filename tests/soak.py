"""A long run beside one that is killed again and again: `make soak`; short with `--images 300 --kills 3 --longest 12`.

Both run over the same pictures, each with a store of its own. One is left alone while its memory, handles and threads
are read every second: while it makes proposals they must not grow. The other one gets SIGKILL at random times and
is started again until it ends by itself. Then all results and all artifacts of proposals must have the same bytes, and
nothing may be left of the killed: no process, no lease, no half-written artifact.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median

import stand_ins
from command_line import draw_coco
from rich.console import Console
from rich.table import Table

SHARD = 20  # images
# How much more the last fifth of the proposals may take than the second one, of a few hundred MiB and some tens.
MOST_MIB, MOST_HANDLES, MOST_THREADS = 24, 2, 1


@dataclass(frozen=True)
class Sample:
    """One look at a process: finished shards of its store, resident MiB, open files, threads."""

    shards: int
    mib: float
    handles: int
    threads: int


def look(pid: int, store: Path) -> Sample:
    """Read /proc; raises OSError when the process has just ended."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    masks = store / "masks"
    return Sample(
        len(list(masks.iterdir())) if masks.is_dir() else 0,
        int(fields["VmRSS"].split()[0]) / 1024,
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        int(fields["Threads"]),
    )


@dataclass(frozen=True)
class Life:
    """One process from its start to its end: exit code and samples."""

    code: int
    seconds: float
    samples: list[Sample]


def live(command: list[str], folder: Path, until: float) -> Life:
    """Start a run in `folder`, kill it after `until` seconds, and look at it meanwhile."""
    began, samples = time.monotonic(), []
    with (folder / "console.log").open("a") as log:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        run = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    while True:
        try:
            run.wait(min(1.0, max(0.0, until - (time.monotonic() - began))))
            break
        except subprocess.TimeoutExpired:
            try:
                samples.append(look(run.pid, folder / "store"))
            except (OSError, KeyError, ValueError):
                continue  # it ended just now: no memory is its own any more
            if time.monotonic() - began >= until:
                run.kill()
                run.wait()
                break
    return Life(run.returncode, time.monotonic() - began, samples)


def lives(command: list[str], folder: Path, kills: int, longest: float, seed: int) -> Iterator[Life]:
    """Run until the end, with that many kills at most, each within `longest` seconds of its start."""
    folder.mkdir()
    drawn = random.Random(seed)
    for n in range(kills + 1):
        life = live(command, folder, drawn.uniform(1.0, longest) if n < kills else float("inf"))
        yield life
        if life.code != -9:
            return


def growth(samples: list[Sample], shards: int, of: Callable[[Sample], float]) -> tuple[float, float, float, float]:
    """Medians in the second and the last fifth of the proposals, slope per 1,000 images, and the most of all samples.

    The first fifth is left out: networks are loaded, and the allocator's arenas fill.
    """
    fifths = [[s for s in samples if low * shards / 5 < s.shards <= (low + 1) * shards / 5] for low in range(5)]
    steady = [s for part in fifths[1:] for s in part if s.shards < shards]
    slope = linear_regression([s.shards * SHARD / 1000 for s in steady], [of(s) for s in steady]).slope
    early, late = (median(of(s) for s in part if s.shards < shards) for part in (fifths[1], fifths[4]))
    return early, late, slope, max(map(of, samples))


def sums(folder: Path) -> dict[str, str]:
    """sha256 of every result and of every file of proposals; manifests, which hold times, are left out."""
    files = [folder / "out" / name for name in ("metrics.json", "predictions.json")]
    files += sorted(folder.glob("store/masks/*/*.safetensors")) + sorted(folder.glob("store/vectors/*/*.safetensors"))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def left_behind(folder: Path) -> list[str]:
    """Processes that work in the folder, leases and unfinished artifacts."""
    found = [str(file) for name in ("leases", "partial") for file in (folder / "store" / name).glob("*")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append(f"process {process.name}")
        except OSError:
            continue  # ended, or somebody else's
    return found


def main() -> int:
    """Run both and print the figures; 1 when anything grows, differs or is left behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--longest", type=float, default=60.0, help="seconds that a process lives before it is killed")
    parser.add_argument("--seed", type=int, default=0, help="of the times of the kills")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        root = Path(name).resolve()
        draw_coco(root / "coco", "train", 6, seed=1)
        draw_coco(root / "coco", "val", options.images, seed=2)
        (root / "weights").mkdir()
        networks = stand_ins.write_networks(root / "weights")
        command = [sys.executable, "-m", "ntt.run", "+experiment=coco_1shot", f"dataset.root={root / 'coco'}"]
        command += [*networks, "split=all", f"store.shard_size={SHARD}", "store.root=store", "device=cpu"]
        command += ["report.pictures=0", "hydra.run.dir=out"]
        with ThreadPoolExecutor(2) as pool:
            alone = pool.submit(lambda: list(lives(command, root / "alone", 0, 0.0, 0)))
            chased = list(lives(command, root / "chased", options.kills, options.longest, options.seed))
            [undisturbed] = alone.result()
        good = report(options.images, undisturbed, chased, root)
        if not good:
            for folder in ("alone", "chased"):
                print((root / folder / "console.log").read_text(encoding="utf-8", errors="replace")[-2000:])
    return 0 if good else 1


def report(images: int, undisturbed: Life, chased: list[Life], root: Path) -> bool:
    """Print what was measured; whether all of it is good."""
    shards = -(-images // SHARD)
    table = Table("of the undisturbed process", "second fifth", "last fifth", "per 1,000 images", "most of all stages")
    good = True
    for what, most, of in (
        ("resident MiB", MOST_MIB, lambda s: s.mib),
        ("open files", MOST_HANDLES, lambda s: s.handles),
        ("threads", MOST_THREADS, lambda s: s.threads),
    ):
        early, late, slope, top = growth(undisturbed.samples, shards, of)
        table.add_row(what, f"{early:.0f}", f"{late:.0f}", f"{slope:+.2f}", f"{top:.0f}")
        good &= late - early <= most
    Console(width=120).print(table)
    codes = [life.code for life in chased]
    print(f"undisturbed: exit {undisturbed.code} after {undisturbed.seconds:.0f} s, {len(undisturbed.samples)} samples")
    print(f"killed {codes.count(-9)} times, then exit {codes[-1]}, {sum(life.seconds for life in chased):.0f} s in all")
    if tops := [max(s.mib for s in life.samples) for life in chased if life.samples]:
        print(f"most MiB of each of its processes: {' '.join(f'{top:.0f}' for top in tops)}")
    good &= undisturbed.code == codes[-1] == 0
    if not good:
        return False
    first, second = sums(root / "alone"), sums(root / "chased")
    print(f"{len(first)} files of results and proposals: {'same bytes' if first == second else 'DIFFERENT'}")
    rest = left_behind(root / "chased")
    print(f"left behind by the killed: {', '.join(rest) or 'nothing'}")
    return first == second and not rest and len(list((root / "alone").glob("store/masks/*"))) == shards


if __name__ == "__main__":
    sys.exit(main())
