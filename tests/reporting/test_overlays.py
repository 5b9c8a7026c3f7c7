from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ntt.reporting import overlays, plates
from ntt.reporting.colours import UNKNOWN, Colour, class_colours
from ntt.reporting.overlays import GAP, MIN_SIDE, side_by_side, single
from ntt.reporting.verdicts import Instance

COLOURS = class_colours(["cat", "dog"])


def instance(box: tuple[int, int, int, int], size: int = 480, label: str = "cat", score: float | None = None):  # type: ignore[no-untyped-def]
    x1, y1, x2, y2 = box
    mask = np.zeros((size, size), dtype=np.uint8)
    mask[y1 : y2 + 1, x1 : x2 + 1] = 1
    return Instance(mask, box, label, score)


@pytest.fixture
def headers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The header texts in the order in which they are drawn."""
    seen: list[str] = []
    drawn = overlays.header_strip

    def record(text: str, width: int, size: int) -> Image.Image:
        seen.append(text)
        return drawn(text, width, size)

    monkeypatch.setattr(overlays, "header_strip", record)
    return seen


@pytest.fixture
def drawn_plates(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int, int, str]]:
    """Left, top, right, bottom (exclusive) and text of each plate in the order in which they are drawn."""
    seen: list[tuple[int, int, int, int, str]] = []
    drawn = plates.draw_plate

    def record(draw: ImageDraw.ImageDraw, left: int, top: int, text: str, size: int, fill: Colour) -> None:
        width, height = plates.plate_size(text, size)
        seen.append((left, top, left + width, top + height, text))
        drawn(draw, left, top, text, size, fill)

    monkeypatch.setattr(plates, "draw_plate", record)
    return seen


def panels(picture: Image.Image, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Left and right panel without their header."""
    pixels = np.asarray(picture)
    assert pixels.shape[1] == 2 * width + GAP
    return pixels[-height:, :width], pixels[-height:, -width:]


def test_ground_truth_is_drawn_left_and_predictions_right() -> None:
    image = np.full((480, 480, 3), 128, dtype=np.uint8)
    truth, prediction = instance((40, 100, 139, 199)), instance((40, 100, 139, 199), label="cat", score=0.9)
    left, right = panels(side_by_side(image, [truth], [prediction], COLOURS), 480, 480)
    assert tuple(left[150, 40]) == COLOURS["cat"]  # outline
    assert tuple(right[199, 60]) == COLOURS["cat"]
    inside = np.round(128 + (np.array(COLOURS["cat"]) - 128) * overlays.MASK_ALPHA)
    assert np.abs(left[150, 90] - inside).max() <= 1  # tint
    assert np.abs(right[150, 90] - inside).max() <= 1
    assert (left[350, 350] == 128).all()
    assert (left[150, 30] == 128).all()  # no box, no second mark


def test_small_images_are_enlarged_and_large_ones_reduced() -> None:
    small = side_by_side(np.zeros((32, 48, 3), dtype=np.uint8), [], [], COLOURS)
    assert small.width == 2 * MIN_SIDE * 48 // 32 + GAP
    assert small.height > MIN_SIDE
    large = side_by_side(np.zeros((2000, 3000, 3), dtype=np.uint8), [], [], COLOURS)
    assert large.width == 2 * overlays.MAX_SIDE + GAP


@pytest.mark.parametrize("shape", [(1, 1), (4, 900), (900, 4)])
def test_extreme_shapes_are_drawn(shape: tuple[int, int]) -> None:
    height, width = shape
    whole = Instance(np.ones(shape, dtype=np.uint8), (0, 0, width - 1, height - 1), "cat", 0.5)
    assert side_by_side(np.zeros((*shape, 3), dtype=np.uint8), [whole], [whole], COLOURS).width > GAP


def test_a_label_without_colour_is_grey_and_a_box_needs_no_mask() -> None:
    image = np.zeros((480, 480, 3), dtype=np.uint8)
    box_only = Instance(None, (100, 100, 199, 199), "unheard of")
    left, _ = panels(side_by_side(image, [box_only], [], COLOURS), 480, 480)
    assert tuple(left[150, 100]) == UNKNOWN
    assert (left[150, 150] == 0).all()


