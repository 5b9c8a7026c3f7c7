"""LVIS at its own size, with stored random proposals: `python tests/lvis_at_scale.py [--images 5000] [--masks 500]`.

Writes annotation files of 1203 classes and a store with encodings of 10 references each and with proposals of every
image, where the stages look for them, so that no network is needed; then runs the stages memory, match and evaluate of
`+experiment=lvis`, each in a process of its own, one matching process, and prints their time and their largest memory.
`--matching 300 500` measures matching alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

CLASSES, SHOTS, WIDTH, HEIGHT = 1203, 10, 640, 480
OBJECTS = 12  # of an image of val, as many as LVIS has on average
DIFFERENT = 8  # images whose masks are drawn; all others repeat them, with other vectors


def main(arguments: list[str] | None = None) -> int:
    """Prepare, run, print; returns the exit code."""
    given = _parser().parse_args(arguments)
    if given.matching:
        Console(width=120).print(matching_alone(given.matching, given.classes))
        return 0
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        options = [
            *("+experiment=lvis", "backbone=dinov2_demo", "segmenter=sam2_demo", "device=cpu", "workers=1"),
            *(f"dataset.root={folder}", f"store.root={folder / 'store'}", f"store.vectors={given.vectors}"),
            *(f"shots={given.shots}", "store.code=trust"),
        ]
        began = time.perf_counter()
        write_files(folder, given.images, given.classes)
        run(folder, [*options, "stages=[references]"])
        fill_store(options, given.masks)
        print(f"files and store written in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        table = Table(
            title=f"{given.classes} classes x {given.shots} references, {given.images} images of {given.masks} "
            f"proposals, {given.vectors} vectors, one process"
        )
        for column in ("stage", "seconds", "ms an image", "processor seconds of the run", "peak memory, MiB"):
            table.add_column(column, justify="left" if column == "stage" else "right")
        for stage in ("memory", "match", "evaluate"):
            seconds, used, peak = run(folder, [*options, f"stages=[{stage}]"], stage)
            table.add_row(
                stage, f"{seconds:.1f}", f"{1000 * seconds / given.images:.2f}", f"{used:.1f}", f"{peak / 1024:.0f}"
            )
        Console(width=120).print(table)
    return 0


def run(folder: Path, options: list[str], stage: str = "") -> tuple[float, float, int]:
    """A run of the program: seconds of a stage, processor seconds of all, and the process's largest memory in KiB."""
    out = folder / f"out_{stage}"
    words = [sys.executable, "-m", "ntt.run", *options, f"hydra.run.dir={out}"]
    with (folder / f"{stage or 'references'}.log").open("wb") as log:
        to_log = [(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)]
        child = os.posix_spawn(sys.executable, words, os.environ, file_actions=to_log)
        _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit((folder / f"{stage or 'references'}.log").read_text()[-2000:])
    timings = json.loads((out / "timings.json").read_text())
    return timings.get(stage, {}).get("seconds", 0.0), usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def write_files(folder: Path, images: int, classes: int) -> None:
    """Annotation files in LVIS' form, and a file for each image; nobody decodes these, so they hold their number."""
    rng = random.Random(0)
    categories = [{"id": i, "name": f"class_{i:04d}", "frequency": "rcf"[i % 3]} for i in range(1, classes + 1)]
    (folder / "annotations").mkdir()
    for part, count in (("train", classes), ("val", images)):
        subset = f"{part}2017"
        (folder / subset).mkdir()
        listed: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for image in range(1, count + 1):
            (folder / subset / f"{image:012d}.jpg").write_text(f"{subset} {image}")
            if part == "train":
                present = [(image + step) % classes + 1 for step in range(SHOTS + 2)]
            else:
                present = rng.choices(range(1, classes + 1), k=OBJECTS)
            for category in present:
                x, y, w, h = rng.randint(12, 300), rng.randint(12, 200), rng.randint(33, 200), rng.randint(33, 200)
                corners = [x, y, x + w, y, x + w, y + h, x, y + h]
                identity = {"id": len(annotations) + 1, "image_id": image, "category_id": category}
                annotations.append({**identity, "bbox": [x, y, w, h], "area": w * h, "segmentation": [corners]})
            listed.append(
                {
                    "id": image,
                    "height": HEIGHT,
                    "width": WIDTH,
                    "coco_url": f"http://images.cocodataset.org/{subset}/{image:012d}.jpg",
                    "neg_category_ids": rng.sample(range(1, classes + 1), min(classes, 30)),
                    "not_exhaustive_category_ids": present[:1],
                }
            )
        document = {"images": listed, "annotations": annotations, "categories": categories}
        (folder / "annotations" / f"lvis_v1_{part}.json").write_text(json.dumps(document))


