"""Proposals of the drawn targets under other assumptions: perfect masks, perfect classes, or colours for features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pycocotools import mask as rle
from torch import Tensor

from ntt.backbones.dinov2 import Dinov2
from ntt.data.coco import Annotation
from ntt.data.geometry import annotation_mask
from ntt.masks.boxes import mask_boxes
from ntt.masks.overlaps import mask_overlaps
from ntt.masks.windowed import encode_masks
from ntt.memory.crops import reference_crop
from ntt.memory.vectors import reference_vector
from ntt.proposals.image_proposals import ImageProposals
from ntt.proposals.networks import network_input, unit_range
from ntt.proposals.vectors import mask_vectors

CONTEXT = 0.2  # of the reference crops, as in conf/memory/mean.yaml
MIN_MATCH = 0.5  # mask IoU with an object from which a proposal counts as that object's

Image = NDArray[np.uint8]
ReferenceVector = Callable[[Image, Annotation], Tensor | None]


def encoded_reference(backbone: Dinov2) -> ReferenceVector:
    """The method's own way from a reference to its vector."""

    def vector(image: Image, annotation: Annotation) -> Tensor | None:
        mask = annotation_mask(annotation, *image.shape[:2])
        crop, soft = reference_crop(image, mask, annotation.bbox, CONTEXT, backbone.image_size, backbone.grid)
        return reference_vector(backbone(crop[None])[0], soft)

    return vector


def reference_colour(image: Image, annotation: Annotation) -> Tensor | None:
    """Mean colour of a reference's pixels, around grey: the baseline's vector."""
    mask = annotation_mask(annotation, *image.shape[:2]).astype(bool)
    return torch.from_numpy(image[mask].mean(axis=0) - 127.5).float()


def with_colours(found: ImageProposals, image: Image) -> ImageProposals:
    """The same masks, their vectors replaced by their mean colours."""
    colours = [image[rle.decode(found.rle(index)).astype(bool)].mean(axis=0) - 127.5 for index in range(len(found))]
    return replace(found, vectors=F.normalize(torch.tensor(np.array(colours)).float().view(-1, 3), dim=1))


def with_true_classes(found: ImageProposals, truth: list[Annotation], categories: list[int]) -> ImageProposals:
    """The same masks, each with the unit vector of the object it covers best, as long as its predicted IoU.

    A proposal of no object, or of an object outside ``categories``, has the zero vector and is never a detection.
    """
    vectors = torch.zeros(len(found), len(categories))
    if len(found) and truth:
        overlap = rle.iou([found.rle(i) for i in range(len(found))], [a.segmentation for a in truth], [0] * len(truth))
        for index, best in enumerate(overlap.argmax(axis=1)):
            category = truth[best].category_id
            if overlap[index, best] >= MIN_MATCH and category in categories:
                vectors[index, categories.index(category)] = found.predicted_iou[index]
    return replace(found, vectors=vectors)


def perfect_masks(image: Image, truth: list[Annotation], backbone: Dinov2, through: int) -> ImageProposals:
    """Every annotated object of an image, novel or not, as one proposal of predicted IoU 1.

    Args:
        through: input side of the segmenter, by way of which the encoder sees an image.
    """
    height, width = image.shape[:2]
    masks = torch.from_numpy(np.stack([annotation_mask(a, height, width) for a in truth])).bool()
    side = backbone.image_size
    squared = unit_range(network_input(image, through)[None])
    features = backbone(F.interpolate(squared, (side, side), mode="bicubic", align_corners=False))[0]
    rles, boxes = encode_masks(masks), mask_boxes(masks)
    return ImageProposals(
        height,
        width,
        torch.ones(len(truth)),
        boxes,
        boxes,
        masks.sum(dim=(1, 2)),
        mask_vectors(features, masks, backbone.grid),
        [each["counts"] for each in rles],
        mask_overlaps(rles),
    )
