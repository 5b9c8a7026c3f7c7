"""How throughput grows with workers on one store: `python tests/throughput.py [IMAGES] [SECONDS]`.

Every worker is a process of its own with a simulated segmenter that costs the given seconds per image and no core, as
if each had its own GPU. What is measured is the sharing: leases, shards, waiting for the last one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from command_line import draw_coco
from rich.console import Console
from rich.table import Table
from stand_ins import write_networks

WORKERS = (1, 2, 4)


def seconds(workers: int, coco: Path, networks: list[str], cost: float, folder: Path) -> float:
    """Time from when the workers reach the proposals until the last of them has all of them."""
    options = ["+experiment=coco_1shot", f"dataset.root={coco}", "split=all", "stages=[proposals]", *networks]
    options += [
        "segmenter._target_=stand_ins.SlowSegmenter",
        "trusted=[stand_ins]",
        f"proposals.iou_threshold={cost}",
        "device=cpu",
    ]
    options += ["store.shard_size=2", f"store.root={folder}/store"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "ntt.run", *options, f"hydra.run.dir={folder}/{n}"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for n in range(workers)
    ]
    assert [process.wait() for process in running] == [0] * workers
    outcomes = [json.loads((folder / str(n) / "timings.json").read_text())["proposals"] for n in range(workers)]
    assert sum(outcome["computed"] for outcome in outcomes) == outcomes[0]["shards"]
    return max(outcome["seconds"] for outcome in outcomes)


def main(images: int = 48, cost: float = 1.0) -> None:
    """Print seconds, images per second and the ratio to one worker."""
    table = Table(title=f"{images} images of {cost:g} s")
    for column in ("workers", "seconds", "images/s", "against one"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        draw_coco(root / "coco", "train", 2, seed=1)
        draw_coco(root / "coco", "val", images, seed=2)
        networks = write_networks(root)
        alone = 0.0
        for workers in WORKERS:
            (root / str(workers)).mkdir()
            taken = seconds(workers, root / "coco", networks, cost, root / str(workers))
            alone = alone or taken
            table.add_row(str(workers), f"{taken:.1f}", f"{images / taken:.2f}", f"{alone / taken:.2f}x")
    Console().print(table)


if __name__ == "__main__":
    main(*(kind(value) for kind, value in zip((int, float), sys.argv[1:], strict=False)))
