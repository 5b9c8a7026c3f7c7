"""Decoding odd image files, each made here, and refusing the unreadable ones."""

from __future__ import annotations

import errno
import hashlib
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ntt.data.images import LostImage, UnreadableImage, load_image, stored_size

COLOURS = np.array(
    [[[200, 30, 40], [20, 180, 60], [10, 20, 220]], [[255, 255, 255], [0, 0, 0], [90, 120, 30]]],
    dtype=np.uint8,
)  # [2, 3, 3]


def noise(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def check(image: NDArray[np.uint8], expected: NDArray[np.uint8]) -> None:
    assert image.dtype == np.uint8
    assert image.flags.writeable
    np.testing.assert_array_equal(image, expected)


def test_rgb(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    check(load_image(tmp_path / "a.png", (2, 3)), COLOURS)


def test_grey(tmp_path: Path) -> None:
    grey = COLOURS[:, :, 0]
    Image.fromarray(grey).save(tmp_path / "a.png")
    check(load_image(tmp_path / "a.png"), np.stack([grey] * 3, axis=-1))


def test_palette_with_transparency(tmp_path: Path) -> None:
    palette = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), mode="P")
    palette.putpalette([200, 30, 40, 20, 180, 60, 10, 20, 220])
    palette.save(tmp_path / "a.png", transparency=bytes([0, 128, 255]))
    with Image.open(tmp_path / "a.png") as stored:
        assert stored.mode == "P"
        assert "transparency" in stored.info
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(load_image(tmp_path / "a.png"), COLOURS[:1])


def test_rgba_drops_alpha(tmp_path: Path) -> None:
    alpha = np.array([[0, 128, 255], [0, 0, 7]], dtype=np.uint8)[:, :, None]
    Image.fromarray(np.concatenate([COLOURS, alpha], axis=2), mode="RGBA").save(tmp_path / "a.png")
    check(load_image(tmp_path / "a.png"), COLOURS)


def test_grey_with_alpha(tmp_path: Path) -> None:
    grey_alpha = np.array([[[10, 0], [200, 255]]], dtype=np.uint8)
    Image.fromarray(grey_alpha, mode="LA").save(tmp_path / "a.png")
    check(load_image(tmp_path / "a.png"), np.array([[[10] * 3, [200] * 3]], dtype=np.uint8))


def test_cmyk_jpeg(tmp_path: Path) -> None:
    Image.new("RGB", (16, 8), (200, 40, 60)).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as stored:
        assert stored.mode == "CMYK"
    image = load_image(tmp_path / "a.jpg", (8, 16))
    assert image.shape == (8, 16, 3)
    assert np.abs(image.astype(int) - [200, 40, 60]).max() <= 4


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_keeps_its_range(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    expected = np.round(values / 257).astype(np.uint8)
    assert expected.tolist() == [[0, 0, 1, 1, 128, 255]]
    check(load_image(tmp_path / f"a.{suffix}"), np.stack([expected] * 3, axis=-1))


@pytest.mark.parametrize("values", [np.array([[70000]], dtype=np.int32), np.array([[0.5]], dtype=np.float32)])
def test_pixels_without_a_defined_range_are_refused(tmp_path: Path, values: NDArray[np.generic]) -> None:
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(UnreadableImage, match="no defined range"):
        load_image(tmp_path / "a.tif")


def test_one_bit(tmp_path: Path) -> None:
    bits = np.array([[True, False, True]])
    Image.fromarray(bits).save(tmp_path / "a.png")
    check(load_image(tmp_path / "a.png"), np.repeat(bits[:, :, None], 3, axis=2).astype(np.uint8) * 255)


# What each EXIF orientation says about how the stored rows and columns lie in the upright picture.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


def save_oriented(path: Path, stored: NDArray[np.uint8], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.png"
    save_oriented(path, STORED[orientation](COLOURS), orientation)
    check(load_image(path), COLOURS)
    check(load_image(path, (2, 3)), COLOURS)
    assert stored_size(path) == (2, 3)


@pytest.mark.parametrize("orientation", range(5, 9))
def test_annotations_made_on_the_stored_picture_win(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.png"
    save_oriented(path, COLOURS, orientation)
    check(load_image(path, (2, 3)), COLOURS)
    assert load_image(path).shape == (3, 2, 3)


def test_an_orientation_in_a_jpeg(tmp_path: Path) -> None:
    save_oriented(tmp_path / "a.jpg", noise(), 6)
    assert load_image(tmp_path / "a.jpg").shape == (60, 40, 3)


def test_damaged_exif_does_not_cost_the_picture(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=b"no header of a TIFF file")
    with Image.open(tmp_path / "a.png") as stored, pytest.raises(SyntaxError):
        stored.getexif()
    check(load_image(tmp_path / "a.png", (2, 3)), COLOURS)
    assert stored_size(tmp_path / "a.png") == (2, 3)


def test_the_size_of_a_file_that_is_no_image_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("<html>404 Not Found</html>")
    assert stored_size(tmp_path / "text.jpg") is None
    assert stored_size(tmp_path / "none.jpg") is None


def reason(path: Path, size: tuple[int, int] | None = None) -> str:
    with pytest.raises(UnreadableImage) as caught:
        load_image(path, size)
    assert caught.value.path == path
    assert str(caught.value) == f"{path}: unreadable image: {caught.value.reason}"
    return caught.value.reason


def test_missing_empty_and_foreign_files(tmp_path: Path) -> None:
    assert reason(tmp_path / "none.jpg") == "the file does not exist"
    (tmp_path / "empty.jpg").touch()
    assert reason(tmp_path / "empty.jpg") == "the file is empty"
    (tmp_path / "text.jpg").write_text("<html>404 Not Found</html>")
    assert reason(tmp_path / "text.jpg") == "it is no image of a known format"
    assert reason(tmp_path) == "the file cannot be read (Is a directory)"


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "tif", "webp"])
def test_truncated_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise()).save(path)
    whole = path.read_bytes()
    for part in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        assert reason(path)


