"""The report's two sheets about the references: what was chosen, and what the encoder makes of it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ntt.data.geometry import annotation_mask
from ntt.data.images import UnreadableImage, load_image
from ntt.data.sampling import Reference
from ntt.fitted.files import read_model
from ntt.memory.crops import crop_window
from ntt.reporting.colours import Colour
from ntt.reporting.references import references_sheet
from ntt.stages import reference_maps
from ntt.stages.fitted import fitted_model
from ntt.stages.prompt import completed_annotations
from ntt.stages.references import image_path
from ntt.stages.workspace import Workspace

_CLUSTER_COLOURS = np.array([[0, 0, 0], [230, 90, 70], [70, 150, 230], [240, 200, 80], [110, 190, 110]], np.uint8)
_MAPPED_PER_CLASS = 3
_MAPPED = 96


def reference_sheet(work: Workspace, chosen: list[Reference], colours: dict[str, Colour]) -> Image.Image:
    """Every reference with its mask's outline, class by class; of a fitted model its thumbnails."""
    if path := fitted_model(work.config):
        return _thumbnails(work, path, colours)
    return references_sheet(_by_class(work, chosen), lambda reference: _crop(work, reference), colours)


def memory_sheet(work: Workspace, chosen: list[Reference], colours: dict[str, Colour]) -> Image.Image:
    """Reference, its three principal components, its clusters: the picture to judge a reference by."""
    some = [reference for group in _by_class(work, chosen).values() for reference in group[:_MAPPED_PER_CLASS]]
    tiles: dict[str, list[tuple[Reference, np.ndarray | None]]] = {}
    for reference, maps in reference_maps.load(work, some[:_MAPPED]):
        row = tiles.setdefault(work.inputs.categories[reference.category_id], [])
        clusters = _CLUSTER_COLOURS[maps.clusters.numpy()]
        row += [(reference, None), (reference, maps.pca.numpy()), (reference, clusters)]

    def load(tile: tuple[Reference, np.ndarray | None]) -> tuple[np.ndarray, np.ndarray]:
        reference, patches = tile
        if patches is None:
            return _crop(work, reference)
        enlarged = patches.repeat(4, axis=0).repeat(4, axis=1)  # keeps the patches visible as squares
        return enlarged, np.zeros(enlarged.shape[:2], np.uint8)

    headline = "first references of each class: crop, principal components, clusters of its patches"
    return references_sheet(tiles, load, colours, headline)


def _thumbnails(work: Workspace, path: Path, colours: dict[str, Colour]) -> Image.Image:
    tiles: dict[str, list[bytes]] = {name: [] for name in work.inputs.categories.values()}
    for one in read_model(path).references:
        if one.name in tiles:
            tiles[one.name].append(one.thumbnail)

    def load(thumbnail: bytes) -> tuple[np.ndarray, np.ndarray]:
        try:
            pixels = np.array(Image.open(io.BytesIO(thumbnail)).convert("RGB"))
        except Exception:  # whatever Pillow raises: a damaged thumbnail is no reason to stop
            pixels = np.zeros((1, 1, 3), np.uint8)
        return pixels, np.zeros(pixels.shape[:2], np.uint8)

    return references_sheet(tiles, load, colours)


def _by_class(work: Workspace, chosen: list[Reference]) -> dict[str, list[Reference]]:
    grouped: dict[str, list[Reference]] = {name: [] for name in work.inputs.categories.values()}
    for reference in chosen:
        grouped[work.inputs.categories[reference.category_id]].append(reference)
    return grouped


def _crop(work: Workspace, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """The reference's window of its image, uint8 [h, w, 3], and of its mask [h, w]; black where one is missing."""
    record = work.inputs.references.images[reference.image_id]
    annotation = completed_annotations(work)[reference.annotation_id]
    try:
        image = load_image(image_path(work, reference), (record.height, record.width))
    except UnreadableImage:
        image = None
    if image is None or annotation.segmentation is None:
        return np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8)
    mask = annotation_mask(annotation, record.height, record.width)
    context = work.config.memory.context
    left, top, right, bottom = crop_window(annotation.bbox, record.height, record.width, context)
    return image[top:bottom, left:right], mask[top:bottom, left:right]
