"""``python -m ntt.bench``: measure the plain path and ours, print the table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from rich.console import Console

from ntt.bench.measure import Bench
from ntt.bench.networks import keep_a_share, random_networks
from ntt.bench.report import check_suffix, circumstances, rich_table, write
from ntt.bench.scenes import folder_images, made_up_images
from ntt.bench.stages import measure_evaluation, measure_image, measure_masks_and_matching
from ntt.compute.devices import resolve_device
from ntt.compute.precision import resolve_precision
from ntt.config import PRECISIONS
from ntt.errors import InputError
from ntt.proposals.networks import network_input, unit_range
from ntt.run import conf_folder


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    given = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        run(given, console)
    except InputError as error:
        print(f"ntt.bench: {error}", file=sys.stderr)
        return 2
    return 0


def run(given: argparse.Namespace, console: Console) -> None:
    """Measure what the options say.

    Raises:
        InputError: an option names something that is not there.
    """
    for path in given.out:
        check_suffix(path)
    torch.set_num_threads(given.threads or torch.get_num_threads())
    device = resolve_device(given.device)
    precision = resolve_precision(given.precision, device)
    images = folder_images(given.images, given.count) if given.images else made_up_images(given.count)
    console.print(f"building {given.backbone} and {given.segmenter} with random weights")
    networks = random_networks(conf_folder(), given.backbone, given.segmenter, given.points, device, precision)
    first = unit_range(network_input(images[0], networks.segmenter.image_size).unsqueeze(0))
    networks.segmenter.iou_threshold = keep_a_share(networks.segmenter, first, given.kept)
    networks.plain_segmenter.iou_threshold = networks.segmenter.iou_threshold
    bench = Bench(device, given.repeats)
    for number, image in enumerate(images, start=1):
        console.print(f"image {number} of {len(images)}, {given.points**2} prompts")
        measure_image(bench, networks, image)
    measure_masks_and_matching(bench, given.proposals)
    measure_evaluation(bench, given.evaluated, detections=100)
    stages = list(bench.stages.values())
    title = f"plain fp32 path and ours in {precision}: {given.backbone}, {given.segmenter}, {given.points**2} prompts"
    console.print(rich_table(stages, title))
    about = circumstances({key: value for key, value in vars(given).items() if key != "out"}, device)
    for path in given.out:
        write(path, stages, about)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ntt.bench",
        description="Measure the plain path and ours on the same images and random full-size weights.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--backbone", default="dinov2_vits14", help="a DINOv2 of conf/backbone")
    add("--segmenter", default="sam2_hiera_tiny", help="a SAM 2 of conf/segmenter")
    add("--points", type=_positive, default=4, help="point prompts per side; a run has 32")
    add("--kept", type=float, default=0.5, help="share of the prompts whose predicted IoU is above the threshold")
    add("--images", type=Path, help="folder of images; made-up ones otherwise")
    add("--count", type=_positive, default=1, help="images to measure")
    add("--proposals", type=_positive, default=300, help="made-up proposals to match")
    add("--evaluated", type=_positive, default=50, help="images of the evaluation, with 100 detections each")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--precision", choices=PRECISIONS, default="fp32", help="of our side; the plain one is fp32")
    add("--threads", type=_positive, help="threads of torch; all cores otherwise")
    add("--repeats", type=_positive, default=3, help="rounds; medians are reported")
    add("--out", type=Path, action="append", default=[], help="write the table to a .md or all figures to a .json file")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
