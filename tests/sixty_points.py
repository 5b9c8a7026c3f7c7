"""What sixty points cost against one: `python tests/sixty_points.py [demo] [full-size] [--proposals SECONDS ...]`.

`demo` runs both over the drawn world, each in an empty folder, and checks that a point of the sweep has the bytes of
the single run. `full-size` computes the same ratio for COCO: the networks' seconds are options, those of the cheap
stages are measured here, on made-up proposals of COCO's size, and scaled from `--images` to 5000.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

SHOTS = (1, 2, 3, 5, 8, 10)  # the drawn world has 13 valid references of its rarest class
SEEDS = (33, 42, 13, 27, 36, 88, 69, 55, 77, 99)
ONE = (10, 33)
TARGETS, CLASSES, MOST_SHOTS, DETECTIONS, PROPOSALS = 5000, 20, 30, 100, 800
DIFFERENT = 4  # made-up images; drawing more would take longer than matching them


def run(cwd: Path, *options: str) -> tuple[float, float]:
    """Wall and processor seconds of `python -m ntt.run` in an empty folder."""
    cwd.mkdir()
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "ntt.run", *options]
    with (cwd / "console.log").open("wb") as console:
        subprocess.run(command, cwd=cwd, stdout=console, stderr=subprocess.STDOUT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used


def demo(folder: Path) -> Table:
    """Run one point and sixty over the drawn world."""
    shots, seed = ONE
    one = run(folder / "one", "+experiment=demo", f"shots={shots}", f"seed={seed}", "hydra.run.dir=out")
    grid = [f"{key}={','.join(map(str, values))}" for key, values in (("shots", SHOTS), ("seed", SEEDS))]
    sixty = run(folder / "sixty", "-m", "+experiment=demo", *grid, "hydra.sweep.dir=out")
    point = SHOTS.index(shots) * len(SEEDS) + SEEDS.index(seed)
    for name in ("metrics.json", "predictions.json"):
        alone, swept = folder / "one/out" / name, folder / f"sixty/out/{point}" / name
        assert alone.read_bytes() == swept.read_bytes(), f"{alone} and {swept} differ"
    table = Table("demo", "one point", "sixty points", "ratio", title="measured, each in an empty folder")
    for name, first, all_of_them in zip(("seconds", "processor seconds"), one, sixty, strict=True):
        table.add_row(name, f"{first:.1f}", f"{all_of_them:.1f}", f"{all_of_them / first:.2f}")
    return table


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds, which other programs on the machine change little."""
    began = time.process_time()
    work()
    return time.process_time() - began