def fill_store(options: list[str], masks: int) -> None:
    """Encodings of the references and proposals of the images, where the stages look for them."""
    import torch
    import torch.nn.functional as F
    from hydra import compose, initialize_config_dir
    from safetensors.torch import save

    from ntt.bench.scenes import ellipses
    from ntt.config import read_config
    from ntt.masks.overlaps import mask_overlaps
    from ntt.processes.ranks import current_rank
    from ntt.proposals.image_proposals import ImageMasks
    from ntt.proposals.stored_form import digest_of, grids_to_tensors, masks_to_tensors
    from ntt.run import conf_folder
    from ntt.stages import encodings, references, shards
    from ntt.stages.workspace import Workspace
    from ntt.store.files import write_atomically

    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = read_config(compose("config", overrides=options))
    work = Workspace(config, Path(), current_rank())
    chosen = references.load(work)
    made = ellipses(masks, len(work.inputs.categories))
    rows = {category: row for row, category in enumerate(work.inputs.categories)}
    generator = torch.Generator().manual_seed(0)
    for reference in {encodings.artifact(work, one).key: one for one in chosen}.values():
        artifact = encodings.artifact(work, reference)
        vector = made.prototypes[rows[reference.category_id]] + 0.02 * torch.randn(1024, generator=generator)
        with artifact.writing() as folder:
            write_atomically(folder / "encoding.safetensors", save({"vector": vector}))
    low, overlaps = (made.boxes * 0.4).long(), mask_overlaps(made.rles)  # 640 x 480 to the mask grid's 256 x 256
    counts, iou = [rle["counts"] for rle in made.rles], made.predicted_iou
    drawn = [
        ImageMasks(
            HEIGHT,
            WIDTH,
            iou[torch.randperm(masks, generator=generator)],
            low,
            made.boxes,
            made.areas,
            counts,
            overlaps,
        )
        for _ in range(DIFFERENT)
    ]
    dtype = getattr(torch, work.config.store.vectors)
    for shard in shards.shards(work):
        vectors = []
        for _ in shard.records:
            around = made.prototypes[torch.randint(len(rows), (masks,), generator=generator)]
            noise = 0.03 * torch.randn(masks, 1024, generator=generator)
            vectors.append(F.normalize(around + noise, dim=1).to(dtype))
        grids = [shard.masks.key.encode()] * len(shard)
        images = [drawn[index % DIFFERENT] for index in range(len(shard))]
        digest = digest_of(grids)
        shard.write_vectors(vectors, digest, time.time())
        shard.write_masks(masks_to_tensors(images, digest), grids_to_tensors(grids), {}, time.time())


def matching_alone(counts: list[int], classes: int) -> Table:
    """Reading a shard and matching it, in processor time of one core: the least of ten rounds."""
    import torch
    import torch.nn.functional as F
    from safetensors.torch import save_file

    from ntt.bench.scenes import ellipses
    from ntt.data.coco import ImageRecord
    from ntt.masks.overlaps import mask_overlaps
    from ntt.matching.match import prepare
    from ntt.matching.settings import MatchSettings
    from ntt.proposals.image_proposals import ImageMasks
    from ntt.proposals.stored_form import digest_of, masks_to_tensors, vectors_to_tensors
    from ntt.stages.match import match_shard
    from ntt.stages.shards import Shard
    from ntt.store.artifacts import Artifact

    torch.set_num_threads(1)
    settings = MatchSettings(max_detections=300)
    table = Table("proposals", "ms an image", "with float32 alone", title=f"{classes} classes, one core")
    for count in counts:
        made, generator = ellipses(count, classes), torch.Generator().manual_seed(0)
        low, rles = (made.boxes * 0.4).long(), [rle["counts"] for rle in made.rles]
        masks = ImageMasks(
            HEIGHT, WIDTH, made.predicted_iou, low, made.boxes, made.areas, rles, mask_overlaps(made.rles)
        )
        around = made.prototypes[torch.randint(classes, (DIFFERENT, count), generator=generator)]
        noise = 0.03 * torch.randn(around.shape, generator=generator)
        vectors = [*F.normalize(around + noise, dim=2).half()]
        with tempfile.TemporaryDirectory() as name:
            stored = {"masks": masks_to_tensors([masks] * DIFFERENT, digest_of([]))}
            stored["vectors"] = vectors_to_tensors(vectors, digest_of([]))
            for key, tensors in stored.items():
                (Path(name) / key).mkdir()
                save_file(tensors, Path(name) / key / f"{key}.safetensors")
            artifacts = [Artifact(Path(name) / key, key, "", {}) for key in stored]
            shard = Shard([ImageRecord(i, "", HEIGHT, WIDTH) for i in range(DIFFERENT)], *artifacts)
            cells = []
            for fast in (True, False):
                prepared = prepare(made.prototypes, settings, fast)
                rounds = []
                for _ in range(10):
                    began = time.process_time()
                    match_shard(shard, (prepared, list(range(1, classes + 1)), settings, {}))
                    rounds.append(time.process_time() - began)
                cells.append(f"{1000 * min(rounds) / DIFFERENT:.1f}")
        table.add_row(str(count), *cells)
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--masks", type=int, default=500, help="proposals of each image (500)")
    parser.add_argument("--classes", type=int, default=CLASSES)
    parser.add_argument("--shots", type=int, default=SHOTS)
    parser.add_argument("--vectors", choices=("float16", "float32"), default="float16")
    parser.add_argument("--matching", type=int, nargs="+", metavar="N", help="only matching, at N proposals an image")
    parser.add_argument("--folder", help="where it may write about 1.3 MB an image for a while (the system's)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
