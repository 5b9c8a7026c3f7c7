"""``python -m ntt.bench.pipeline``: how busy simulated networks are kept by everything else, which is real.

The networks sleep as long as a device would compute, and then show the same masks of real size for every image. Files
are decoded and resized, final masks computed, encoded and compared, shards written: first image after image, then by
the pipeline.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from safetensors.torch import save
from torch import Tensor

from ntt.bench.scenes import disc_logits, made_up_images
from ntt.data.images import load_image
from ntt.feeding.batches import ImageBatches
from ntt.feeding.runner import ImageShard, Runner
from ntt.feeding.threads import Usage, WorkerThreads
from ntt.masks.boxes import mask_boxes
from ntt.proposals.networks import DecodedMasks, NewProposals, network_input, postprocess_masks
from ntt.proposals.stored_form import digest_of, grids_to_tensors, masks_to_tensors, vectors_to_tensors
from ntt.store.files import write_atomically

_SIDE, _WIDTH = 1024, 1024  # of the segmenter's input, and channels of a vector
_DIFFERENT = 8  # pictures that are drawn; the files repeat them


class SleepingNetworks:
    """Networks that take time and no core, as those on a GPU of their own.

    Args:
        seconds: per image, a third of it for the encoders.
        masks: per image.
    """

    def __init__(self, seconds: float, masks: int) -> None:
        self._seconds = seconds
        logits = disc_logits(masks)
        inside = logits > 0
        self._decoded = DecodedMasks(
            logits,
            torch.rand(masks),
            inside,
            mask_boxes(inside),
            torch.rand(masks, _WIDTH),
            torch.ones(2, dtype=torch.bool),
        )

    def encode(self, images: Tensor) -> Tensor:
        """Sleep; nothing that anybody looks at."""
        time.sleep(self._seconds / 3 * len(images))
        return images

    def decode(self, encoded: Tensor, index: int, grid_masks: Tensor | None = None) -> DecodedMasks:
        """Sleep, then the same masks as ever."""
        del encoded, index, grid_masks
        time.sleep(self._seconds * 2 / 3)
        return self._decoded

    def postprocess(self, decoded: DecodedMasks, height: int, width: int) -> NewProposals:
        """As real networks do."""
        return postprocess_masks(decoded, height, width, torch.float16)


class Files:
    """A shard of image files, written to a folder."""

    def __init__(self, files: list[Path], target: Path) -> None:
        self._files = files
        self._target = target

    def __len__(self) -> int:
        return len(self._files)

    def load(self, index: int) -> np.ndarray:
        """Decode one."""
        return load_image(self._files[index])

    def name(self, index: int) -> str:
        """Its path."""
        return str(self._files[index])

    def grid_masks(self, index: int) -> None:
        """None is known of any image."""

    def write(self, results: list[NewProposals], unreadable: dict[int, str]) -> None:
        """To disk."""
        assert not unreadable
        grids = [made.grid_masks for made in results]
        digest = digest_of(grids)
        stored = {
            "masks": masks_to_tensors([made.masks for made in results], digest),
            "grid_masks": grids_to_tensors(grids),
            "vectors": vectors_to_tensors([made.vectors for made in results], digest),
        }
        for name, tensors in stored.items():
            write_atomically(self._target / f"{name}.safetensors", save(tensors))


def one_after_the_other(shards: list[Files], networks: SleepingNetworks) -> Usage:
    """What the pipeline does, without one."""
    usage = Usage()
    for shard in shards:
        results = []
        for index in range(len(shard)):
            with usage.of("input"):
                image = shard.load(index)
                images = network_input(image, _SIDE).unsqueeze(0)
            with usage.of("networks"):
                decoded = networks.decode(networks.encode(images), 0)
            with usage.of("postprocessing"):
                results.append(networks.postprocess(decoded, image.shape[0], image.shape[1]))
            usage.images += 1
        with usage.of("postprocessing"):
            shard.write(results, {})
    return usage


def pipelined(shards: list[Files], networks: SleepingNetworks, threads: WorkerThreads, batch: int) -> Usage:
    """The same by the runner."""

    def given() -> Iterator[ImageShard]:
        yield from shards

    cpu = torch.device("cpu")
    return Runner(lambda: networks, cpu, _SIDE, ImageBatches(cpu, batch, _SIDE), threads).run(given())


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    given = _parser().parse_args(arguments)
    networks = SleepingNetworks(given.milliseconds / 1000, given.masks)
    threads = WorkerThreads(given.decoders, 2 * given.batch, given.postprocessors, given.postprocessors + given.batch)
    table = Table(
        title=f"{given.images} images of 480 x 640, {given.masks} masks, networks {given.milliseconds} ms each"
    )
    for column in (
        "",
        "seconds",
        "images/s",
        "networks busy",
        "waited for images, s",
        "for postprocessing, s",
        "core-ms/image",
    ):
        table.add_column(column, justify="right" if column else "left")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / f"{index}.jpg" for index in range(_DIFFERENT)]
        for file, picture in zip(files, made_up_images(_DIFFERENT), strict=True):
            Image.fromarray(picture).save(file)
        repeated = [files[index % _DIFFERENT] for index in range(given.images)]
        starts = range(0, given.images, given.shard)
        shards = [Files(repeated[start : start + given.shard], folder / str(start)) for start in starts]
        written = {}
        for title in ("one after the other", "pipelined"):
            began = time.process_time()
            if title == "pipelined":
                usage = pipelined(shards, networks, threads, given.batch)
            else:
                torch.set_num_threads(1)
                usage = one_after_the_other(shards, networks)
            cores = (time.process_time() - began) / given.images
            seconds = usage.networks + usage.input + usage.postprocessing
            # Not usage.busy: a thread that wants to go on after its sleep, and has to wait for a core, is not at work.
            busy = given.images * given.milliseconds / 10 / seconds
            figures = (seconds, usage.images / seconds, busy, usage.input, usage.postprocessing, 1000 * cores)
            formats = ("{:.2f}", "{:.2f}", "{:.1f} %", "{:.2f} s", "{:.2f} s", "{:.0f}")
            table.add_row(title, *(form.format(value) for form, value in zip(formats, figures, strict=True)))
            written[title] = [
                (file.relative_to(folder), file.read_bytes()) for file in sorted(folder.glob("*/*.safetensors"))
            ]
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    same = written["pipelined"] == written["one after the other"]
    console.print(f"{len(shards)} shards, {'byte-identical' if same else 'DIFFERENT'}")
    return 0 if same else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ntt.bench.pipeline",
        description="Measure how busy simulated networks are kept, image after image and by the pipeline.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--images", type=int, default=64, help="how many")
    add("--milliseconds", type=float, default=40.0, help="what the networks take for an image")
    add("--masks", type=int, default=400, help="per image")
    add("--batch", type=int, default=8, help="images that the encoders see at once")
    add("--shard", type=int, default=8, help="images per file")
    add("--decoders", type=int, default=2, help="threads that decode")
    add("--postprocessors", type=int, default=2, help="threads that compute final masks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