def cheap_stages(images: int, folder: Path) -> dict[str, float]:
    """Processor seconds of one point's own work over COCO's 5000 targets, on one core."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch
    from safetensors.torch import save_file

    from ntt.bench.scenes import detections_of, ellipses
    from ntt.data.coco import ImageRecord
    from ntt.evaluation.coco import evaluate
    from ntt.evaluation.files import write_predictions
    from ntt.masks.overlaps import mask_overlaps
    from ntt.matching.settings import MatchSettings
    from ntt.proposals.image_proposals import ImageMasks
    from ntt.proposals.stored_form import digest_of, masks_to_tensors, vectors_to_tensors
    from ntt.stages.match import match_shard
    from ntt.stages.shards import Shard
    from ntt.store.artifacts import Artifact
    from ntt.store.hashing import file_sha256

    torch.set_num_threads(1)
    made = ellipses(PROPOSALS, CLASSES)
    low = (made.boxes * 0.4).long()  # 640 x 480 to the segmenter's 256 x 256, near enough
    counts = [rle["counts"] for rle in made.rles]
    overlaps = mask_overlaps(made.rles)
    shuffled = [torch.randperm(PROPOSALS, generator=torch.Generator().manual_seed(i)) for i in range(DIFFERENT)]
    images_masks = [
        ImageMasks(480, 640, made.predicted_iou[order], low, made.boxes, made.areas, counts, overlaps)
        for order in shuffled
    ]
    vectors, digest = [made.vectors[order].half() for order in shuffled], digest_of([])
    artifacts = [Artifact(folder / name, name, "", {}) for name in ("masks", "vectors")]
    for artifact, tensors in zip(
        artifacts, (masks_to_tensors(images_masks, digest), vectors_to_tensors(vectors, digest)), strict=True
    ):
        artifact.path.mkdir(exist_ok=True)
        save_file(tensors, artifact.path / f"{artifact.stage}.safetensors")
    files = [artifact.path / f"{artifact.stage}.safetensors" for artifact in artifacts]
    shard = Shard([ImageRecord(i, "", 480, 640) for i in range(DIFFERENT)], *artifacts)
    matcher = (made.prototypes, list(range(1, CLASSES + 1)), MatchSettings(), {})
    rounds = max(1, images // DIFFERENT)
    truth, results = detections_of(images, DETECTIONS)
    evaluate(truth, results[:DETECTIONS])
    scale, per_shard = TARGETS / images, TARGETS / (rounds * DIFFERENT)
    return {
        "checksums of the proposals": per_shard
        * seconds(lambda: [file_sha256(file) for _ in range(rounds) for file in files]),
        "reading and matching": per_shard * seconds(lambda: [match_shard(shard, matcher) for _ in range(rounds)]),
        "predictions.json": scale * seconds(lambda: write_predictions(folder / "p.json", results)),
        "evaluation": scale * seconds(lambda: evaluate(truth, results)),
    }


def full_size(options: argparse.Namespace, folder: Path) -> Table:
    """The ratio for COCO: 5000 targets, 20 classes, up to 30 shots, ten seeds."""
    cheap = cheap_stages(options.images, folder)
    checked = cheap.pop("checksums of the proposals")  # once in a process, however many points it runs
    cheap["reading and matching"] /= options.cores
    point = sum(cheap.values())
    references = MOST_SHOTS * CLASSES
    rows = {
        f"proposals of {TARGETS} targets": (TARGETS * options.proposals, TARGETS * options.proposals),
        # No two seeds draw the same object: more than there can be.
        "references": (references * options.reference, len(SEEDS) * references * options.reference),
        "checksums of the proposals": (checked, checked),
        **{name: (value, 60 * value) for name, value in cheap.items()},
    }
    one, sixty = (sum(values) for values in zip(*rows.values(), strict=True))
    title = f"COCO, from {options.proposals:g} s a target, {options.reference:g} s a reference, {options.cores} core(s)"
    table = Table("full size", "one point, s", "sixty points, s", title=title, caption=f"{point:.1f} s a further point")
    for name, values in rows.items():
        table.add_row(name, *(f"{value:.1f}" for value in values))
    table.add_row("together", f"{one:.0f}", f"{sixty:.0f}", end_section=True)
    table.add_row("ratio", "", f"{sixty / one:.3f}")
    return table


def main() -> None:
    """Print the tables that were asked for, without a name both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", metavar="demo | full-size", help="which ratio (both)")
    measured = "ViT-L and SAM 2 large in bf16 on two cores, the README's table"
    parser.add_argument("--proposals", type=float, default=10.9, help=f"seconds a target image takes ({measured})")
    parser.add_argument("--reference", type=float, default=2.34, help=f"seconds a reference takes ({measured})")
    parser.add_argument("--cores", type=int, default=2, help="that match side by side")
    parser.add_argument("--images", type=int, default=200, help="made-up images to measure the cheap stages on")
    options = parser.parse_args()
    wanted = options.what or ["demo", "full-size"]
    console = Console(width=120)
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="sixty-") as folder:
            console.print(demo(Path(folder)) if name == "demo" else full_size(options, Path(folder)))


if __name__ == "__main__":
    main()