def test_a_size_that_disagrees_with_the_annotations(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    assert reason(tmp_path / "a.png", (4, 6)) == "it is 3 px wide and 2 high, its annotations say 6 and 4"
    assert reason(tmp_path / "a.png", (3, 2)) == "it is 3 px wide and 2 high, its annotations say 2 and 3"


def test_decompression_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "too many pixels" in reason(tmp_path / "a.png")


def test_the_error_survives_a_worker_process() -> None:
    error = pickle.loads(pickle.dumps(UnreadableImage("a.jpg", "the file is empty")))
    assert (error.path, error.reason) == (Path("a.jpg"), "the file is empty")


def test_a_passing_fault_is_told_apart_from_what_the_bytes_prove(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(COLOURS).save(path)
    pauses: list[float] = []
    monkeypatch.setattr("ntt.foreign.patience.PATIENCE._sleep", pauses.append)
    monkeypatch.setattr("ntt.foreign.patience.PATIENCE._left", 20.0)
    failures = [2]
    read_bytes = Path.read_bytes

    def read(self: Path) -> bytes:
        failures[0] -= 1
        if failures[0] >= 0:
            raise OSError(errno.ESTALE, "Stale file handle", str(self))
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", read)
    check(load_image(path), COLOURS)
    failures[0] = 9
    with pytest.raises(LostImage, match="Stale file handle"):
        load_image(path)
    assert len(pauses) == 2 + 3
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UnreadableImage) as caught:
        load_image(path)
    assert not isinstance(caught.value, LostImage)


def test_other_bytes_than_those_asked_for_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(COLOURS).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    check(load_image(path, digest=digest), COLOURS)
    Image.fromarray(COLOURS[:, ::-1]).save(path)
    with pytest.raises(LostImage, match="replaced by another file"):
        load_image(path, digest=digest)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_the_lowest_bits_of_sixteen_are_scaled_by_their_own_range(tmp_path: Path, bits: int) -> None:
    eight = np.array([[0, 1, 100, 200, 255]], dtype=np.uint16)
    Image.fromarray(eight << (bits - 8)).save(tmp_path / "a.png")
    found = load_image(tmp_path / "a.png").astype(int)
    assert np.abs(found[0, :, 0] - eight[0]).max() <= 1


def test_a_dark_picture_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ntt.processes.own.OWN.said", set())
    for name in ("a.png", "b.png"):
        Image.fromarray(np.array([[0, 4000]], dtype=np.uint16)).save(tmp_path / name)
        load_image(tmp_path / name)
    assert [record.getMessage() for record in caplog.records if "lowest 12 bits" in record.getMessage()] == [
        caplog.records[0].getMessage()
    ]


def test_black_is_black_and_half_bright_stays_half_bright(tmp_path: Path) -> None:
    for values, expected in (([[0, 0]], 0), ([[0, 32767]], 127)):
        Image.fromarray(np.array(values, dtype=np.uint16)).save(tmp_path / "a.png")
        assert load_image(tmp_path / "a.png").max() == expected
