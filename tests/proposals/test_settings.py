"""What prompts determine: the options that they have, and no others."""

from __future__ import annotations

import pytest

from ntt.proposals.settings import ProposalSettings


def test_adaptive_prompts_are_other_proposals_by_each_option() -> None:
    grid = ProposalSettings("grid", 16, 0.4)
    assert grid.options() == {"prompts": "grid", "points_per_side": 16, "iou_threshold": 0.4}
    adaptive = [
        ProposalSettings("adaptive", 16, 0.4, cover_iou=iou, cover_area=area, resemblance=share)
        for iou, area, share in ((0.8, 0.25, None), (0.5, 0.25, None), (0.8, 0.5, None), (0.8, 0.25, 0.5))
    ]
    every = [settings.options() for settings in (grid, *adaptive)]
    assert all(one != other for i, one in enumerate(every) for other in every[:i])


@pytest.mark.parametrize("option", ["prompts", "points_per_side", "iou_threshold", "resemblance"])
def test_the_segmenter_takes_each_option_by_its_name(option: str) -> None:
    from inspect import signature

    from ntt.segmenters.sam2 import Sam2

    assert option in signature(Sam2).parameters
