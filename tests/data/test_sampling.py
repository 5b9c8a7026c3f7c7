"""The seeded draw of references, what happens when there are too few, and fixed sets."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntt.data.coco import Annotation, CocoDataset, ImageRecord
from ntt.data.sampling import Reference, Shortage, fixed_references, is_valid, sample_references
from ntt.errors import InputError

CAT, DOG, COW = 3, 1, 2
GOOD = (20.0, 20.0, 40.0, 40.0)
SMALL = (20.0, 20.0, 31.0, 40.0)
SPECK = (20.0, 20.0, 0.5, 40.0)
IMAGE = ImageRecord(1, "1.jpg", 100, 200)


def dataset_of(*objects: tuple[int, int, tuple[float, float, float, float], bool]) -> CocoDataset:
    """Annotations (image, category, box, crowd) with the ids 100, 101, ... on images of 100 x 200 pixels."""
    annotations = [
        Annotation(100 + index, image, category, box, None, box[2] * box[3], crowd)
        for index, (image, category, box, crowd) in enumerate(objects)
    ]
    images = {a.image_id: ImageRecord(a.image_id, f"{a.image_id}.jpg", 100, 200) for a in annotations}
    names = {DOG: "dog", COW: "cow", CAT: "cat"}
    return CocoDataset(Path("drawn.json"), "", images, annotations, names)


def ids(references: list[Reference]) -> list[int]:
    return [reference.annotation_id for reference in references]


@pytest.mark.parametrize(
    ("box", "crowd", "valid"),
    [
        ((10, 10, 180, 80), False, True),
        ((10, 10, 32, 32), False, True),
        ((10, 10, 31.99, 50), False, False),
        ((10, 10, 50, 31.99), False, False),
        ((9.99, 10, 50, 50), False, False),
        ((10, 9.99, 50, 50), False, False),
        ((10, 10, 180.01, 50), False, False),
        ((10, 10, 50, 80.01), False, False),
        ((10, 10, 50, 50), True, False),
    ],
)
def test_validity_at_its_limits(box: tuple[float, float, float, float], crowd: bool, valid: bool) -> None:
    assert is_valid(Annotation(1, 1, 1, box, None, 1.0, crowd), IMAGE) is valid
    assert not is_valid(Annotation(1, 1, 1, box, None, 1.0, crowd, isimpossible=True), IMAGE)


def test_the_draw_is_the_random_modules_own() -> None:
    dataset = dataset_of(
        *[(image, CAT, GOOD, False) for image in range(5)],
        *[(image, COW, GOOD, False) for image in range(5)],
        *[(image, DOG, GOOD, False) for image in range(5)],
    )
    random.seed(33)
    cats, dogs = list(range(100, 105)), list(range(110, 115))
    random.shuffle(cats)
    random.shuffle(dogs)
    # First mentioned is first shuffled, the cows, not asked for, are not; the result follows the request.
    assert ids(sample_references(dataset, [DOG, CAT], 5, 33)) == [*dogs, *cats]


def test_invalid_annotations_take_part_in_the_shuffle() -> None:
    dataset = dataset_of(
        (0, CAT, GOOD, True), (1, CAT, SMALL, False), *[(image, CAT, GOOD, False) for image in range(2, 8)]
    )
    order = list(range(100, 108))
    random.Random(5).shuffle(order)
    assert ids(sample_references(dataset, [CAT], 6, 5)) == [i for i in order if i >= 102]


def test_the_modules_own_generator_is_left_alone() -> None:
    dataset = dataset_of(*[(image, CAT, GOOD, False) for image in range(5)])
    random.seed(1)
    state = random.getstate()
    sample_references(dataset, [CAT], 2, 33)
    assert random.getstate() == state
    assert ids([*sample_references(dataset, [CAT], 5, 33)]) == ids(sample_references(dataset, [CAT], 5, 33))
    assert [a.id for a in dataset.annotations] == [100, 101, 102, 103, 104]


@given(
    objects=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([CAT, DOG]), st.sampled_from([GOOD, SMALL]), st.booleans()),
        max_size=40,
    ),
    shots=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_references_are_valid_and_from_different_images(
    objects: list[tuple[int, int, tuple[float, float, float, float], bool]], shots: int, seed: int
) -> None:
    dataset = dataset_of(*objects)
    annotations = {a.id: a for a in dataset.annotations}
    available = {
        c: len({a.image_id for a in dataset.annotations if a.category_id == c and is_valid(a, IMAGE)})
        for c in (CAT, DOG)
    }
    if min(available.values()) == 0:
        with pytest.raises(InputError):
            sample_references(dataset, [CAT, DOG], shots, seed, "take")
        return
    references = sample_references(dataset, [CAT, DOG], shots, seed, "take")
    for category, count in available.items():
        own = [r for r in references if r.category_id == category]
        assert len(own) == len({r.image_id for r in own}) == min(shots, count)
    for r in references:
        annotation = annotations[r.annotation_id]
        assert is_valid(annotation, dataset.images[r.image_id])
        assert (annotation.category_id, annotation.image_id) == (r.category_id, r.image_id)


def shortage_dataset() -> CocoDataset:
    """Two images with cats; a small dog, a crowd and a speck of dogs; no cow."""
    return dataset_of(
        (1, CAT, GOOD, False),
        (1, CAT, GOOD, False),
        (2, CAT, GOOD, False),
        (3, DOG, SMALL, False),
        (4, DOG, GOOD, True),
        (5, DOG, SPECK, False),
    )


def test_a_shortage_names_class_counts_file_and_ways_out() -> None:
    with pytest.raises(InputError) as caught:
        sample_references(shortage_dataset(), [CAT], 3, 33)
    message = str(caught.value)
    assert message.startswith("drawn.json: class 'cat' has 2 valid references")
    for part in ("3 were asked for", "shots=2", "shortage=take"):
        assert part in message


def test_a_shortage_lists_the_other_short_classes() -> None:
    with pytest.raises(InputError, match=r"also short: dog 0, cow 0\).*leave such classes out.*shortage=invalid"):
        sample_references(shortage_dataset(), [CAT, DOG, COW], 3, 33)


def test_take_and_repeat_use_what_there_is() -> None:
    taken = ids(sample_references(shortage_dataset(), [CAT], 5, 33, "take"))
    assert len(taken) == 2
    assert ids(sample_references(shortage_dataset(), [CAT], 5, 33, "repeat")) == [*taken, *taken, taken[0]]


@pytest.mark.parametrize("shortage", ["error", "take", "repeat"])
def test_a_class_without_valid_annotations_is_refused(shortage: Shortage) -> None:
    with pytest.raises(InputError, match=r"'dog' has 0 valid .*shortage=invalid"):
        sample_references(shortage_dataset(), [DOG], 1, 33, shortage)


def test_invalid_annotations_serve_only_a_class_that_has_no_valid_one() -> None:
    references = sample_references(shortage_dataset(), [CAT, DOG], 3, 33, "invalid")
    cats = ids(sample_references(shortage_dataset(), [CAT], 3, 33, "repeat"))
    assert ids(references) == [*cats, 103, 103, 103]
    with pytest.raises(InputError, match="'cow' has 0"):
        sample_references(shortage_dataset(), [COW], 3, 33, "invalid")


def test_invalid_annotations_may_be_of_one_image_and_valid_ones_not() -> None:
    dataset = dataset_of(*[(image, CAT, SMALL, False) for image in (1, 1, 1, 2)], (1, DOG, GOOD, False))
    dataset.annotations[1] = replace(dataset.annotations[1], isimpossible=True)
    order = [100, 101, 102, 103]
    random.Random(33).shuffle(order)
    order.remove(101)
    assert ids(sample_references(dataset, [CAT], 3, 33, "invalid")) == order
    assert ids(sample_references(dataset, [CAT], 5, 33, "invalid")) == [*order, *order[:2]]
    # As soon as one is valid, it is the only one, repeated.
    dataset.annotations[0] = replace(dataset.annotations[0], bbox=GOOD)
    assert ids(sample_references(dataset, [CAT], 3, 33, "invalid")) == [100, 100, 100]


def test_options_out_of_range() -> None:
    with pytest.raises(InputError, match="shots=0"):
        sample_references(shortage_dataset(), [CAT], 0, 33)
    with pytest.raises(InputError, match="shortage=ignore is none of error, take"):
        sample_references(shortage_dataset(), [CAT], 1, 33, "ignore")  # type: ignore[arg-type]


def test_a_fixed_file_gives_all_its_objects_but_crowds() -> None:
    dataset = shortage_dataset()
    assert ids(fixed_references(dataset, [DOG, CAT])) == [103, 105, 100, 101, 102]
    assert ids(fixed_references(dataset, [CAT])) == [100, 101, 102]


def test_a_fixed_list_is_taken_as_given() -> None:
    dataset = shortage_dataset()
    assert ids(fixed_references(dataset, [CAT, DOG], [103, 102, 100, 102])) == [102, 100, 102, 103]


def test_impossible_objects_of_a_fixed_file_are_left_out() -> None:
    dataset = shortage_dataset()
    dataset.annotations[1] = replace(dataset.annotations[1], isimpossible=True)
    assert ids(fixed_references(dataset, [CAT])) == [100, 102]


def test_read_as_published_the_first_of_an_image_and_class_stands_for_the_others() -> None:
    dataset = dataset_of(*[(1, kind, GOOD, False) for kind in (CAT, DOG, CAT, CAT)], (2, CAT, GOOD, False))
    assert ids(fixed_references(dataset, [CAT, DOG])) == [100, 102, 103, 104, 101]
    assert ids(fixed_references(dataset, [CAT, DOG], repeat_first=True)) == [100, 100, 100, 104, 101]
    listed = [103, 104, 102]
    assert ids(fixed_references(dataset, [CAT], listed, repeat_first=True)) == [103, 104, 103]


@pytest.mark.parametrize(
    ("category_ids", "listed", "complaint"),
    [
        ([CAT], [100, 999], "no annotation has the id 999"),
        ([CAT], [100, 103], "annotation 103 is of class 'dog', which is outside the split"),
        ([CAT, DOG], [100], "class 'dog' has no fixed reference"),
        ([CAT, COW], None, "class 'cow' has no fixed reference"),
    ],
)
def test_fixed_sets_that_do_not_fit(category_ids: list[int], listed: list[int] | None, complaint: str) -> None:
    with pytest.raises(InputError, match=f"drawn.json: .*{complaint}"):
        fixed_references(shortage_dataset(), category_ids, listed)
