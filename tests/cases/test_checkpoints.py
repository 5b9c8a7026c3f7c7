"""The catalogue of bad checkpoints: one sentence with file, option and way out; the good one works right after them."""

from __future__ import annotations

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cases.run_here import custom, prepared, refused, run_here
from safetensors.torch import save

NUMBERS = "holds numbers of another kind than a network computes with"


class RunsCode:
    """Unpickling this would make a folder."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, ("pwned",)


def cast(kind: torch.dtype) -> Callable[[dict[str, Any]], Any]:
    return lambda weights: {name: tensor.to(kind) for name, tensor in weights.items()}


def last(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[dict[str, Any]], Any]:
    return lambda weights: {**weights, "norm.weight": change(weights["norm.weight"])}


# What torch.save is given in place of an encoder's weights -> what is said.
SAVED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "an empty dict": (lambda _: {}, "holds no dict of tensors but an empty dict"),
    "one tensor": (lambda w: w["norm.weight"], "holds no dict of tensors but one Tensor"),
    "a list": (lambda w: list(w.values()), "holds no dict of tensors but one list"),
    "in a dict of an unknown name": (lambda w: {"student": w}, "but student (dict)"),
    "half of the names with a front": (
        lambda w: {("module." if n % 2 else "") + k: v for n, (k, v) in enumerate(w.items())},
        "does not hold the tensors of a DINOv2",
    ),
    "a tensor too few": (lambda w: {k: v for k, v in w.items() if k != "norm.bias"}, "1 missing: "),
    "a tensor too many": (lambda w: {**w, "head": w["norm.bias"]}, "1 unexpected: head"),
    "another width": (lambda w: {k: torch.cat([v, v], -1) for k, v in w.items()}, "of another shape: cls_token is"),
    "NaN": (last(lambda t: t * torch.nan), "32 of 32 in norm.weight"),
    "infinity": (last(lambda t: t * torch.inf), "not finite"),
    "int8": (cast(torch.int8), NUMBERS),
    "int64": (cast(torch.int64), NUMBERS),
    "truth values": (cast(torch.bool), NUMBERS),
    "complex numbers": (cast(torch.complex64), NUMBERS),
    "float8": (cast(torch.float8_e4m3fn), NUMBERS),
    "a sparse tensor": (last(lambda t: t.to_sparse()), "norm.weight is torch.float32, torch.sparse_coo"),
    "a tensor on no device": (last(lambda t: torch.empty(len(t), device="meta")), "norm.weight is torch.float32, "),
    "code": (lambda w: {**w, "x": RunsCode()}, "would run code when loaded"),
}


def torch_bytes(tensors: Any, folder: Path) -> bytes:
    torch.save(tensors, folder / "bytes")
    return (folder / "bytes").read_bytes()


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


# What the file holds, of torch's and safetensors' bytes -> what is said.
FILES: dict[str, tuple[Callable[[bytes, bytes], bytes], str, str]] = {
    "empty": (lambda *_: b"", "w.pth", "truncated or no checkpoint"),
    "empty safetensors": (lambda *_: b"", "w.safetensors", "truncated or no safetensors file"),
    "half": (lambda zipped, _: zipped[: len(zipped) // 2], "w.pth", "truncated or no checkpoint"),
    "without its last bytes": (lambda zipped, _: zipped[:-10], "w.pth", "truncated or no checkpoint"),
    "a flipped bit": (
        lambda zipped, _: (
            zipped[: len(zipped) // 2] + bytes([zipped[len(zipped) // 2] ^ 1]) + zipped[len(zipped) // 2 + 1 :]
        ),
        "w.pth",
        "does not match its checksum",
    ),
    "a page of the web": (lambda *_: b"<html>404", "w.pth", "truncated or no checkpoint"),
    "a pointer of Git LFS": (
        lambda *_: b"version https://git-lfs.github.com/spec",
        "w.safetensors",
        "no safetensors",
    ),
    "a pickle of numbers": (lambda *_: pickle.dumps({"a": 1}), "w.pth", "no checkpoint"),
    "packed": (lambda zipped, _: gzip.compress(zipped), "w.pth", "no checkpoint"),
    "a header that is too long": (lambda _, safe: b"\xff" * 8 + safe[8:], "w.safetensors", "header too large"),
    "a header with NULs": (lambda _, safe: safe[:200] + bytes(50) + safe[250:], "w.safetensors", "no safetensors"),
    "safetensors that was cut": (lambda _, safe: safe[:-100], "w.safetensors", "not fully covered"),
    "safetensors with a tail": (lambda _, safe: safe + bytes(100), "w.safetensors", "not fully covered"),
    "torch's under safetensors' name": (lambda zipped, _: zipped, "w.safetensors", "no safetensors"),
}

PLACES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "nowhere": (lambda _: None, "does not exist (backbone.weights): set backbone.weights"),
    "a folder": (lambda path: path.mkdir(), "holds no model.safetensors"),
    "a dangling link": (lambda path: path.symlink_to("nowhere"), "does not exist (backbone.weights)"),
    "a link to itself": (lambda path: path.symlink_to(path), "does not exist (backbone.weights)"),
    "a pipe": (lambda path: os.mkfifo(path), "is a pipe or a device"),
    "a device": (lambda path: path.symlink_to("/dev/null"), "is a pipe or a device"),
}


@pytest.fixture(scope="module")
def weights(small_networks: list[str]) -> dict[str, torch.Tensor]:
    return torch.load(_path(small_networks, "backbone"), weights_only=True)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder, and thereby one store, for all of them."""
    return prepared(tmp_path_factory.mktemp("scene"))


