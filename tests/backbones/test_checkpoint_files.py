"""Finding weights: files, folders, the Hub, and what is said when they are not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ntt.backbones import checkpoint_files
from ntt.backbones.architecture import Architecture
from ntt.backbones.checkpoint_files import check_config, locate, read_weights, weight_files, weights_digest
from ntt.errors import InputError
from ntt.store.hashing import file_sha256

URL = "https://example.org/released.pth"


def test_empty_weights_name_both_ways_out() -> None:
    with pytest.raises(InputError, match=r"backbone.weights is empty") as caught:
        locate(None, "example/dinov2", URL)
    assert "backbone.weights=hub:example/dinov2" in str(caught.value)
    assert f"curl -L -o released.pth {URL}" in str(caught.value)


def test_a_path_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate("~/a.pth", None, None) == tmp_path / "a.pth"


def test_missing_file_names_path_key_and_command(tmp_path: Path) -> None:
    path = tmp_path / "no where" / "released.pth"
    with pytest.raises(InputError, match=r"backbone.weights") as caught:
        read_weights(path, URL)
    assert f"curl -L -o '{path}' {URL}" in str(caught.value)


def test_hub_id_is_downloaded_without_pickles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def download(repository: str, allow_patterns: list[str]) -> str:
        asked.append((repository, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(checkpoint_files, "snapshot_download", download)
    assert locate("hub:example/dinov2", None, None) == tmp_path
    assert asked == [("example/dinov2", ["config.json", "*.safetensors"])]


@pytest.mark.parametrize("name", ["example/not-cached", "no/such/name"])
def test_hub_offline_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    real = checkpoint_files.snapshot_download
    monkeypatch.setattr(
        checkpoint_files,
        "snapshot_download",
        lambda repository, **options: real(repository, cache_dir=tmp_path, local_files_only=True, **options),
    )
    with pytest.raises(InputError, match=f"backbone.weights=hub:{name} is not in the local Hub cache"):
        locate(f"hub:{name}", None, URL)


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"backbone.weights\) holds no model.safetensors"):
        weight_files(tmp_path)


def test_shards_are_read_together_and_digested_in_order(tmp_path: Path) -> None:
    save_file({"b": torch.ones(1)}, tmp_path / "model-00002-of-00002.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "model-00001-of-00002.safetensors")
    assert read_weights(tmp_path, None).keys() == {"a", "b"}
    before = weights_digest(tmp_path)
    save_file({"b": torch.zeros(1)}, tmp_path / "model-00002-of-00002.safetensors")
    assert weights_digest(tmp_path) != before


def test_a_folders_digest_is_that_of_its_weights(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    assert weights_digest(tmp_path) == file_sha256(tmp_path / "model.safetensors")


def test_other_heads_in_config_json_are_refused(tmp_path: Path) -> None:
    # Nothing in the tensors tells the number of heads: loading would succeed and the features be wrong.
    (tmp_path / "config.json").write_text(json.dumps({"num_attention_heads": 8}))
    architecture = Architecture(32, 2, 4, "mlp", 0, 14)
    with pytest.raises(InputError, match=r"num_attention_heads 8 where backbone.heads is 4"):
        check_config(tmp_path, architecture)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config.json: not a readable json file .* belongs to backbone.weights"):
        check_config(tmp_path, architecture)
