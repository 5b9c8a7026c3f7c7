from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase

from ntt.errors import InputError
from ntt.segmenters.sam2_network import architecture_file, build_network, hydra_state_kept

TINY = "configs/sam2/sam2_hiera_t.yaml"


@pytest.fixture
def unimported_sam2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process in which nothing has imported sam2 and no Hydra application runs."""
    with hydra_state_kept():
        for module in [name for name in sys.modules if name.partition(".")[0] == "sam2"]:
            monkeypatch.delitem(sys.modules, module)
        GlobalHydra.instance().clear()
        yield


@pytest.mark.usefixtures("unimported_sam2")
def test_importing_sam2_alone_initialises_hydra() -> None:
    importlib.import_module("sam2")

    assert GlobalHydra.instance().is_initialized()


@pytest.mark.usefixtures("unimported_sam2")
def test_building_leaves_hydra_free_for_an_application_to_come() -> None:
    version_base = VersionBase.instance().getbase()

    build_network(TINY, {}, 1024)

    assert "sam2" in sys.modules
    assert not GlobalHydra.instance().is_initialized()
    assert VersionBase.instance().getbase() == version_base


@pytest.mark.usefixtures("unimported_sam2")
def test_building_leaves_a_running_application_as_it_was() -> None:
    with initialize(version_base="1.3", config_path=None):
        application = GlobalHydra.instance().hydra
        version_base = VersionBase.instance().getbase()

        build_network(TINY, {}, 1024)

        assert GlobalHydra.instance().hydra is application
        assert VersionBase.instance().getbase() == version_base
        assert compose(overrides=["+shots=3"]).shots == 3


@pytest.mark.usefixtures("unimported_sam2")
def test_the_packages_description_is_found_without_importing_it() -> None:
    path = architecture_file("configs/sam2.1/sam2.1_hiera_b+.yaml")

    assert path.is_file()
    assert "sam2" not in sys.modules


def test_a_description_may_be_a_path(tmp_path: Path) -> None:
    copy = tmp_path / "mine.yaml"
    copy.write_text(architecture_file(TINY).read_text())

    assert architecture_file(str(copy)) == copy


def test_an_unknown_architecture_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"sam2_hiera_xl\.yaml.*configs/sam2/sam2_hiera_l\.yaml"):
        architecture_file("configs/sam2/sam2_hiera_xl.yaml")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(InputError, match="package sam2 is not installed"):
        architecture_file(TINY)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"image_encoder": {"trunk": {"embed_dims": 24}}}, "embed_dims"),
        ({"image_encoder": {"trunk": {"embed_dim": 24}}}, "backbone_channel_list|Channel dims"),
        ({"image_encoder": {"trunk": {"_target_": "sam2.no.such"}}}, "sam2.no.such"),
    ],
)
def test_overrides_that_make_no_network_are_named(overrides: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=f"segmenter.overrides.*({named})"):
        build_network(TINY, overrides, 1024)


@pytest.mark.parametrize("image_size", [0, -32, 1000])
def test_an_input_that_the_windows_do_not_tile_is_refused(image_size: int) -> None:
    with pytest.raises(InputError, match=f"segmenter.image_size is {image_size}.*32"):
        build_network(TINY, {}, image_size)


@pytest.mark.parametrize("text", ["network: {}", "model: [1, 2", "[1, 2]"])
def test_a_file_that_describes_no_network_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)

    with pytest.raises(InputError, match=r"broken\.yaml"):
        build_network(str(path), {}, 1024)


def test_the_network_is_in_eval_mode_and_has_the_given_input() -> None:
    network = build_network(TINY, {}, 512)

    assert not network.training
    assert network.image_size == 512
    assert network.sam_prompt_encoder.image_embedding_size == (32, 32)
    assert all(tensor.dtype == torch.float32 for tensor in network.state_dict().values())
