from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ntt.app.guesses import Guesses
from ntt.app.photos import Photo
from ntt.app.project import Project, class_name, matching_thread
from ntt.app.values import boxed, clicked, number, segmentation
from ntt.app.windows import Windows
from ntt.errors import InputError
from ntt.fitted.files import Reference
from ntt.memory.kinds import Mean

PHOTO = Photo("p", 1, "a.png", Path("a.png"), 4, 6)


def reference(name: str, *vector: float) -> Reference:
    return Reference(name, torch.tensor(vector, dtype=torch.float32), b"", "")


@pytest.fixture
def project() -> Iterator[Project]:
    thread = matching_thread()
    yield Project(SimpleNamespace(memory=SimpleNamespace(kind=Mean())), thread)  # type: ignore[arg-type]
    thread.shutdown()


def test_a_reference_that_resembles_another_class_more_is_named(project: Project) -> None:
    for name, vector in [("cup", (1, 0.1)), ("cup", (1, 0)), ("bird", (0, 1)), ("bird", (0.1, 1))]:
        project.add(reference(name, *vector))
    odd = project.add(reference("cup", 0, 1))

    assert project.warnings() == {odd.id: "bird"}


def test_a_class_of_one_reference_gets_no_warning(project: Project) -> None:
    project.add(reference("cup", 1, 0))
    project.add(reference("bird", 1, 0))

    assert project.warnings() == {}


def test_a_class_goes_with_its_last_reference(project: Project) -> None:
    first, second = project.add(reference("cup", 1, 0)), project.add(reference("bird", 0, 1))
    project.remove(first.id)

    assert project.classes == ["bird"]
    with pytest.raises(InputError, match="no such reference"):
        project.remove(first.id)
    project.remove(second.id)
    assert project.hits(PHOTO, seen=None) == []  # type: ignore[arg-type]  # nothing is matched without references


def test_what_a_person_drew_is_there_also_without_a_proposal_and_goes_when_it_is_deleted(project: Project) -> None:
    project.draw(PHOTO, "cup", {"size": [4, 6], "counts": "0"})
    (hit,) = project.hits(PHOTO, seen=None)  # type: ignore[arg-type]
    assert (hit.name, hit.score, hit.corrected) == ("cup", 1.0, True)

    project.correct(PHOTO, hit.object, "mug")
    assert [one.name for one in project.hits(PHOTO, seen=None)] == ["mug"]  # type: ignore[arg-type]
    assert project.names() == ["mug"]
    project.correct(PHOTO, hit.object, None)

    assert project.hits(PHOTO, seen=None) == []  # type: ignore[arg-type]
    assert not project.corrected(PHOTO)


def test_windows_have_projects_of_their_own_and_the_oldest_is_forgotten() -> None:
    forgotten: list[str] = []
    windows = Windows(lambda: object(), forgotten.append)  # type: ignore[arg-type,return-value]
    names = [f"window{number:04d}" for number in range(51)]
    made = [windows.project(name) for name in names]

    assert len({id(one) for one in made}) == 51
    assert forgotten == [names[0]]
    assert windows.project(names[50]) is made[50]
    for name in ("", "short", "../../../etc", "x" * 41):
        with pytest.raises(InputError):
            windows.project(name)


def test_photographs_with_the_colours_of_a_reference_come_first() -> None:
    import io

    import numpy as np
    from PIL import Image

    def jpeg(*colour: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(np.full((32, 32, 3), colour, dtype=np.uint8)).save(file, "JPEG")
        return file.getvalue()

    photos = [Photo(name, 0, name, Path(name), 1, 1) for name in ("unknown", "blue", "red")]
    guesses = Guesses()
    guesses.note(photos[1], jpeg(20, 30, 220))
    guesses.note(photos[2], jpeg(220, 30, 20))

    assert [one.id for one in guesses.likeliest_first(photos, [jpeg(221, 31, 21)])] == ["red", "blue", "unknown"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: class_name("  "),
        lambda: class_name("x" * 81),
        lambda: class_name("a\x1b[31m"),
        lambda: class_name(None),
        lambda: clicked({"inside": [[1, float("nan")]]}, "inside"),
        lambda: clicked({"inside": [[1]]}, "inside"),
        lambda: clicked({"inside": [[1, 2]] * 101}, "inside"),
        lambda: boxed({"box": [1, 2, 3]}),
        lambda: boxed({"box": [1, 2, 3, True]}),
        lambda: number({"object": 1.5}, "object"),
        lambda: number({"threshold": float("inf")}, "threshold", whole=False),
        lambda: segmentation({"rle": "0"}),
        lambda: segmentation({"rle": {"size": [4, 6], "counts": "0"}}),  # less than the picture
        lambda: segmentation({"rle": {"size": [10**9, 10**9], "counts": "0"}}),
        lambda: segmentation({"rle": {"size": [4, 6], "counts": "h0"}}),  # nothing inside
        lambda: segmentation({"rle": {"size": [2, 2], "counts": "04"}}, PHOTO),
    ],
)
def test_what_the_page_never_sends_is_refused(ask: Any) -> None:
    with pytest.raises(InputError):
        ask()


def test_a_mask_of_the_photograph_is_taken() -> None:
    rle = {"size": [4, 6], "counts": "08`0"}
    assert segmentation({"rle": {**rle, "more": 1}}, PHOTO) == rle
    assert class_name("  a \n cup ") == "a cup"
