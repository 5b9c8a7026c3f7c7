from __future__ import annotations

import json
import logging
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image

from ntt.errors import InputError
from ntt.tracking.trackers import NoTracker, WandbTracker, run_id

REPOSITORY = Path(__file__).resolve().parents[2]
FIGURES = {"AP": 0.368, "AP50": 0.5, "AP75": 0.4, "APs": -1.0}
METRICS = {
    "bbox": FIGURES,
    "segm": {**FIGURES, "AP": 0.342},
    "per_class": {
        "cat": {"bbox": FIGURES, "segm": FIGURES},
        "dog": {"bbox": {**FIGURES, "AP": -1.0}, "segm": FIGURES},
    },
}


@pytest.fixture(autouse=True)
def forget_failures() -> Iterator[None]:
    yield
    WandbTracker.unreachable = False


def tracker(mode: str = "offline", pictures: int = 2) -> WandbTracker:
    return WandbTracker(
        project="ntt-tests", entity=None, mode=mode, group=None, name=None, tags=["t"], pictures=pictures
    )


def records(path: Path) -> Iterator[Any]:
    """The messages of a .wandb file: 7 bytes, then a LevelDB log (records cut into 32 KiB blocks)."""
    from wandb.proto import wandb_internal_pb2

    data, position, message = path.read_bytes(), 7, b""
    while position + 7 <= len(data):
        left_in_block = 32768 - position % 32768
        if left_in_block < 7:
            position += left_in_block
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        position += 7 + length
        message += data[position - length : position]
        if kind in (1, 4):  # whole, or last part
            record = wandb_internal_pb2.Record()  # type: ignore[attr-defined]
            record.ParseFromString(message)
            yield record
            message = b""


def finished_records(path: Path, patience: float = 30.0) -> list[Any]:
    """All messages of a finished run: wandb's service may still be writing them when `finish` returns."""
    from google.protobuf.message import DecodeError

    deadline = time.monotonic() + patience
    while True:
        with suppress(DecodeError):
            content = list(records(path))
            if any(record.WhichOneof("record_type") == "exit" for record in content):
                return content
        assert time.monotonic() < deadline, f"{path} has no end"
        time.sleep(0.05)


def item_key(item: Any) -> str:
    return item.key or "/".join(item.nested_key)


