"""What a run's device and precision come to, and which of them an artifact's key knows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from ntt.config import read_config
from ntt.errors import InputError
from ntt.processes.ranks import Rank
from ntt.run import conf_folder
from ntt.stages.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path):
    """Make the workspace of the run with some options."""
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"never read as a checkpoint here")

    def make(*options: str) -> Workspace:
        paths = [f"{network}.weights={weights}" for network in ("backbone", "segmenter")]
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            composed = compose("config", [*paths, f"store.root={tmp_path}/store", *options])
        return Workspace(read_config(composed), tmp_path, Rank())

    return make


@pytest.mark.parametrize(("multiplies_bf16", "meaning"), [(True, "bf16"), (False, "fp32")])
def test_auto_shares_the_artifacts_of_what_it_stands_for(
    workspace, monkeypatch: pytest.MonkeyPatch, multiplies_bf16: bool, meaning: str
) -> None:
    monkeypatch.setattr("ntt.compute.precision.cpu_multiplies_bf16", lambda: multiplies_bf16)
    auto, named = workspace("device=cpu", "precision=auto"), workspace("device=cpu", f"precision={meaning}")
    assert auto.precision == meaning
    assert auto.backbone_identity == named.backbone_identity
    assert auto.segmenter_identity == named.segmenter_identity


def test_tf32_is_fp32_without_a_gpu(workspace) -> None:
    tf32, fp32 = (workspace("device=cpu", f"precision={name}") for name in ("tf32", "fp32"))
    assert tf32.backbone_identity == fp32.backbone_identity
    assert tf32.segmenter_identity == fp32.segmenter_identity


@pytest.mark.parametrize("precision", ["bf16", "exact"])
def test_another_arithmetic_is_another_artifact(workspace, precision: str) -> None:
    other, fp32 = (workspace("device=cpu", f"precision={name}") for name in (precision, "fp32"))
    assert other.backbone_identity != fp32.backbone_identity
    assert other.segmenter_identity != fp32.segmenter_identity


def test_the_device_and_what_only_speeds_up_are_not_part_of_the_key(workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = workspace("device=cpu", "precision=fp32")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    other = workspace("device=cuda:0", "precision=fp32", "channels_last=true", "compile=true")
    assert (plain.device.type, other.device.type) == ("cpu", "cuda")
    assert plain.backbone_identity == other.backbone_identity
    assert plain.segmenter_identity == other.segmenter_identity
    assert workspace("device=cuda:0").precision == "bf16"


def test_a_device_that_is_not_there_is_named(workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"device=cuda:7 is not there: this machine has .*cpu"):
        _ = workspace("device=cuda:7").device


@pytest.mark.parametrize("option", ["compile", "channels_last"])
def test_exact_excludes_what_may_round_otherwise(workspace, option: str) -> None:
    with pytest.raises(InputError, match=f"{option}=True is not possible: give false"):
        workspace("precision=exact", f"{option}=true")


def test_a_device_without_a_number_is_refused(workspace) -> None:
    with pytest.raises(InputError, match="device=7 is not possible: give auto, cpu, cuda, cuda:N or mps"):
        workspace("device='7'")


def test_the_embedding_of_no_memory_is_another_artifact_and_with_it_the_key_stays(workspace) -> None:
    options = ["device=cpu", "precision=fp32"]
    override = "segmenter.overrides.directly_add_no_mem_embed"
    added, left_out = (workspace(*options, f"segmenter.no_mem_embed={value}") for value in ("true", "false"))
    assert added.segmenter_identity == workspace(*options).segmenter_identity
    assert added.segmenter_identity == workspace(*options, f"{override}=true").segmenter_identity
    assert left_out.segmenter_identity == workspace(*options, f"{override}=false").segmenter_identity
    assert left_out.segmenter_identity == {**added.segmenter_identity, "no_mem_embed": False}
