"""Where a backbone's weights come from: a file, a folder in transformers' layout, or the Hub."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from huggingface_hub import snapshot_download
from torch import Tensor

from ntt.backbones.architecture import Architecture
from ntt.errors import InputError
from ntt.foreign.documents import read_object
from ntt.networks.checkpoints import download_command, read_checkpoint
from ntt.store.hashing import file_sha256

WEIGHTS_KEY = "backbone.weights"
HUB_PREFIX = "hub:"


def locate(weights: str | Path | None, hub_id: str | None, url: str | None) -> Path:
    """The file or folder ``weights`` stands for; ``hub:ID`` is downloaded unless the local cache has it.

    Raises:
        InputError: no weights are given, or the Hub does not have them or cannot be reached.
    """
    if weights is None or not str(weights):
        ways = [f"{WEIGHTS_KEY}={HUB_PREFIX}{hub_id}"] if hub_id else []
        ways += [f"a file you get with: {_download(url)}"] if url else []
        raise InputError(f"{WEIGHTS_KEY} is empty; give {' or '.join(ways) or 'the path of a checkpoint'}")
    if not str(weights).startswith(HUB_PREFIX):
        return Path(weights).expanduser()
    repository = str(weights).removeprefix(HUB_PREFIX)
    try:
        return Path(snapshot_download(repository, allow_patterns=["config.json", "*.safetensors"]))
    except Exception as error:  # errors of the HTTP library under the Hub client, which changes with its version
        file = f" that you get elsewhere with: {_download(url)}" if url else ""
        raise InputError(
            f"{WEIGHTS_KEY}={weights} is not in the local Hub cache and cannot be downloaded "
            f"({type(error).__name__}); check the name and the connection, or give a file{file}"
        ) from error


def _download(url: str) -> str:
    return download_command(Path(PurePosixPath(url).name), url)


def read_weights(path: Path, url: str | None) -> dict[str, Tensor]:
    """All tensors of a checkpoint file, or of the safetensors files of a folder.

    Raises:
        InputError: something is missing or unreadable.
    """
    tensors: dict[str, Tensor] = {}
    for file in weight_files(path):
        tensors.update(read_checkpoint(file, WEIGHTS_KEY, None if path.is_dir() else url))
    return tensors


def weight_files(path: Path) -> list[Path]:
    """The file itself, or a folder's model.safetensors or its shards in order.

    Raises:
        InputError: the folder has neither.
    """
    if not path.is_dir():
        return [path]
    whole = path / "model.safetensors"
    files = [whole] if whole.is_file() else sorted(path.glob("model-*.safetensors"))
    if not files:
        raise InputError(f"{path} ({WEIGHTS_KEY}) holds no model.safetensors; give a folder or file that has weights")
    return files


def weights_digest(path: Path) -> str:
    """Hex sha256 of the checkpoint file; of several shards, the sha256 of their digests joined in order."""
    digests = [file_sha256(file) for file in weight_files(path)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def check_config(folder: Path, architecture: Architecture) -> None:
    """Compare a transformers folder's config.json, where there is one, with what no tensor's shape tells.

    Raises:
        InputError: it says another number of heads, or it is no JSON.
    """
    path = folder / "config.json"
    if not path.is_file():
        return
    described = read_object(path, f"it belongs to {WEIGHTS_KEY}: get the folder's files again")
    heads = described.get("num_attention_heads", architecture.heads)
    if heads != architecture.heads:
        raise InputError(
            f"{path} says num_attention_heads {heads} where backbone.heads is {architecture.heads}; "
            "choose the backbone that fits backbone.weights"
        )