def test_two_offline_runs_of_one_process_can_be_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    paths = []
    for index in range(3):
        paths.append(tmp_path / f"image {index}.png")
        Image.new("RGB", (8, 6), (255, 0, 0)).save(paths[-1])

    for seed in (33, 42):
        watcher = tracker()
        watcher.start({"shots": 30, "seed": seed, "split": ["cat"]}, f"seed{seed}", "sweep", tmp_path, f"x{seed}")
        watcher.stage("memory", 1.5, {"references": 3, "wrote": Path("a/b")})
        watcher.metrics(METRICS)
        watcher.pictures(paths)
        watcher.finish(0)

    files = sorted((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 2
    assert len({file.name for file in files}) == 2  # ids of their own
    seen = []
    for file in files:
        content = finished_records(file)
        (run,) = [record.run for record in content if record.WhichOneof("record_type") == "run"]
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        assert config["shots"] == 30
        assert config["split"] == ["cat"]
        assert (run.project, run.run_group, list(run.tags)) == ("ntt-tests", "sweep", ["t"])
        assert run.display_name == f"seed{config['seed']}"
        seen.append(config["seed"])

        history = {
            item_key(item): json.loads(item.value_json)
            for record in content
            if record.WhichOneof("record_type") == "history"
            for item in record.history.item
        }
        assert history["bbox/AP"] == 0.368
        assert history["segm/AP"] == 0.342
        assert "bbox/APs" not in history  # COCO's -1
        assert history["stages/memory/seconds"] == 1.5
        assert history["stages/memory/references"] == 3
        assert history["stages/memory/wrote"] == str(Path("a/b"))
        assert history["overlays/count"] == 2
        assert history["overlays/captions"] == ["image 0", "image 1"]
        for name in history["overlays/filenames"]:
            assert (file.parent / "files" / name).is_file()
        table = json.loads((file.parent / "files" / history["per_class/path"]).read_text())
        assert table["columns"][:2] == ["class", "bbox AP"]
        assert table["data"][0][:3] == ["cat", 0.368, 0.5]
        assert table["data"][1][:3] == ["dog", None, 0.5]
        (end,) = [record.exit for record in content if record.WhichOneof("record_type") == "exit"]
        assert end.exit_code == 0
    assert sorted(seen) == [33, 42]
    printed = capfd.readouterr()
    assert "wandb:" not in printed.out + printed.err


def use_everything(watcher: WandbTracker, directory: Path) -> None:
    watcher.start({}, "name", "group", directory, "identity")
    watcher.stage("memory", 1.0, {})
    watcher.metrics(METRICS)
    watcher.pictures([directory / "missing.png"])
    watcher.finish(1)


class BrokenWandb:
    """Stands for the wandb module; fails where it is told to."""

    def __init__(self, fails_at: str) -> None:
        self.fails_at = fails_at
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any, **__: Any) -> BrokenWandb:
            self.calls.append(name)
            if name == self.fails_at:
                raise RuntimeError("no network,\nno luck")
            return self

        return call


@pytest.mark.parametrize("fails_at", ["setup", "init", "log", "Table", "Image", "finish"])
def test_a_failing_wandb_is_one_warning_and_then_silence(
    fails_at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BrokenWandb(fails_at)
    monkeypatch.setitem(sys.modules, "wandb", broken)
    use_everything(tracker(mode="disabled"), tmp_path)
    warnings = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "no network, no luck" in warnings[0]
    assert broken.calls[-1] == (fails_at if fails_at in ("setup", "init") else "finish")  # what is open is closed


def test_figures_are_tracked_where_a_table_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = BrokenWandb("Table")
    monkeypatch.setitem(sys.modules, "wandb", broken)
    use_everything(tracker(mode="disabled"), tmp_path)
    assert broken.calls.index("log") < broken.calls.index("Table")
    assert broken.calls[-1] == "finish"


def test_every_run_has_its_id_and_keeps_it_in_its_folder(tmp_path: Path) -> None:
    first = run_id(tmp_path / "a", "config")
    assert run_id(tmp_path / "a", "config") == first
    assert run_id(tmp_path / "b", "config") != first
    changed = run_id(tmp_path / "a", "another config")
    assert changed != first
    assert run_id(tmp_path / "a", "another config") == changed
    (tmp_path / "a" / "wandb" / "ntt-run.json").write_text('{"config": 3}')
    assert run_id(tmp_path / "a", "another config").isalnum()


def test_nothing_is_written_to_a_home(tmp_path: Path) -> None:
    """As with a read-only one; root may write everywhere, hence a home that is no folder."""
    home = tmp_path / "home"
    home.write_text("")
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from test_trackers import METRICS, tracker\n"
        "watcher = tracker(); watcher.start({}, 'n', 'g', Path(sys.argv[2]), 'i')\n"
        "watcher.metrics(METRICS); watcher.finish(0)"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "WANDB_"))}
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)],
        env={**environment, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    keys = {
        item_key(item)
        for record in finished_records(file)
        if record.WhichOneof("record_type") == "history"
        for item in record.history.item
    }
    assert {"bbox/AP", "segm/AP", "per_class/path"} <= keys, done.stderr


def test_a_missing_wandb_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    use_everything(tracker(), tmp_path)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_sweep_waits_for_an_unreachable_server_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = BrokenWandb("init")
    monkeypatch.setitem(sys.modules, "wandb", broken)
    for _ in range(3):
        use_everything(tracker(mode="online"), tmp_path)
    assert broken.calls.count("init") == 1


def test_wandb_is_silenced_before_it_could_ask_for_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = BrokenWandb("nowhere")
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    tracker(mode="online").start({}, "name", "group", tmp_path, "identity")
    assert wandb.calls.index("setup") < wandb.calls.index("init")


def test_an_interrupt_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def __getattr__(self, name: str) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "wandb", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        tracker().start({}, "name", "group", tmp_path, "identity")


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(InputError, match=r"tracking\.mode is 'onlin'.*offline"):
        tracker(mode="onlin")


def test_configs_build_their_trackers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    with initialize_config_dir(str(REPOSITORY / "conf" / "tracking"), version_base="1.3"):
        none, wandb = compose("none"), compose("wandb", overrides=["tags=[a,b]"])
    assert isinstance(instantiate(none), NoTracker)
    built = instantiate(OmegaConf.to_container(wandb, resolve=True))
    assert isinstance(built, WandbTracker)
    assert (built.mode, built.project, built.tags, built.picture_count) == ("offline", "ntt", ["a", "b"], 8)


def test_pseudo_figures_are_called_so() -> None:
    watched, logged = tracker(), []
    watched._run = SimpleNamespace(log=logged.append)
    watched.metrics({**METRICS, "pseudo": {"segm": {"made by": "sam2_demo", "objects": 3, "boxes": 0}}})
    assert logged[0]["segm (pseudo)/AP"] == 0.342
    assert not [key for key in logged[0] if key.startswith("segm/")]
    assert "segm (pseudo) AP" in logged[1]["per_class"].columns
