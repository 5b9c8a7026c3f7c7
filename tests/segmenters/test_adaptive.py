"""Which points adaptive prompting leaves out, by a decoder that is told its masks."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ntt.segmenters.adaptive import Cover, propose_adaptively
from ntt.segmenters.decoding import RawProposals
from ntt.segmenters.points import on_coarse_grid, point_grid

SIZE = 32
SIDE = SIZE // 4

Answer = tuple[float, tuple[int, int, int, int]]  # predicted IoU, box x1, y1, x2, y2 on the mask grid, exclusive


class ToldDecoder:
    """Gives each point of a grid the box it is told, or nothing, and remembers what it was asked.

    The size of a mask's logits tells its point apart from the others.
    """

    def __init__(self, grid: Tensor, answers: list[Answer | None]) -> None:
        self.numbers = {tuple(point): number for number, point in enumerate(grid.tolist())}
        self.answers = answers
        self.asked: list[int] = []

    def __call__(self, points: Tensor) -> RawProposals:
        numbers = [self.numbers[tuple(point)] for point in points.tolist()]
        self.asked += numbers
        kept = [(number, self.answers[number]) for number in numbers]
        logits = [self._mask(number, answer[1]) for number, answer in kept if answer]
        iou = torch.tensor([answer[0] for _, answer in kept if answer])
        return RawProposals(torch.stack(logits) if logits else torch.zeros(0, SIDE, SIDE), iou)

    @staticmethod
    def _mask(number: int, box: tuple[int, int, int, int]) -> Tensor:
        x1, y1, x2, y2 = box
        logits = torch.full((SIDE, SIDE), -1.0 - number)
        logits[y1:y2, x1:x2] = 1.0 + number
        return logits


def answers(count: int) -> st.SearchStrategy[list[Answer | None]]:
    corner = st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1), st.integers(1, SIDE), st.integers(1, SIDE))
    box = corner.map(lambda c: (c[0], c[1], min(SIDE, c[0] + c[2]), min(SIDE, c[1] + c[3])))
    answer = st.tuples(st.sampled_from([0.5, 0.8, 0.9]), box)
    return st.lists(st.none() | answer, min_size=count, max_size=count)


@settings(deadline=None)
@given(data=st.data(), per_side=st.integers(1, 6), iou=st.sampled_from([0.0, 0.75, 0.85, 1.0]), area=st.floats(0, 1))
def test_it_prompts_what_no_good_mask_covers_and_yields_what_the_grid_yields(
    data: st.DataObject, per_side: int, iou: float, area: float
) -> None:
    grid = point_grid(per_side, SIZE)
    told = data.draw(answers(len(grid)))
    everything = ToldDecoder(grid, told)(grid)
    decoder = ToldDecoder(grid, told)

    found = propose_adaptively(decoder, grid, on_coarse_grid(grid, grid), SIZE, Cover(iou, area))

    coarse = [i for i in range(len(grid)) if (i // per_side) % 2 == 0 and (i % per_side) % 2 == 0]
    good = [answer[1] for i in coarse if (answer := told[i]) and answer[0] > iou and size(answer[1]) <= area * SIDE**2]
    cells = [(int(x // 4), int(y // 4)) for x, y in grid.tolist()]
    uncovered = [
        i
        for i, (x, y) in enumerate(cells)
        if i not in coarse and not any(x1 <= x < x2 and y1 <= y < y2 for x1, y1, x2, y2 in good)
    ]
    assert decoder.asked == coarse + uncovered
    kept = [i for i in range(len(grid)) if told[i]]  # the point of each row of `everything`
    rows = [kept.index(i) for i in decoder.asked if told[i]]
    assert torch.equal(found.logits, everything.logits[rows])
    assert torch.equal(found.predicted_iou, everything.predicted_iou[rows])


def size(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def test_a_mask_that_fills_the_image_covers_nothing_unless_allowed_to() -> None:
    grid = point_grid(4, SIZE)
    whole: Answer = (0.95, (0, 0, SIDE, SIDE))
    bounded, unbounded = (ToldDecoder(grid, [whole] * 16) for _ in range(2))

    propose_adaptively(bounded, grid, on_coarse_grid(grid, grid), SIZE, Cover(0.8, 0.25))
    propose_adaptively(unbounded, grid, on_coarse_grid(grid, grid), SIZE, Cover(0.8, 1.0))

    assert len(bounded.asked) == 16
    assert len(unbounded.asked) == 4


@settings(deadline=None)
@given(per_side=st.integers(1, 40), image_size=st.integers(32, 2048))
def test_the_coarse_grid_is_every_second_column_and_row(per_side: int, image_size: int) -> None:
    points = point_grid(per_side, image_size)

    coarse = on_coarse_grid(points, points).view(per_side, per_side)

    expected = torch.zeros(per_side, per_side, dtype=torch.bool)
    expected[::2, ::2] = True
    assert torch.equal(coarse, expected)
    some = torch.rand(len(points)) < 0.5
    assert torch.equal(on_coarse_grid(points[some], points), coarse.flatten()[some])