def test_only_the_best_above_the_threshold_are_shown(headers: list[str], drawn_plates: list) -> None:
    image = np.zeros((480, 480, 3), dtype=np.uint8)
    scores = [0.1, 0.95, 0.29, 0.3, 0.6]
    predictions = [instance((40 * i, 80 * i + 40, 40 * i + 39, 80 * i + 79), score=s) for i, s in enumerate(scores)]
    side_by_side(image, [], predictions, COLOURS, score_threshold=0.3, most=20)
    assert headers == ["ground truth: 0 objects", "predictions (score >= 0.3): 3 of 5, 3 false"]
    assert [plate[4] for plate in drawn_plates] == ["false: cat 0.95", "false: cat 0.60", "false: cat 0.30"]

    drawn_plates.clear()
    side_by_side(image, [], predictions, COLOURS, score_threshold=0.2, most=2)
    assert headers[-1] == "predictions (score >= 0.2): best 2 of 4 shown, 2 false"
    assert [plate[4] for plate in drawn_plates] == ["false: cat 0.95", "false: cat 0.60"]


def test_when_all_are_weak_the_best_few_are_shown_and_the_header_says_so(
    headers: list[str], drawn_plates: list
) -> None:
    image = np.zeros((480, 480, 3), dtype=np.uint8)
    weak = [instance((0, 90 * i + 30, 50, 90 * i + 60), score=0.01 * i) for i in range(5)]
    side_by_side(image, [weak[0]], weak, COLOURS, score_threshold=0.3)
    assert headers == [
        "ground truth: 1 object, 1 missed",
        "predictions: none with score >= 0.3, best 3 of 5 shown, 3 false",
    ]
    assert [plate[4] for plate in drawn_plates[1:]] == ["false: cat 0.04", "false: cat 0.03", "false: cat 0.02"]
    side_by_side(image, [], [], COLOURS)
    assert headers[-1] == "predictions: none"


def test_plates_stay_inside_the_picture_and_off_each_other(drawn_plates: list) -> None:
    image = np.zeros((480, 480, 3), dtype=np.uint8)
    generator = np.random.default_rng(0)
    crowd = []
    for _ in range(60):
        x, y = generator.integers(0, 460, 2).tolist()
        crowd.append(instance((x, y, min(479, x + 60), min(479, y + 30)), label="a very long class name indeed"))
    side_by_side(image, crowd, [], COLOURS)
    assert len(drawn_plates) > 10
    for index, (left, top, right, bottom, _) in enumerate(drawn_plates):
        assert 0 <= left < right <= 480
        assert 0 <= top < bottom <= 480
        for other in drawn_plates[:index]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_a_small_object_stays_visible_on_a_large_one() -> None:
    image = np.zeros((480, 480, 3), dtype=np.uint8)
    small, large = instance((200, 200, 239, 239), label="dog"), instance((10, 10, 469, 469))
    left, _ = panels(side_by_side(image, [small, large], [], COLOURS), 480, 480)
    assert tuple(left[239, 220]) == COLOURS["dog"]


def test_misses_and_false_alarms_are_dashed_and_hits_are_not() -> None:
    image = np.full((480, 480, 3), 128, dtype=np.uint8)
    hit, missed = instance((40, 100, 139, 199)), instance((300, 40, 399, 139))
    alarm = instance((40, 300, 139, 399), label="dog", score=0.8)
    left, right = panels(
        side_by_side(image, [hit, missed], [alarm, instance((42, 100, 139, 199), score=0.9)], COLOURS), 480, 480
    )

    def dark(panel: np.ndarray, x1: int, y: int) -> int:
        return int((panel[y, x1 : x1 + 100].sum(-1) < 90).sum())

    assert dark(left, 40, 198) == dark(right, 42, 198) == 0
    assert dark(left, 300, 138) > 20
    assert dark(right, 40, 398) > 20


def test_two_of_one_class_have_different_shades() -> None:
    image = np.full((480, 480, 3), 128, dtype=np.uint8)
    pair = [instance((40, 300, 139, 399)), instance((240, 300, 339, 399))]
    left, _ = panels(side_by_side(image, pair, pair, COLOURS), 480, 480)

    assert tuple(left[399 - 1, 80]) == COLOURS["cat"]
    assert sum(left[398, 280].tolist()) > sum(COLOURS["cat"])


def test_a_label_without_room_at_its_object_is_led_to_it(drawn_plates: list) -> None:
    image = np.zeros((480, 480, 3), dtype=np.uint8)
    crowd = [instance((200 + i, 200 + i, 210 + i, 210 + i)) for i in range(8)]
    side_by_side(image, crowd, [], COLOURS)

    assert len(drawn_plates) == 8


def test_the_image_is_named_and_without_truth_there_is_one_panel(headers: list[str]) -> None:
    image = np.zeros((480, 640, 3), dtype=np.uint8)
    picture = single(image, [instance((10, 10, 50, 50), score=0.7)], COLOURS, title="monday/a.jpg")

    assert picture.width == 640
    assert headers == ["predictions (score >= 0): 1 of 1", "monday/a.jpg"]
