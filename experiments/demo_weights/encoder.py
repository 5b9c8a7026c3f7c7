"""The small DINOv2: its size, its losses, and the heads that only training uses."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Dinov2Config, Dinov2Model

from experiments.demo_weights.edges import EDGE_VALUES, edge_histograms
from experiments.demo_weights.encoder_batches import Views, random_references, random_windows, whole_scenes
from experiments.demo_weights.scenes import TrainingScenes, training_classes
from experiments.demo_weights.sizes import encoder_config
from ntt.drawn.classes import ACCENTS, EMBLEMS
from ntt.drawn.textures import TEXTURES

WINDOW = 84  # pixels
MIDDLE = 2  # blocks after which patches describe their edges
SHARPNESS = 16.0  # of the cosine classifier
FIRST_WINDOWS = 28  # windows in each step of the first phase
SCENES, REFERENCES, WINDOWS = 3, 3, 12  # views in each step of the second phase


class EncoderTraining(nn.Module):
    """DINOv2 with a cosine classifier and heads for attributes and geometry."""

    def __init__(self) -> None:
        super().__init__()
        config = encoder_config()
        self.image_size, self.patch, width = config["image_size"], config["patch_size"], config["width"]
        self.grid = self.image_size // self.patch
        self.network = Dinov2Model(
            Dinov2Config(
                hidden_size=width,
                num_hidden_layers=config["depth"],
                num_attention_heads=config["heads"],
                image_size=self.image_size,
                patch_size=self.patch,
                initializer_range=0.07,
            )
        )
        positions = self.network.embeddings.position_embeddings
        positions.data[:, 1:] = 0.5 * sine_positions(self.grid, width)
        self.classes = training_classes()
        attributes = [
            [list(TEXTURES).index(c.texture), list(EMBLEMS).index(c.emblem), ACCENTS.index(c.accent)]
            for c in self.classes
        ]
        self.attributes = torch.tensor(attributes)  # [C, 3]
        sizes = (len(TEXTURES), len(EMBLEMS), len(ACCENTS))
        self.heads = _Heads(len(self.classes) + 1, sizes, width)  # the last class is background

    def tokens(self, images: Tensor, corner: tuple[int, int] = (0, 0)) -> tuple[Tensor, Tensor]:
        """Normalised patch tokens of the last block, and those of a middle block as they are: [B, g, g, D] each.

        ``corner`` is the row and column of the position grid at which a window sits.
        """
        network = self.network
        patches = network.embeddings.patch_embeddings(images)  # [B, g * g, D]
        grid = images.shape[-1] // self.patch
        positions = network.embeddings.position_embeddings
        plane = positions[:, 1:].view(1, self.grid, self.grid, -1)
        row, column = corner
        plane = plane[:, row : row + grid, column : column + grid].reshape(1, grid * grid, -1)
        first = (network.embeddings.cls_token + positions[:, :1]).expand(len(images), -1, -1)
        hidden = torch.cat([first, patches + plane], dim=1)
        for number, block in enumerate(network.encoder.layer):
            hidden = block(hidden)
            if number + 1 == MIDDLE:
                middle = hidden
        last = network.layernorm(hidden)
        return last[:, 1:].unflatten(1, (grid, grid)), middle[:, 1:].unflatten(1, (grid, grid))


class _Heads(nn.Module):
    def __init__(self, classes: int, attributes: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.classes = nn.Linear(width, classes, bias=False)
        self.attributes = nn.ModuleList(nn.Linear(width, size) for size in attributes)
        self.geometry = nn.Linear(width, 4)
        self.edges = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, EDGE_VALUES))


def sine_positions(grid: int, width: int) -> Tensor:
    """Sine and cosine of each patch's row and column at geometric frequencies: [1, grid * grid, width]."""
    frequencies = 50.0 ** (-torch.arange(width // 4) / (width // 4))
    angles = torch.arange(grid)[:, None] * frequencies  # [g, D / 4]
    line = torch.cat([angles.sin(), angles.cos()], dim=1)
    plane = torch.cat([line[:, None].expand(-1, grid, -1), line[None].expand(grid, -1, -1)], dim=2)
    return plane.reshape(1, grid * grid, width)


def training_losses(
    training: EncoderTraining, scenes: TrainingScenes, step: int, seed: int, window_steps: int
) -> dict[str, Tensor]:
    """Losses of a step: windows in the first ``window_steps``, then scenes, references and some windows."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, step])))
    patch, size = training.patch, training.image_size
    first = step < window_steps
    views = [random_windows(scenes, FIRST_WINDOWS if first else WINDOWS, WINDOW, patch, generator)]
    if not first:
        chosen = generator.integers(len(scenes), size=SCENES)
        views.append(whole_scenes(scenes, chosen, size, patch, generator))
        views.append(random_references(scenes, REFERENCES, size, patch, generator))
    vectors, labels, patch_losses, texture_losses, geometry_losses, edge_losses = [], [], [], [], [], []
    for each in views:
        room = training.grid - each.images.shape[-1] // patch + 1
        row, column = (int(edge) for edge in generator.integers(room, size=2))
        tokens, middle = training.tokens(each.images, (row, column))
        pooled, pooled_labels = pool(tokens, each, len(training.classes))
        vectors.append(pooled)
        labels.append(pooled_labels)
        patch_vectors, patch_labels = clear_patches(tokens, each, len(training.classes))
        patch_losses.append(patch_loss(training, patch_vectors, patch_labels))
        texture_losses.append(attribute_loss(training, patch_vectors, patch_labels))
        edge_losses.append(F.mse_loss(training.heads.edges(middle), edge_histograms(each.images, training.patch)))
        geometry_losses.append(geometry_loss(training, tokens, each))
    vector, label = torch.cat(vectors), torch.cat(labels)
    return {
        "classes": F.cross_entropy(class_logits(training, vector), label),
        "patches": 0.5 * torch.stack(patch_losses).mean(),
        "attributes": 0.25 * attribute_loss(training, vector, label),
        "patch_attributes": 0.25 * torch.stack(texture_losses).mean(),
        "edges": 3.0 * torch.stack(edge_losses).mean(),
        "geometry": 0.3 * torch.stack(geometry_losses).mean(),
    }


def pool(tokens: Tensor, views: Views, background: int) -> tuple[Tensor, Tensor]:
    """L2-normalised mean tokens [N, D] of counted objects and of each view's background, with labels [N]."""
    weights = views.shares.flatten(2)  # [B, 11, g * g]
    clear = (weights[:, 0] > 0.9).float()
    weights = torch.cat([clear[:, None], weights[:, 1:]], dim=1)
    labels = views.labels.clone()
    labels[:, 0] = torch.where(clear.sum(dim=1) >= 3, background, -1)
    sums = weights @ tokens.flatten(1, 2)  # [B, 11, D]
    return F.normalize(sums[labels >= 0], dim=1), labels[labels >= 0]


def class_logits(training: EncoderTraining, vectors: Tensor) -> Tensor:
    return SHARPNESS * vectors @ F.normalize(training.heads.classes.weight, dim=1).T


def clear_patches(tokens: Tensor, views: Views, background: int) -> tuple[Tensor, Tensor]:
    """L2-normalised tokens [N, D] and labels [N] of patches that one object, or the background, mostly fills."""
    share, owner = views.shares.max(dim=1)  # [B, g, g]
    labels = views.labels.clone()
    labels[:, 0] = background
    label = labels.gather(1, owner.flatten(1)).view_as(owner)
    clear = (share > 0.6) & (label >= 0)
    return F.normalize(tokens[clear], dim=1), label[clear]


def patch_loss(training: EncoderTraining, vectors: Tensor, labels: Tensor) -> Tensor:
    """Every clear patch names its class."""
    # Patches on objects count as much as the many of the background.
    weight = torch.where(labels == len(training.classes), 0.3, 1.0)
    loss = F.cross_entropy(class_logits(training, vectors), labels, reduction="none")
    return (loss * weight).sum() / weight.sum().clamp(min=1)


def attribute_loss(training: EncoderTraining, vectors: Tensor, labels: Tensor) -> Tensor:
    """Every vector on an object names that object's texture, emblem and accent."""
    objects = labels < len(training.classes)
    wanted = training.attributes[labels[objects]]  # [N, 3]
    vector = vectors[objects] * SHARPNESS
    losses = [F.cross_entropy(head(vector), wanted[:, column]) for column, head in enumerate(training.heads.attributes)]
    return torch.stack(losses).sum()


def geometry_loss(training: EncoderTraining, tokens: Tensor, views: Views) -> Tensor:
    """Each patch on an object points at its centre and says its size, in fifths of the full input."""
    shares = views.shares[:, 1:]  # [B, 10, g, g]
    grid = shares.shape[-1]
    line = torch.arange(grid, dtype=torch.float32)
    mass = shares.sum(dim=(2, 3)).clamp(min=1e-6)
    x = (shares.sum(dim=2) * line).sum(dim=2) / mass  # [B, 10]
    y = (shares.sum(dim=3) * line).sum(dim=2) / mass
    share, owner = shares.max(dim=1)
    flat = owner.flatten(1)
    centre_x, centre_y, area = (values.gather(1, flat).view_as(owner) for values in (x, y, mass))
    target = torch.stack([centre_x - line, centre_y - line[:, None], area.sqrt(), area.sqrt()], dim=-1)
    error = (training.heads.geometry(tokens) - target * 5 / training.grid).abs().mean(dim=-1)
    inside = (share > 0.5).float()
    return (error * inside).sum() / inside.sum().clamp(min=1)
