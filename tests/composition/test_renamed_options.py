"""Old names of options on the command line."""

from __future__ import annotations

from ntt.composition.renamed import with_present_names


def test_what_has_only_another_name_now_is_understood_and_said():
    given = ["+experiment=demo", "segmenter.points_per_side=8", "dataset.generator=null", "segmenter.prompts=adaptive"]
    renamed, notes = with_present_names([*given, "++segmenter.cover_iou=0.5", "dataset.root=/a/segmenter.prompts=1"])
    assert renamed == [
        *("+experiment=demo", "proposals.points_per_side=8", "dataset.format=coco", "proposals=adaptive"),
        *("++proposals.cover_iou=0.5", "dataset.root=/a/segmenter.prompts=1"),
    ]
    assert len(notes) == 4
    assert notes[0] == "segmenter.points_per_side=8 is written proposals.points_per_side=8 now"


def test_what_means_something_else_now_is_left_to_be_refused():
    assert with_present_names(["dataset.generator=my.function"]) == (["dataset.generator=my.function"], [])
