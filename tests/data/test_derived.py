"""What is derived of a file's annotations is derived once for the same ones, and anew for others or another reading."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ntt.data import soundness
from ntt.data.coco import Annotation, CocoDataset, ImageRecord
from ntt.data.derived import Derived
from ntt.data.soundness import check_annotations


def dataset(*areas: float) -> CocoDataset:
    square = [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0]]
    annotations = [Annotation(i, 1, 1, (1.0, 1.0, 4.0, 4.0), square, area, False) for i, area in enumerate(areas)]
    return CocoDataset(Path("a.json"), "", {1: ImageRecord(1, "a.png", 9, 9)}, annotations, {1: "cup"})


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    checked: list[int] = []
    real = soundness.read_masks
    monkeypatch.setattr(soundness, "read_masks", lambda some, images: checked.append(len(some)) or real(some, images))
    return checked


def test_the_same_annotations_are_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked, read = counted(monkeypatch), dataset(16.0, float("nan"))
    first, again = [check_annotations(read, list(read.annotations), masks_needed=True) for _ in range(2)]
    assert checked == [2]
    assert first == again
    assert [annotation.area for annotation in again[0]] == [16.0, 16.0]


def test_others_and_other_questions_and_another_reading_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checked, read = counted(monkeypatch), dataset(16.0, 16.0)
    check_annotations(read, read.annotations, masks_needed=True)
    check_annotations(read, read.annotations[:1], masks_needed=True)
    check_annotations(read, read.annotations, masks_needed=False)
    check_annotations(read, [replace(annotation) for annotation in read.annotations], masks_needed=True)
    check_annotations(replace(read), read.annotations, masks_needed=True)
    assert checked == [2, 1, 2, 2, 2]


def test_the_oldest_goes() -> None:
    derived, made = Derived(), []
    for number in [*range(9), 8, 0]:
        derived.of(number, [], lambda number=number: made.append(number))
    assert made == [*range(9), 0]
