"""Reading weights from disk, and refusing what does not fit in words a user can act on."""

from __future__ import annotations

import pickle
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.foreign.parsing import parsing
from ntt.foreign.tensors import read_safetensors

_LISTED = 3
_CHUNK = 1 << 20
# Released training checkpoints wrap the weights in one more dict under one of these names.
_WRAPPERS = ("model", "state_dict")


def read_checkpoint(path: str | Path, key: str, url: str | None) -> dict[str, Tensor]:
    """Tensors of a checkpoint file on the CPU, by the names the file gives them.

    Args:
        path: a ``.safetensors`` file, or a file written by ``torch.save`` (``.pth``, ``.pt``), read with
            ``weights_only=True`` and memory-mapped where its format allows. A dict under "model" or
            "state_dict", where the tensors should stand, is unwrapped.
        key: the option that names the file (``backbone.weights``), for the message.
        url: where the file can be downloaded, for the message; None where it cannot.

    Raises:
        InputError: the file is missing (with the download command), truncated, damaged, no checkpoint at all,
            or asks to run code while it is unpickled.
    """
    path = Path(path)
    require_file(path, key, url)
    again = f"download it again with: {download_command(path, url)}" if url else "copy the file again"
    if path.suffix == ".safetensors":
        return read_safetensors(path, f"{path} ({key})", again)
    return _tensors(_unpickled(path, key, again), path, key)


def require_file(path: Path, key: str, url: str | None) -> None:
    """Raises InputError, with the way to get it, unless ``path`` is a file."""
    if path.is_file():
        return
    if path.is_dir():
        raise InputError(f"{path} ({key}) is a folder, where a checkpoint file is expected")
    download = f"download it with: {download_command(path, url)}, or with `ntt weights fetch NAME`, or " if url else ""
    raise InputError(f"{path} ({key}) does not exist; {download}set {key} to where it is")


def download_command(path: Path, url: str) -> str:
    """The shell command that puts ``url`` at ``path``, its folder included."""
    return f"curl -L -o {shlex.quote(str(path))} {url} --create-dirs"


def check_keys(
    path: str | Path,
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, Tensor],
    network: str = "the configured network",
) -> None:
    """Compare a checkpoint's tensors with the names and shapes a network needs.

    Args:
        path: the checkpoint, for the message.
        expected: shape by name; exactly these must be there.
        found: the checkpoint's tensors.
        network: the architecture in a few words, for the message.

    Raises:
        InputError: names are missing or left over, or shapes disagree: how many, and the first few of each.
    """
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    shaped = [
        f"{name} is {list(found[name].shape)} and should be {list(shape)}"
        for name, shape in expected.items()
        if name in found and tuple(found[name].shape) != tuple(shape)
    ]
    problems = [
        f"{len(names)} {what}: {', '.join(names[:_LISTED])}{', ...' if len(names) > _LISTED else ''}"
        for names, what in ((missing, "missing"), (extra, "unexpected"), (shaped, "of another shape"))
        if names
    ]
    if problems:
        raise InputError(f"{path} does not hold the tensors of {network}: {'; '.join(problems)}")


def _unpickled(path: Path, key: str, again: str) -> Any:
    what = f"{path} ({key})"

    def refusal(reason: str) -> InputError:
        return InputError(f"{what} is truncated or no checkpoint written by torch.save ({reason}); {again}")

    try:
        with parsing(refusal):
            # torch can map only its zip format; checkpoints written before torch 1.6 are bare pickles.
            zipped = zipfile.is_zipfile(path)
            if zipped and (damaged := _damaged_entry(path)):
                raise InputError(f"{what} is damaged: {damaged} does not match its checksum; {again}")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except InputError as error:
        if isinstance(error.__cause__, PermissionError):
            raise InputError(f"{what} cannot be read: {error.__cause__.strerror}") from error.__cause__
        if isinstance(error.__cause__, pickle.UnpicklingError) and "GLOBAL" in str(error.__cause__):
            reason = "is refused: it holds more than tensors and would run code when loaded"
            raise InputError(f"{what} {reason}; use the official file or a .safetensors file") from error.__cause__
        raise


def _damaged_entry(path: Path) -> str | None:
    # torch does not verify the checksums it writes, so a flipped bit would pass as a weight. Files saved with
    # checksums switched off carry zeros instead.
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.CRC == 0:
                continue
            try:
                with archive.open(entry) as file:
                    while file.read(_CHUNK):
                        pass
            except zipfile.BadZipFile:
                return entry.filename
    return None


def _tensors(loaded: Any, path: Path, key: str) -> dict[str, Tensor]:
    if isinstance(loaded, dict):
        for wrapper in _WRAPPERS:
            if isinstance(loaded.get(wrapper), dict):
                loaded = loaded[wrapper]
                break
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise InputError(f"{path} ({key}) holds no dict of tensors; give a state dict or a .safetensors file")
    return loaded
