from __future__ import annotations

import torch

from ntt.reporting.maps import feature_maps


def test_parts_of_an_object_get_their_own_cluster_and_colour():
    directions = torch.eye(2, 8)
    features = torch.zeros(4, 4, 8)
    features[:, :2], features[:, 2:] = directions[0], directions[1]
    mask = torch.zeros(4, 4)
    mask[1:3] = 0.5
    colours, labels = feature_maps(features.view(16, 8), mask, clusters=2)
    assert (labels[mask == 0] == 0).all()
    assert (colours[mask == 0] == 0).all()
    left, right = labels[1:3, :2], labels[1:3, 2:]
    assert len(left.unique()) == len(right.unique()) == 1
    assert {int(left[0, 0]), int(right[0, 0])} == {1, 2}
    assert {int(colours[1, 0, 0]), int(colours[1, 3, 0])} == {1, 255}


def test_an_object_of_one_patch_has_maps_too():
    mask = torch.zeros(3, 3)
    mask[1, 1] = 1
    colours, labels = feature_maps(torch.randn(9, 5), mask)
    assert labels[1, 1] == 1
    assert labels.sum() == 1
    assert colours.shape == (3, 3, 3)
