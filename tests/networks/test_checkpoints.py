"""Checkpoints that load, and the many ways in which a file is none."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import damaged_bytes
from safetensors.torch import save, save_file

from ntt.errors import InputError
from ntt.networks.checkpoints import check_keys, read_checkpoint

URL = "https://example.org/net.pth"
KEY = "backbone.weights"


@pytest.mark.parametrize("wrapper", [None, "model", "state_dict"])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "pickle"])
def test_torch_files_are_read(tmp_path: Path, wrapper: str | None, zipped: bool) -> None:
    weights = {"a.weight": torch.randn(3, 4), "b": torch.zeros((), dtype=torch.int64)}
    content = weights if wrapper is None else {wrapper: weights, "epoch": 3}
    torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    read = read_checkpoint(tmp_path / "net.pth", KEY, URL)
    assert read.keys() == weights.keys()
    assert all(torch.equal(read[name], weights[name]) for name in weights)


def test_safetensors_files_are_read(tmp_path: Path) -> None:
    weights = {"a": torch.randn(3, 4)}
    save_file(weights, tmp_path / "net.safetensors")
    assert torch.equal(read_checkpoint(tmp_path / "net.safetensors", KEY, None)["a"], weights["a"])


class RunsCode:
    """Unpickling this would create the file that the test looks for."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def test_a_poisoned_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"a": RunsCode(tmp_path / "trace")}, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"net.pth \(backbone.weights\) is refused: .* would run code"):
        read_checkpoint(tmp_path / "net.pth", KEY, URL)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "pickle"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float, zipped: bool) -> None:
    path = tmp_path / "net.pth"
    torch.save({"a": torch.randn(1000)}, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match="truncated or no checkpoint") as caught:
        read_checkpoint(path, KEY, URL)
    assert f"curl -L -o {path} {URL}" in str(caught.value)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"a": torch.randn(1000)}, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert torch.load(path, weights_only=True)["a"].shape == (1000,)  # torch itself does not look
    with pytest.raises(InputError, match="damaged: net/data/0 does not match its checksum; download it again"):
        read_checkpoint(path, KEY, URL)


@given(where=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255), zipped=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_changed_byte_never_surprises(where: float, change: int, zipped: bool) -> None:
    weights = {"a": torch.arange(100.0)}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.pth"
        torch.save(weights, path, _use_new_zipfile_serialization=zipped)
        content = bytearray(path.read_bytes())
        content[int(where * len(content))] ^= change
        path.write_bytes(content)
        try:
            read = read_checkpoint(path, KEY, URL)
        except InputError:
            return
        # Bare pickles have no checksums: their numbers can change unseen, but only theirs.
        if zipped:
            assert torch.equal(read["a"], weights["a"])


def test_a_file_without_checksums_is_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"a": torch.ones(3)}, tmp_path / "net.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    assert torch.equal(read_checkpoint(tmp_path / "net.pth", KEY, None)["a"], torch.ones(3))


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("page.pth", lambda path: path.write_text("<!doctype html><title>404</title>")),
        ("zip.pth", write_zip),
        ("list.pth", lambda path: torch.save([1, 2], path)),
        ("numbers.pth", lambda path: torch.save({"a": 1}, path)),
        ("page.safetensors", lambda path: path.write_text("<!doctype html><title>404</title>")),
        ("empty.safetensors", lambda path: path.write_bytes(b"")),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    write(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name} \(backbone.weights\)"):
        read_checkpoint(tmp_path / name, KEY, URL)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist; download it with: curl -L -o .*, or set"):
        read_checkpoint(tmp_path / "net.pth", KEY, URL)
    with pytest.raises(InputError, match=r"does not exist; set backbone.weights to where it is"):
        read_checkpoint(tmp_path / "net.pth", KEY, None)
    with pytest.raises(InputError, match="is a folder"):
        read_checkpoint(tmp_path, KEY, URL)


def test_equal_keys_pass_and_every_difference_is_counted() -> None:
    found = {"a": torch.zeros(2), "b": torch.zeros(3), "x": torch.zeros(1)}
    check_keys("net.pth", {"a": (2,), "b": (3,), "x": (1,)}, found)
    with pytest.raises(InputError) as caught:
        check_keys("net.pth", {"a": (2,), "b": (4,), "c": (1,)}, found, "a small net")
    assert str(caught.value) == (
        "net.pth does not hold the tensors of a small net: "
        "1 missing: c; 1 unexpected: x; 1 of another shape: b is [3] and should be [4]"
    )


def saved(kind: str) -> bytes:
    weights = {"a": torch.arange(20.0), "b": torch.ones(2, 3, dtype=torch.float16)}
    if kind == "safetensors":
        return save(weights)
    file = io.BytesIO()
    torch.save(weights, file, _use_new_zipfile_serialization=kind == "zip")
    return file.getvalue()


@pytest.mark.parametrize("kind", ["zip", "pickle", "safetensors"])
@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_checkpoint_is_refused_or_tensors(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / ("net.safetensors" if kind == "safetensors" else "net.pth")
    path.write_bytes(data.draw(damaged_bytes(saved(kind))))
    with suppress(InputError):
        read = read_checkpoint(path, KEY, URL)
        assert all(isinstance(tensor, torch.Tensor) for tensor in read.values())


def test_a_changed_end_record_is_refused(tmp_path: Path) -> None:
    content = bytearray(saved("zip"))
    content[content.rindex(b"PK\6\7") + 4] ^= 1  # the number of the disk it begins on
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(InputError, match="truncated or no checkpoint"):
        read_checkpoint(tmp_path / "net.pth", KEY, URL)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_numbers_that_are_not_finite_are_refused_by_the_tensor_s_name(tmp_path, suffix, bad, dtype):
    tensors = {"a": torch.zeros(3, 2, dtype=dtype), "b": torch.zeros(2, 2, dtype=dtype), "n": torch.arange(3)}
    path = tmp_path / f"net{suffix}"
    tensors["b"][1, 0] = bad
    save_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    with pytest.raises(InputError, match=r"1 of 4 in b; .*copy the file again"):
        read_checkpoint(path, "segmenter.weights", None)
    tensors["b"][1, 0] = torch.finfo(dtype).max
    save_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    assert set(read_checkpoint(path, "segmenter.weights", None)) == {"a", "b", "n"}
