from __future__ import annotations

import hashlib
import os
import random
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ntt.composition.choices import read_choice
from ntt.downloads import weights as module
from ntt.downloads.settings import DownloadSettings
from ntt.downloads.weights import Weights, check_digest, fetch_weights, list_weights, verify_weights, weights_folder
from ntt.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[2]
CONF = REPOSITORY / "conf"
BODY = random.Random(0).randbytes(10_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Weights]:
    monkeypatch.setenv("NTT_WEIGHTS", str(tmp_path / "weights"))
    return list_weights(CONF)


@pytest.fixture
def net(server: Any, tmp_path: Path) -> Weights:
    """A checkpoint whose bytes are not published, on the local server."""
    server.files["/net.pth"] = BODY
    path = tmp_path / "cache" / "net.pth"
    return Weights("net", "backbone", path, f"{server.url}/net.pth", None, None, False, None, None, {})


def test_every_config_is_there_with_the_licence_and_the_place_of_its_weights(known, tmp_path):
    files = [*CONF.glob("backbone/*.yaml"), *CONF.glob("segmenter/*.yaml")]
    assert set(known) == {file.stem for file in files}
    for file in files:
        weights = known[file.stem]
        config = read_choice(file)
        assert weights.url == config["url"]
        assert weights.group == file.parent.name
        assert weights.licence
        if not weights.shipped:
            assert weights.path.parent == tmp_path / "weights"


def test_what_is_known_about_files_is_about_configs_that_exist(known):
    facts = yaml.safe_load((REPOSITORY / "ntt" / "downloads" / "weights.yaml").read_text())
    assert set(facts["files"]) <= set(known)
    digests = [fact["sha256"] for fact in facts["files"].values()]
    assert len(set(digests)) == len(digests)
    for fact in facts["files"].values():
        assert len(fact["sha256"]) == 64
        assert set(fact["sha256"]) <= set("0123456789abcdef")


def test_the_licences_are_those_of_the_publishers(known):
    assert known["dinov2_vitl14"].licence == "Apache-2.0"
    assert known["sam2_hiera_large"].licence == "Apache-2.0"
    assert not known["dinov2_vitl14"].gated


def test_a_file_whose_name_ends_in_its_digest_is_held_to_it(tmp_path):
    folder = tmp_path / "conf"
    (folder / "backbone").mkdir(parents=True)
    (folder / "config.yaml").write_text(f"weights_dir: {tmp_path}")
    (folder / "backbone" / "dinov3_x.yaml").write_text(
        "{name: x, weights: '${weights_dir}/x_lvd1689m-8aa4cbdd.pth', hub_id: facebook/x, url: null}"
    )
    weights = list_weights(folder)["dinov3_x"]
    assert weights.sha256 == "8aa4cbdd"
    assert weights.gated
    assert weights.licence == "DINOv3 License"
    assert weights.size is None


def test_the_default_folder_is_the_one_that_runs_use(monkeypatch):
    monkeypatch.delenv("NTT_WEIGHTS", raising=False)
    assert weights_folder(CONF) == Path.home() / ".cache" / "ntt" / "weights"


def test_the_digest_of_the_first_fetch_is_recorded_for_every_user(net, hasty):
    assert fetch_weights(net, hasty) == f"fetched: {net.path}"
    assert net.record.read_text() == f"{DIGEST}  net.pth\n"
    assert stat.S_IMODE(net.record.stat().st_mode) == 0o644
    assert sorted(path.name for path in net.path.parent.iterdir()) == ["net.pth", "net.pth.sha256"]


def test_what_is_there_is_not_fetched_again_but_checked(net, hasty, server):
    fetch_weights(net, hasty)
    assert fetch_weights(net, hasty) == f"already there: {net.path}"
    assert len(server.requests) == 1
    net.path.write_bytes(BODY[:-1] + b"x")
    with pytest.raises(InputError, match=f"is damaged or another file: .*, not {DIGEST}; remove it"):
        fetch_weights(net, hasty)


def test_a_published_digest_counts_more_than_a_recorded_one(net, hasty):
    fetch_weights(net, hasty)
    net.record.write_text("0" * 64 + "  net.pth\n")
    assert check_digest(replace(net, sha256=DIGEST)) == DIGEST
    with pytest.raises(InputError):
        check_digest(replace(net, sha256="1" * 64))


def test_a_file_that_was_put_there_by_hand_is_recorded(net):
    net.path.parent.mkdir()
    net.path.write_bytes(BODY)
    assert check_digest(net) == DIGEST
    assert net.record.read_text().startswith(DIGEST)


