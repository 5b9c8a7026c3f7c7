"""Classes are paired by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ntt.data.classes import pair_classes
from ntt.data.coco import Annotation, CocoDataset
from ntt.data.splits import select_classes
from ntt.errors import InputError


def dataset_of(categories: dict[int, str], *annotated: int) -> CocoDataset:
    annotations = [
        Annotation(number, 1, category, (0, 0, 9, 9), None, 81, False) for number, category in enumerate(annotated)
    ]
    return CocoDataset(Path("x.json"), "", {}, annotations, categories)


def test_a_class_that_the_targets_lack_gets_an_id_of_its_own() -> None:
    references = dataset_of({1: "cup", 2: "heart", 3: "house"}, 1, 2, 3)
    pairs, told = pair_classes(references.categories, references, dataset_of({1: "heart", 2: "house"}))
    assert pairs == {2: 1, 3: 2, 1: 3}
    assert "'cup'" in told[0]


def test_no_common_class_is_refused_with_both_lists() -> None:
    references = dataset_of({1: "cup"}, 1)
    with pytest.raises(InputError, match=r"none of the classes 'cup' of x\.json, but 'Cup'"):
        pair_classes(references.categories, references, dataset_of({1: "Cup"}))


def test_a_different_spelling_is_pointed_at() -> None:
    references = dataset_of({1: "cup", 2: "heart"}, 1, 2)
    _, told = pair_classes(references.categories, references, dataset_of({1: "Cup", 2: "heart"}))
    assert "is 'Cup' for 'cup' meant?" in told[0]


def test_of_two_categories_of_one_name_that_with_annotations_counts() -> None:
    references = dataset_of({1: "cup"}, 1)
    targets = dataset_of({1: "cup", 9: "cup"}, 1, 1)
    assert pair_classes(references.categories, references, targets) == ({1: 1}, [])
    with pytest.raises(InputError, match=r"several categories are called 'cup' \(ids 1, 9\), and several of them"):
        pair_classes(references.categories, references, dataset_of({1: "cup", 9: "cup"}, 1, 9))
    with pytest.raises(InputError, match="none of them have annotations"):
        pair_classes(references.categories, references, dataset_of({1: "cup", 9: "cup"}))


def test_all_classes_are_those_with_annotations() -> None:
    assert select_classes(dataset_of({0: "shapes", 1: "cup"}, 1), "all") == {1: "cup"}
    assert select_classes(dataset_of({0: "shapes", 1: "cup"}), "all") == {0: "shapes", 1: "cup"}


def test_names_that_hydra_reads_as_values_are_names() -> None:
    dataset = dataset_of({4: "1", 5: "0", 6: "true"}, 4)
    assert select_classes(dataset, [1, 0]) == {4: "1", 5: "0"}  # type: ignore[list-item]
    assert select_classes(dataset, [True, " 1 "]) == {4: "1", 6: "true"}  # type: ignore[list-item]
