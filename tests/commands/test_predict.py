"""``ntt predict``: what it makes of its flags, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ntt.commands.predict import as_run
from ntt.errors import InputError


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


NEEDED = ["--references", "refs.json", "--images", "photos", "--out", "found"]


@pytest.mark.usefixtures("photos")
def test_it_is_the_experiment_custom_in_the_folder_asked_for() -> None:
    options = as_run([*NEEDED, "--threshold", "0.5", "--export", "yolo,labelme", "device=cpu"])

    assert options[0] == "+experiment=custom"
    for option in ('dataset.references="refs.json"', 'dataset.targets="photos"', 'hydra.run.dir="found"'):
        assert option in options
    assert "export.threshold=0.5" in options
    assert "export.formats=[yolo,labelme]" in options
    assert options[-1] == "device=cpu"


def test_options_may_follow_the_images(photos: Path) -> None:
    command = [
        "--references",
        "r",
        "--out",
        "found",
        "--images",
        "photos/b.png",
        "photos/a.png",
        "device=cpu",
        "shots=1",
    ]
    options = as_run(command)

    assert options[-2:] == ["device=cpu", "shots=1"]
    assert 'dataset.targets="found/images.txt"' in options
    assert Path("found/images.txt").read_text().split() == [str(photos / "b.png"), str(photos / "a.png")]


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--refs", "r"], "did you mean --references"),
        (["--conf=0.4"], "did you mean --threshold"),
        (["--treshold", "0.4"], "did you mean --threshold"),
        (["--device", "cpu"], "device=VALUE, without dashes"),
        (["photo.jpg"], "is neither a flag nor an option key=value: images are given after --images"),
        (["--export", "yolov8"], "did you mean yolo"),
    ],
)
def test_what_it_does_not_know_is_refused_with_what_was_meant(words: list[str], part: str) -> None:
    with pytest.raises(InputError, match=part):
        as_run(NEEDED + words)
    assert not Path("found").exists()


@pytest.mark.usefixtures("photos")
def test_what_is_missing_is_said() -> None:
    with pytest.raises(InputError, match="needs --references"):
        as_run(NEEDED[2:])
    with pytest.raises(InputError, match=r"nowhere does not exist \(--images\)"):
        as_run([*NEEDED, "--images", "nowhere"])
    with pytest.raises(InputError, match="photos is a folder among other images"):
        as_run([*NEEDED, "--images", "photos", "photos/a.png"])


def test_a_folder_that_is_not_empty_is_refused_and_force_removes_only_what_is_ours(photos: Path) -> None:
    (photos.parent / "found" / "exports").mkdir(parents=True)
    (photos.parent / "found" / "notes.txt").touch()

    with pytest.raises(InputError, match=r"is not empty.*--force"):
        as_run(NEEDED)
    as_run([*NEEDED, "--force"])

    assert [file.name for file in (photos.parent / "found").iterdir()] == ["notes.txt"]
