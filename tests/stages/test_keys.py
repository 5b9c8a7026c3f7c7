"""What keys hold, and what they do not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hydra import compose, initialize_config_dir

from ntt.backbones import checkpoint_files
from ntt.backbones.dinov2 import Dinov2
from ntt.config import read_config
from ntt.processes.ranks import Rank
from ntt.run import conf_folder
from ntt.stages import memory, references
from ntt.stages.match import matcher_identity
from ntt.stages.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path):
    """Make the workspace of the run with some options."""
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"never read as a checkpoint here")

    def make(*options: str) -> Workspace:
        paths = [f"{network}.weights={weights}" for network in ("backbone", "segmenter")]
        places = [*paths, f"store.root={tmp_path}/store", "device=cpu", "precision=fp32"]
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            return Workspace(read_config(compose("config", [*places, *options])), tmp_path, Rank())

    return make


def test_a_rule_is_keyed_by_its_own_options_only(workspace) -> None:
    soft, diffusion = matcher_identity(workspace()), matcher_identity(workspace("matcher=diffusion"))
    assert soft["rule"] == {"class": "Soft", "options": {}}
    assert diffusion["rule"]["options"] == {"alpha": 0.3, "steps": 30, "tolerance": 1e-6, "normalise": False}
    assert matcher_identity(workspace("matcher=diffusion", "matcher.alpha=0.5")) != diffusion
    assert matcher_identity(workspace("matcher.nms_iou=0.4")) != soft


def test_another_kind_of_memory_is_another_memory(workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = SimpleNamespace(key="references of this run")
    monkeypatch.setattr(references, "load", lambda _: [])
    monkeypatch.setattr(references, "artifact", lambda _: drawn)
    monkeypatch.setenv("NTT_TRUSTED", "kinds_of_keys")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "kinds_of_keys.py").write_text(
        "from dataclasses import dataclass\nfrom ntt.memory.kinds import Mean\n\n\n"
        "@dataclass(frozen=True)\nclass Shrunk(Mean):\n    by: float = 0.5\n"
    )
    own = "+memory.by=0.5", "memory._target_=kinds_of_keys.Shrunk"
    shrunk = memory.artifact(workspace(*own)).key
    assert shrunk == memory.artifact(workspace(*own)).key
    less = memory.artifact(workspace("+memory.by=0.25", own[1])).key
    assert len({memory.artifact(workspace()).key, shrunk, less}) == 3


def test_a_folder_of_the_hub_is_the_same_by_its_name_and_by_its_path(
    workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"tensors")
    monkeypatch.setattr(checkpoint_files, "snapshot_download", lambda *_, **__: str(folder))
    hub, path = (
        workspace(f"backbone.weights={name}").backbone_identity for name in ("hub:facebook/dinov2-large", str(folder))
    )
    assert hub == path
    (folder / "model.safetensors").write_bytes(b"other tensors")
    assert workspace(f"backbone.weights={folder}").backbone_identity != path


def test_a_renamed_module_keeps_what_is_stored(workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = workspace().backbone_identity
    assert "ntt.backbones" not in str(before)
    renamed = ModuleType("ntt.renamed")
    renamed.Dinov2 = Dinov2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ntt.renamed", renamed)
    assert workspace("backbone._target_=ntt.renamed.Dinov2").backbone_identity == before


def own_encoder(folder: Path, body: str) -> None:
    (folder / "birds_of_keys.py").write_text(f"class Encoder:\n    def size(self):\n        {body}\n")
    sys.modules.pop("birds_of_keys", None)
    from ntt.store import code

    code._reached.cache_clear()


def test_an_own_encoder_needs_no_weights_and_is_keyed_by_its_options_and_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "conf" / "backbone").mkdir(parents=True)
    (tmp_path / "conf" / "backbone" / "own.yaml").write_text("_target_: birds_of_keys.Encoder\nsides: 3\n")
    search = f"hydra.searchpath=[file://{tmp_path}/conf]"
    options = [search, "backbone=own", "trusted=[birds_of_keys]"]

    def identity(*more: str):
        paths = [f"segmenter.weights={tmp_path}/weights.pth", f"store.root={tmp_path}/store"]
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            composed = compose("config", [*paths, "device=cpu", "precision=fp32", *options, *more])
        return Workspace(read_config(composed), tmp_path, Rank()).backbone_identity

    (tmp_path / "weights.pth").write_bytes(b"of the segmenter")
    own_encoder(tmp_path, "return 1")
    first = identity()
    assert (first["weights"], first["sides"]) == (None, 3)
    own_encoder(tmp_path, "return 1  # a remark")
    assert identity() == first
    assert identity("backbone.sides=4") != first
    own_encoder(tmp_path, "return 2")
    assert identity()["code"] != first["code"]
