"""Which option a name leads to: never unseen to one that changes what is computed."""

from __future__ import annotations

import pytest

from ntt.commands.composition_errors import option_names
from ntt.commands.meant import _MEANT, suggestion
from ntt.run import conf_folder

KNOWN = option_names(conf_folder())


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("threshold", " Did you mean export.threshold?"),
        ("confidence", " Did you mean export.threshold?"),
        ("shot", " Did you mean shots?"),
        ("precison", " Did you mean precision?"),
        ("limit", " Did you mean dataset.limit?"),
        ("batch_size", " Did you mean images_per_batch?"),
        ("iou", " Did you mean matcher.nms_iou (which changes what is computed)?"),
        ("mask_treshold", ""),
        ("points", " Did you mean proposals.points_per_side (which changes what is computed)?"),
        ("lr", " Nothing is trained: there is no such option."),
        ("resolution", ""),
        ("matcher.max_detection", " Did you mean matcher.max_detections?"),
    ],
)
def test_a_name_leads_to_what_was_meant(word: str, said: str) -> None:
    assert suggestion(word, KNOWN) == said


def test_every_option_that_is_meant_is_one() -> None:
    assert {name for name in _MEANT.values() if not name.startswith("hydra.")} <= set(KNOWN)


@pytest.mark.parametrize("word", ["threshold", "score", "thresholds", "iou_treshold", "score_tresh"])
def test_a_threshold_never_leads_unseen_to_one_of_the_networks(word: str) -> None:
    said = suggestion(word, KNOWN)
    assert "segmenter." not in said or "changes what is computed" in said
