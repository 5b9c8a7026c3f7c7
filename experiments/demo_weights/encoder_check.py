"""How well the encoder in training tells classes apart, with perfect masks."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from experiments.demo_weights.encoder import EncoderTraining, class_logits, pool
from experiments.demo_weights.encoder_batches import object_reference, stack_views, whole_scenes
from experiments.demo_weights.scenes import MAX_OBJECTS, UNSEEN, TrainingScenes


@torch.no_grad()
def check_encoder(training: EncoderTraining, scenes: TrainingScenes, unseen: TrainingScenes) -> dict[str, float]:
    """Accuracy with perfect masks: of the classifier, and of five references a class for unseen classes."""
    patch, size = training.patch, training.image_size
    views = whole_scenes(scenes, np.arange(40), size, patch, None)
    vectors, labels = pool(training.tokens(views.images)[0], views, len(training.classes))
    known = class_logits(training, vectors).argmax(dim=1) == labels
    half = len(unseen) // 2
    prototypes = F.normalize(torch.stack(_unseen_references(training, unseen, half, shots=5)), dim=1)
    views = whole_scenes(unseen, np.arange(half, half + 40), size, patch, None)
    vectors, labels = pool(training.tokens(views.images)[0], views, UNSEEN)
    objects = labels < UNSEEN
    nearest = (vectors[objects] @ prototypes.T).argmax(dim=1)
    return {
        "check_trained_classes": float(known.float().mean()),
        "check_unseen_classes": float((nearest == labels[objects]).float().mean()),
    }


def _unseen_references(training: EncoderTraining, scenes: TrainingScenes, count: int, shots: int) -> list[Tensor]:
    """Mean vector of the first references of each unseen class among ``count`` scenes."""
    means = []
    for label in range(UNSEEN):
        found = []
        for index in range(count):
            for owner in range(1, MAX_OBJECTS + 1):
                if scenes.labels[index, owner - 1] == label and (scenes.owners[index] == owner).sum() > 900:
                    found.append((index, owner))
        crops = [object_reference(scenes, *each, training.image_size, training.patch) for each in found[:shots]]
        views = stack_views(crops)
        vectors, labels = pool(training.tokens(views.images)[0], views, UNSEEN)
        means.append(vectors[labels == label].mean(dim=0))
    return means
