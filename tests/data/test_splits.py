"""Class splits by name, by list and by fold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ntt.data.coco import CocoDataset, read_coco
from ntt.data.splits import COCO_CLASSES, COCO_NOVEL, select_classes
from ntt.errors import InputError


def dataset_of(*names: str) -> CocoDataset:
    return CocoDataset(Path("drawn.json"), "", {}, [], {10 + i: name for i, name in enumerate(names)})


def test_cocos_classes_are_those_of_the_real_file(tiny_coco: Path) -> None:
    dataset = read_coco(tiny_coco / "annotations" / "instances_val2017.json")
    assert tuple(dataset.categories.values()) == COCO_CLASSES
    novel, base = select_classes(dataset, "novel"), select_classes(dataset, "base")
    assert (len(novel), len(base)) == (20, 60)
    assert set(novel.values()) == set(COCO_NOVEL)
    assert not novel.keys() & base.keys()
    assert (novel | base).keys() == dataset.categories.keys()
    assert (novel[1], novel[72]) == ("person", "tv")
    assert select_classes(replace(dataset, annotations=[]), "all") == dataset.categories
    annotated = {annotation.category_id for annotation in dataset.annotations}
    assert select_classes(dataset, "all").keys() == annotated


@pytest.mark.parametrize("fold", range(4))
def test_folds_take_every_fourth_class(fold: int) -> None:
    dataset = dataset_of(*COCO_CLASSES)
    selected = select_classes(dataset, f"fold{fold}")
    assert list(selected) == [10 + index for index in range(80) if index % 4 == fold]


def test_a_split_keeps_the_files_category_order() -> None:
    dataset = dataset_of("cow", "dog", "cat")
    assert list(select_classes(dataset, ["cat", "cow"]).items()) == [(10, "cow"), (12, "cat")]


@pytest.mark.parametrize("split", ["novel", "base", "fold2"])
def test_named_splits_need_all_their_classes(split: str) -> None:
    with pytest.raises(InputError, match=rf"drawn.json: no category is called .* split={split} needs"):
        select_classes(dataset_of("person", "truck", "car"), split)


def test_an_unknown_class_names_the_closest_one() -> None:
    dataset = dataset_of("motorcycle", "Bird", "zebra")
    with pytest.raises(InputError, match=r"drawn.json: no category is called 'motorcylce'; .* 'motorcycle'"):
        select_classes(dataset, ["zebra", "motorcylce"])
    with pytest.raises(InputError, match=r"'bird'; the closest is 'Bird'"):
        select_classes(dataset, ["bird"])
    with pytest.raises(InputError, match=r"its 3 classes are motorcycle, Bird, zebra"):
        select_classes(dataset, ["quux"])


def test_an_unknown_split_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="split=novle is none of all, novel, base, fold0"):
        select_classes(dataset_of("cat"), "novle")
    with pytest.raises(InputError, match=r"write split=\[cat\]"):
        select_classes(dataset_of("cat"), "cat")
    with pytest.raises(InputError, match="empty list"):
        select_classes(dataset_of("cat"), [])


def test_categories_that_share_a_name_cannot_be_told_apart() -> None:
    dataset = dataset_of("fish", "fish", "crab")
    with pytest.raises(InputError, match="several categories are called 'fish'"):
        select_classes(dataset, "all")
    assert select_classes(dataset, ["crab"]) == {12: "crab"}