def test_a_shared_folder_that_may_not_be_written_is_read(net, monkeypatch):
    def refuse(*_: Any) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(module, "write_atomically", refuse)
    net.path.parent.mkdir()
    net.path.write_bytes(BODY)
    assert check_digest(net) == DIGEST
    assert not net.record.exists()


def test_wrong_bytes_get_neither_name_nor_record(net, hasty):
    with pytest.raises(InputError):
        fetch_weights(replace(net, sha256="0" * 64), hasty)
    assert list(net.path.parent.iterdir()) == []


def test_a_personal_address_takes_the_place_of_the_missing_one(net, hasty):
    gated = replace(net, url=None, hub_id="facebook/net", gated=True)
    assert fetch_weights(gated, hasty, net.url) == f"fetched: {net.path}"


def test_weights_that_ship_need_no_network(known):
    assert fetch_weights(known["dinov2_demo"], DownloadSettings(offline=True)).startswith("comes with ntt")


def test_offline_what_is_there_is_used_and_what_is_missing_is_one_sentence(net, hasty):
    fetch_weights(net, hasty)
    offline = DownloadSettings(offline=True)
    assert fetch_weights(net, offline).startswith("already there")
    net.path.unlink()
    with pytest.raises(InputError, match="NTT_OFFLINE forbids"):
        fetch_weights(net, offline)


def test_without_the_hub_a_gated_checkpoint_says_what_to_accept(net, hasty, monkeypatch):
    import huggingface_hub

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("401")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    gated = replace(net, url=None, hub_id="facebook/net", gated=True)
    with pytest.raises(InputError, match=r"accept the licence at https://huggingface.co/facebook/net, log in .* --url"):
        fetch_weights(gated, hasty)


def test_the_hub_gives_the_files_that_runs_look_for(net, hasty, monkeypatch):
    import huggingface_hub

    asked: dict[str, Any] = {}
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **options: asked.update(options, name=name))
    told = fetch_weights(replace(net, url=None, hub_id="facebook/net"), hasty)
    assert told.endswith("use it with backbone.weights=hub:facebook/net")
    assert asked["name"] == "facebook/net"
    assert asked["allow_patterns"] == ["config.json", "*.safetensors"]
    assert asked["local_files_only"] is False


class RunsCode:
    """Unpickling this would create the file that the test looks for."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def small(known: dict[str, Weights], tmp_path: Path) -> Weights:
    """The config of the shipped backbone, with its checkpoint copied to where it can be spoilt."""
    demo = known["dinov2_demo"]
    if not demo.path.is_file():
        pytest.skip("the demo's weights are not trained yet")
    path = tmp_path / "small.safetensors"
    path.write_bytes(demo.path.read_bytes())
    return replace(demo, path=path, url="https://example.org/small", options={**demo.options, "weights": str(path)})


def test_a_good_checkpoint_is_verified_down_to_its_tensors(small):
    assert verify_weights(small) == hashlib.sha256(small.path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["dinov2_demo", "sam2_demo"])
def test_verifying_what_ships_writes_nothing_beside_it(known, name):
    weights = known[name]
    if not weights.path.is_file():
        pytest.skip("the demo's weights are not trained yet")
    verify_weights(weights)
    assert not weights.record.exists()


@pytest.mark.parametrize(
    ("change", "words"), [({"depth": 7}, "missing: .*6"), ({"depth": 5}, "unexpected: .*5"), ({"width": 64}, "shape")]
)
def test_the_tensors_of_another_network_are_counted_and_named(small, change, words):
    with pytest.raises(InputError, match=words):
        verify_weights(replace(small, options={**small.options, **change}))


def test_a_truncated_checkpoint_is_refused_by_its_digest_and_by_its_reader(small):
    verify_weights(small)
    small.path.write_bytes(small.path.read_bytes()[:-100])
    with pytest.raises(InputError, match="is damaged or another file"):
        verify_weights(small)
    small.record.unlink()
    with pytest.raises(InputError, match="truncated"):
        verify_weights(small)


def test_a_poisoned_pickle_is_refused_and_not_run(small, tmp_path):
    path = tmp_path / "net.pth"
    torch.save({"pos_embed": RunsCode(tmp_path / "trace")}, path)
    poisoned = replace(small, path=path, options={**small.options, "weights": str(path)})
    with pytest.raises(InputError, match="would run code when loaded"):
        verify_weights(poisoned)
    assert not (tmp_path / "trace").exists()


def test_what_is_not_there_cannot_be_verified(net):
    with pytest.raises(InputError, match=r"does not exist: `ntt weights fetch net`"):
        verify_weights(net)


def test_the_data_file_travels_with_the_package():
    assert module._FACTS.is_file()
    assert module._FACTS.parent == Path(module.__file__).parent