def _path(networks: list[str], group: str) -> Path:
    return Path(next(one for one in networks if one.startswith(f"{group}.weights=")).split("=", 1)[1])


def _with(networks: list[str], path: Path, group: str = "backbone") -> list[str]:
    key = f"{group}.weights"
    return custom(*(f"{key}={path}" if one.startswith(f"{key}=") else one for one in networks))


def _refused(scene: Path, networks: list[str], path: Path, told: str) -> None:
    sentence = refused(scene, *_with(networks, path))
    assert told in sentence
    assert path.name in sentence
    assert not (scene / "pwned").exists()


@pytest.mark.parametrize("name", SAVED)
def test_tensors(scene: Path, small_networks: list[str], weights: Any, tmp_path: Path, name: str) -> None:
    made, told = SAVED[name]
    torch.save(made(weights), tmp_path / "w.pth")
    _refused(scene, small_networks, tmp_path / "w.pth", told)


@pytest.mark.parametrize("name", FILES)
def test_bytes(scene: Path, small_networks: list[str], weights: Any, tmp_path: Path, name: str) -> None:
    made, file, told = FILES[name]
    (tmp_path / file).write_bytes(made(torch_bytes(weights, tmp_path), save(weights)))
    _refused(scene, small_networks, tmp_path / file, told)


@pytest.mark.parametrize("name", PLACES)
def test_places(scene: Path, small_networks: list[str], tmp_path: Path, name: str) -> None:
    make, told = PLACES[name]
    make(tmp_path / "w.pth")
    _refused(scene, small_networks, tmp_path / "w.pth", told)


def test_a_folder_of_a_segmenter_and_files_in_each_others_place(
    scene: Path, small_networks: list[str], tmp_path: Path
) -> None:
    sentence = refused(scene, *_with(small_networks, tmp_path, "segmenter"))
    assert "(segmenter.weights) is a folder" in sentence
    sentence = refused(scene, *_with(small_networks, _path(small_networks, "segmenter")))
    assert "321 unexpected" in sentence


def test_after_all_of_them_the_good_one_works_wrapped_or_not(
    scene: Path, small_networks: list[str], weights: Any, tmp_path: Path
) -> None:
    """Nothing of what was refused is left in their common store."""
    said = run_here(scene, *custom(*small_networks))
    assert said.code == 0, said.text
    expected = (scene / "out" / "predictions.json").read_bytes()
    for path in (scene / "out").glob("*.json"):
        path.unlink()
    for name in ("teacher", "module", "backbone"):
        torch.save({name: {f"module.{key}": value for key, value in weights.items()}}, tmp_path / f"{name}.pth")
        assert run_here(scene, *_with(small_networks, tmp_path / f"{name}.pth")).code == 0
        assert (scene / "out" / "predictions.json").read_bytes() == expected
