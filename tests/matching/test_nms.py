import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.matching.nms import class_nms, same_class_pairs


def greedy(boxes, ranking, labels, threshold):
    """The textbook loop."""
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -ranking[i]):
        for j in kept:
            (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = boxes[i], boxes[j]
            inter = max(0, min(ax2, bx2) - max(ax1, bx1)) * max(0, min(ay2, by2) - max(ay1, by1))
            union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inter
            if labels[i] == labels[j] and inter > threshold * union:
                break
        else:
            kept.append(i)
    return kept


box = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 7), st.integers(0, 7)).map(
    lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]]
)
proposals = st.lists(st.tuples(box, st.integers(0, 4), st.integers(0, 2)), max_size=25)


def tensors(drawn):
    boxes = torch.tensor([b for b, _, _ in drawn], dtype=torch.int64).reshape(-1, 4)
    ranking = torch.tensor([r / 5 for _, r, _ in drawn], dtype=torch.float32)
    return boxes, ranking, torch.tensor([c for _, _, c in drawn], dtype=torch.int64)


@settings(max_examples=200, deadline=None)
@given(proposals, st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
def test_equals_the_greedy_loop(drawn, threshold):
    boxes, ranking, labels = tensors(drawn)
    kept = class_nms(boxes, ranking, labels, threshold)
    assert kept.tolist() == greedy(boxes.tolist(), ranking.tolist(), labels.tolist(), threshold)


@settings(max_examples=50, deadline=None)
@given(proposals, st.permutations([0, 1, 2]))
def test_class_numbers_do_not_matter(drawn, renaming):
    boxes, ranking, labels = tensors(drawn)
    renamed = torch.tensor(renaming)[labels]
    assert torch.equal(class_nms(boxes, ranking, labels, 0.5), class_nms(boxes, ranking, renamed, 0.5))


@settings(max_examples=50, deadline=None)
@given(proposals)
def test_a_second_pass_drops_nothing(drawn):
    boxes, ranking, labels = tensors(drawn)
    kept = class_nms(boxes, ranking, labels, 0.5)
    again = class_nms(boxes[kept], ranking[kept], labels[kept], 0.5)
    assert again.tolist() == list(range(len(kept)))


def test_long_chain_of_suppressions():
    # Each box overlaps only its neighbours: the greedy walk keeps every other one.
    start = torch.arange(40) * 4
    boxes = torch.stack([start, 0 * start, start + 10, 0 * start + 10], dim=1)
    kept = class_nms(boxes, -start.float(), torch.zeros(40, dtype=torch.int64), 0.3)
    assert kept.tolist() == list(range(0, 40, 2))


def test_width_is_the_difference_of_the_corners():
    # With x2 - x1 the IoU is 18 / (27 + 27 - 18) = 0.5, not above the threshold; counting pixels it would be
    # 30 / (40 + 40 - 30) = 0.6.
    boxes = torch.tensor([[0, 0, 3, 9], [1, 0, 4, 9]])
    assert class_nms(boxes, torch.tensor([0.9, 0.8]), torch.zeros(2, dtype=torch.int64), 0.5).tolist() == [
        0,
        1,
    ]


def test_boxes_without_area_are_kept():
    boxes = torch.tensor([[5, 5, 5, 9]] * 2)
    assert class_nms(boxes, torch.tensor([0.5, 0.9]), torch.zeros(2, dtype=torch.int64), 0.0).tolist() == [
        1,
        0,
    ]


@pytest.mark.parametrize("labels", [[], [3], [2, 2, 2], [1, 0, 1, 5, 0, 1]])
def test_same_class_pairs(labels):
    earlier, later = same_class_pairs(torch.tensor(labels, dtype=torch.int64))
    count = len(labels)
    expected = {(i, j) for j in range(count) for i in range(j) if labels[i] == labels[j]}
    assert len(earlier) == len(expected)
    assert set(zip(earlier.tolist(), later.tolist(), strict=True)) == expected
