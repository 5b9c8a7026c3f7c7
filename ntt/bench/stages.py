"""Both sides of every stage, on one image and on one evaluation."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from pycocotools import mask as coco_mask
from torch import Tensor

from ntt.bench.agreement import (
    same_detections,
    same_figures,
    same_masks,
    same_proposals,
    same_tensors,
)
from ntt.bench.measure import Bench
from ntt.bench.networks import Networks
from ntt.bench.plain import (
    dense_intersections,
    dense_vectors,
    encode_with_attention_maps,
    masks_one_by_one,
    match_pair_by_pair,
)
from ntt.bench.scenes import HEIGHT, WIDTH, detections_of, disc_logits, ellipses
from ntt.compute.precision import arithmetic
from ntt.evaluation.coco import evaluate
from ntt.masks.boxes import mask_boxes
from ntt.masks.final import encode_final
from ntt.masks.overlaps import mask_overlaps
from ntt.matching.match import Candidates, match
from ntt.matching.settings import MatchSettings
from ntt.proposals.networks import network_input, unit_range
from ntt.proposals.vectors import mask_vectors

_CLASSES = 20  # of the novel split of COCO


def measure_image(bench: Bench, networks: Networks, image: np.ndarray) -> None:
    """Everything that a run does with a target image.

    Args:
        bench: receives the figures.
        networks: both sides.
        image: uint8 ``[H, W, 3]`` RGB.
    """
    backbone, segmenter, plain_segmenter = networks.backbone, networks.segmenter, networks.plain_segmenter
    squared = unit_range(network_input(image, segmenter.image_size).unsqueeze(0).to(bench.device))
    side = (backbone.image_size, backbone.image_size)
    encoder_input = F.interpolate(squared, side, mode="bicubic", align_corners=False)

    def plain_features() -> Tensor:
        with arithmetic(bench.device, "fp32"):
            return encode_with_attention_maps(networks.plain_backbone, encoder_input, backbone.grid)

    features = bench.compare("encoder", plain_features, lambda: backbone(encoder_input), same_tensors)[0]
    embedding = bench.compare(
        "image encoder",
        lambda: plain_segmenter.encode(squared),
        lambda: segmenter.encode(squared),
        lambda plain, ours: same_tensors(plain.image_embed, ours.image_embed),
    )[0]
    raw = bench.compare(
        "prompt decoding",
        lambda: plain_segmenter.propose(embedding, plain_segmenter.grid),
        lambda: segmenter.propose(embedding, segmenter.grid),
        same_proposals,
    )
    low = raw.logits > 0
    bench.compare(
        "vectors",
        lambda: dense_vectors(features, low, backbone.grid),
        lambda: mask_vectors(features, low, backbone.grid),
        same_tensors,
    )


def measure_masks_and_matching(bench: Bench, count: int) -> None:
    """Final masks and matching of made-up proposals: masks of random networks are noise, and too alike to be matched.

    Args:
        bench: receives the figures.
        count: proposals.
    """
    logits = disc_logits(count).to(bench.device)
    bench.compare(
        "final masks, RLE, overlaps",
        lambda: masks_one_by_one(logits, HEIGHT, WIDTH),
        lambda: encode_final(logits, mask_boxes(logits > 0), HEIGHT, WIDTH, whole_image=logits.is_cuda),
        same_masks,
    )
    proposals = ellipses(count, _CLASSES)
    pixels = torch.from_numpy(coco_mask.decode(proposals.rles)).permute(2, 0, 1)  # [N, H, W]
    intersections = dense_intersections(pixels)
    inputs = (proposals.vectors, proposals.predicted_iou, proposals.boxes, proposals.areas)
    overlaps = mask_overlaps(proposals.rles)
    bench.compare(
        "matching",
        lambda: match_pair_by_pair(*inputs, intersections, proposals.prototypes, MatchSettings()),
        lambda: match(Candidates(*inputs, overlaps), proposals.prototypes, MatchSettings()),
        same_detections,
    )


def measure_evaluation(bench: Bench, images: int, detections: int) -> None:
    """COCO's figures of made-up detections, by the reference evaluator and by the default one.

    Args:
        bench: receives the figures.
        images: with ground truth.
        detections: per image.
    """
    truth, results = detections_of(images, detections)
    bench.compare(
        f"evaluation of {images} x {detections}",
        lambda: evaluate(truth, results, "pycocotools"),
        lambda: evaluate(truth, results, "hotcoco"),
        same_figures,
    )
