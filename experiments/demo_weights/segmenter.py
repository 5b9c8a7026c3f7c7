"""The small SAM 2: its size, its losses, and dense auxiliary heads that only training uses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.demo_weights.scenes import TrainingScenes
from experiments.demo_weights.segmenter_batches import SegmenterBatch, segmenter_batch
from experiments.demo_weights.sizes import segmenter_config
from ntt.segmenters.sam2_network import build_network

WINDOW = 128  # pixels: side of the windows of the first phase
WINDOW_IMAGES, WINDOW_PROMPTS = 12, 4  # in a batch of the first phase
IMAGES, PROMPTS = 4, 8  # in a batch of the second phase, of whole scenes
BOX_SHARE = 0.15  # of the prompts on objects


class SegmenterTraining(nn.Module):
    """SAM 2 from image and prompts to masks, with heads that predict every cell's situation from the features."""

    def __init__(self) -> None:
        super().__init__()
        config = segmenter_config()
        self.image_size: int = config["image_size"]
        self.network = build_network(config["architecture"], config["overrides"], self.image_size)
        fine, middle, coarse = (self.network.hidden_dim // part for part in (8, 4, 1))
        # foreground, object border, offset to the object's centre (2), its size (2)
        self.heads = nn.ModuleList(nn.Conv2d(width, 6, 1) for width in (fine, middle, coarse))

    def forward(self, batch: SegmenterBatch, boxed: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Mask logits [B * P, 4, m, m], predicted IoU [B * P, 4] and dense predictions, finest first.

        ``boxed`` bool [B * P]: prompts given by their box instead of their point.
        """
        network = self.network
        fine, middle, coarse = self.levels(batch.images, batch.corner)
        dense = [head(level) for head, level in zip(self.heads, (fine, middle, coarse), strict=True)]
        coarse = coarse + network.no_mem_embed.view(1, -1, 1, 1)
        repeats = len(batch.points) // len(batch.images)
        corners = torch.where(boxed[:, None], batch.boxes[:, :2], batch.points)
        second = torch.where(boxed[:, None], batch.boxes[:, 2:], torch.zeros_like(batch.points))
        # A point is encoded as itself and a padding point, a box as its two corners.
        labels = torch.where(boxed[:, None], torch.tensor([[2, 3]]), torch.tensor([[1, -1]])).int()
        coordinates = torch.stack([corners, second], dim=1)
        encoder = network.sam_prompt_encoder
        sparse = encoder._embed_points(coordinates, labels, pad=False)
        blank = encoder.no_mask_embed.weight.view(1, -1, 1, 1).expand(len(batch.points), -1, *coarse.shape[-2:])
        masks, iou, _, _ = network.sam_mask_decoder.predict_masks(
            image_embeddings=coarse.repeat_interleave(repeats, 0),
            image_pe=_cut(encoder.get_dense_pe(), batch.corner, 16, coarse.shape[-1]),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=blank,
            repeat_image=False,
            high_res_features=[level.repeat_interleave(repeats, 0) for level in (fine, middle)],
        )
        return masks, iou, dense

    def levels(self, images: Tensor, corner: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """Feature maps at strides 4, 8 and 16 of scenes, or of windows that sit at ``corner`` of the full input."""
        encoder, decoder = self.network.image_encoder, self.network.sam_mask_decoder
        hidden = encoder.trunk.patch_embed(images)  # [B, S / 4, S / 4, C]
        positions = encoder.trunk._get_pos_embed((self.image_size // 4,) * 2).permute(0, 3, 1, 2)
        hidden = hidden + _cut(positions, corner, 4, hidden.shape[1]).permute(0, 2, 3, 1)
        stages = []
        for number, block in enumerate(encoder.trunk.blocks):
            hidden = block(hidden)
            if number in encoder.trunk.stage_ends:
                stages.append(hidden.permute(0, 3, 1, 2))
        fine, middle, coarse = encoder.neck(stages)[0][: -encoder.scalp]
        return decoder.conv_s0(fine), decoder.conv_s1(middle), coarse


def _cut(plane: Tensor, corner: tuple[int, int], stride: int, size: int) -> Tensor:
    """The ``size`` x ``size`` cells of [1, C, H, W] at a corner given in pixels."""
    row, column = (edge // stride for edge in corner)
    return plane[:, :, row : row + size, column : column + size]


def training_losses(
    training: SegmenterTraining, scenes: TrainingScenes, step: int, seed: int, window_steps: int, extents_from: int
) -> dict[str, Tensor]:
    """Losses of a step: on windows in the first ``window_steps``, then on whole scenes; extents count at the end."""
    full = training.image_size
    first = step < window_steps
    size, images, prompts = (WINDOW, WINDOW_IMAGES, WINDOW_PROMPTS) if first else (full, IMAGES, PROMPTS)
    batch = segmenter_batch(scenes, full, size, images, prompts, (seed, step))
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    boxed = (torch.rand(len(batch.points), generator=generator) < BOX_SHARE) & batch.foreground
    masks, iou, dense = training(batch, boxed)
    losses = mask_losses(masks, iou, batch.targets, batch.foreground, extents=step >= extents_from)
    losses["dense"] = dense_loss(dense, batch.owners)
    return losses


def mask_losses(masks: Tensor, iou: Tensor, targets: Tensor, foreground: Tensor, extents: bool) -> dict[str, Tensor]:
    """Losses of mask logits [N, 4, m, m] and predicted IoU [N, 4] against soft targets [N, m, m].

    Background prompts have no mask to learn; their IoU is 0, which teaches the threshold to reject them.
    With ``extents`` the masks' boxes count too.
    """
    logits, target = masks[foreground], targets[foreground][:, None].expand(-1, 4, -1, -1)
    with torch.no_grad():
        error = (logits.sigmoid() - target).abs()
        emphasis = 0.5 + 2.0 * error + 1.5 * ((target > 0.02) & (target < 0.98))  # hard and border cells
    cross = F.binary_cross_entropy_with_logits(logits, target, weight=emphasis, reduction="none").mean(dim=(2, 3))
    chance = logits.sigmoid()
    overlap = (chance * target).sum(dim=(2, 3))
    dice = 1 - (2 * overlap + 1) / ((chance.square() + target.square()).sum(dim=(2, 3)) + 1)
    each = 4 * cross + dice  # [F, 4]
    if extents:
        each = each + extent_loss(logits, target)
    multi = each[:, 1:]
    with torch.no_grad():
        inside, wanted = masks > 0, targets[:, None] > 0.5
        union = (inside | wanted).sum(dim=(2, 3)).clamp(min=1)
        true_iou = (inside & wanted).sum(dim=(2, 3)) / union * foreground[:, None]
    estimate = (iou - true_iou).square() + 0.3 * (iou - true_iou).abs()
    return {
        "best": 0.7 * multi.min(dim=1).values.mean(),
        "mean": 0.3 * multi.mean(),
        "single": 0.2 * each[:, 0].mean(),
        "iou": estimate.mean(),
    }


def extent_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Whether each row and each column of a mask has foreground: what its box is made of (as BoxInst's projections).

    A missing tip or a stray pixel is nothing to cross-entropy and dice, which count area, and much to a box.

    Args:
        logits: [F, 4, m, m].
        target: [F, 4, m, m] in [0, 1].

    Returns:
        [F, 4].
    """
    per_axis = [
        F.binary_cross_entropy_with_logits(
            logits.amax(dim=axis), (target.amax(dim=axis) > 0.5).float(), reduction="none"
        ).mean(dim=2)
        for axis in (2, 3)
    ]
    return per_axis[0] + per_axis[1]


def dense_loss(predictions: list[Tensor], owners: Tensor) -> Tensor:
    """Foreground, border, centre offset and size of each cell's object, at three resolutions.

    Args:
        predictions: [B, 6, h, h] each.
        owners: int64 [B, m, m]; coarser levels look at their cells' centres.
    """
    total = predictions[0].new_zeros(())
    centres = _centres_and_sizes(owners)  # [B, 4, m, m]
    border = torch.zeros_like(owners, dtype=torch.bool)
    border[:, :-1] |= owners[:, :-1] != owners[:, 1:]
    border[:, :, :-1] |= owners[:, :, :-1] != owners[:, :, 1:]
    for prediction in predictions:
        step = owners.shape[-1] // prediction.shape[-1]
        here = slice(step // 2, None, step)
        inside = (owners[:, here, here] > 0).float()
        near = F.max_pool2d(border.float(), step)
        geometry = (prediction[:, 2:] - centres[:, :, here, here]).abs().mean(dim=1)
        total = total + 0.4 * F.binary_cross_entropy_with_logits(prediction[:, 0], inside)
        total = total + 0.4 * F.binary_cross_entropy_with_logits(prediction[:, 1], near)
        total = total + 0.8 * (geometry * inside).sum() / inside.sum().clamp(min=1)
    return total


def _centres_and_sizes(owners: Tensor) -> Tensor:
    """Each cell's offset to its object's centre and that object's extent, in units of 13 cells."""
    size = owners.shape[-1]
    line = torch.arange(size, dtype=torch.float32)
    maps = torch.zeros(len(owners), 4, size, size)
    for image, owner in zip(maps, owners, strict=True):
        for label in owner.unique():
            mask = owner == label
            rows, columns = mask.nonzero(as_tuple=True)
            x, y = columns.float().mean(), rows.float().mean()
            wide = (columns.max() - columns.min()).float()
            high = (rows.max() - rows.min()).float()
            described = torch.stack(
                [(x - line)[None].expand(size, -1), (y - line)[:, None].expand(-1, size)]
                + [extent.expand(size, size) for extent in (wide, high)]
            )
            image[:, mask] = described[:, mask]
    return maps / 13


@torch.no_grad()
def check_segmenter(training: SegmenterTraining, scenes: TrainingScenes) -> dict[str, float]:
    """Mean true IoU of the mask that the network itself picks, and how its IoU estimate judges prompts."""
    picked, kept, rejected = [], [], []
    for number in range(8):
        full = training.image_size
        batch = segmenter_batch(scenes, full, full, IMAGES, PROMPTS, (0, number))
        masks, iou, _ = training(batch, torch.zeros(len(batch.points), dtype=torch.bool))
        best_iou, best = iou[:, 1:].max(dim=1)
        mask = masks[torch.arange(len(masks)), best + 1] > 0
        wanted = batch.targets > 0.5
        true_iou = (mask & wanted).sum(dim=(1, 2)) / (mask | wanted).sum(dim=(1, 2)).clamp(min=1)
        picked.append(true_iou[batch.foreground])
        kept.append((best_iou[batch.foreground] > 0.4).float())
        rejected.append((best_iou[~batch.foreground] <= 0.4).float())
    figures = {"iou": torch.cat(picked), "kept": torch.cat(kept), "rejected": torch.cat(rejected)}
    above = {"iou75": (figures["iou"] > 0.75).float()}
    return {f"check_{key}": float(value.mean()) for key, value in (figures | above).items()}
