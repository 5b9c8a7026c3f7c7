"""Files that ntt keeps for itself, damaged: made anew, taken for unknown, or refused in one sentence."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import damaged_bytes, damaged_json

from ntt.cluster.status import read_status
from ntt.cluster.submissions import Submission, active_points, read_submissions
from ntt.downloads.parts import Entity, Part
from ntt.errors import InputError
from ntt.processes import records
from ntt.processes.participation import failures, wait_for_others
from ntt.processes.ranks import Rank
from ntt.store.artifacts import MANIFEST, Artifact
from ntt.store.digests import FileDigests
from ntt.store.leases import Leases
from ntt.sweeps.collect import collect
from ntt.sweeps.points import point_of, read_points

CONFIG = b"name: demo\nshots: 10\nseed: 33\nsplit: novel\nmatcher:\n  name: soft\nstages: [match, evaluate]\n"
METRICS = {"bbox": {"AP": 0.1}, "segm": {"AP": 0.2}, "per_class": {}}
INDEX = {"0": {"swept": {"shots": "1"}, "directory": "0"}, "1": {"swept": {"shots": "5"}, "directory": "1"}}
RECORD: dict[str, Any] = {
    "state": "running",
    "host": socket.gethostname(),
    "pid": 1,
    "stages": {"proposals": {"computed": 3}, "match": {}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@given(damaged_json({"stage": "match", "files": {"a.json": "0" * 64}, "seconds": 1.5}))
def test_an_artifact_with_a_damaged_manifest_is_damaged_or_whole(folder: Path, raw: bytes) -> None:
    (folder / MANIFEST).write_bytes(raw)
    found = Artifact(folder, "match", "0", {}).damage()
    assert found is None or isinstance(found, str)


@given(damaged_json(asdict(Entity("http://x/net.pth", '"tag"', 1000))))
def test_damaged_facts_of_a_part_are_facts_or_unknown(folder: Path, raw: bytes) -> None:
    (folder / "net.pth.part.json").write_bytes(raw)
    entity = Part(folder / "net.pth").entity()
    assert entity is None or (isinstance(entity.url, str) and isinstance(entity.length, int | None))


@given(damaged_json({"a.jpg": [3, 5, "0" * 64]}))
def test_damaged_digests_are_made_anew(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.mktemp("digests")
    (folder / "a.jpg").write_bytes(b"abc")
    digests = FileDigests(folder / "known")
    right = digests.of(folder / "a.jpg")
    digests.save()
    (known,) = (folder / "known").iterdir()
    known.write_bytes(raw)
    assert FileDigests(folder / "known").of(folder / "a.jpg") == right


@given(damaged_json({"token": "a", "machine": "b", "process": "1 2", "host": "nobody"}))
def test_a_damaged_lease_is_held_by_somebody(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.mktemp("leases")
    leases = Leases(folder, 60)
    assert leases.claim("shard")
    (file,) = folder.iterdir()
    file.write_bytes(raw)
    Leases(folder, 60).claim("shard")
    leases.release("shard")


def test_a_damaged_lease_ends_when_nobody_touches_it(tmp_path: Path) -> None:
    (file := tmp_path / "shard.lease").write_bytes(b"")
    leases = Leases(tmp_path, 0.05)
    held = leases.claim("other")
    assert held
    (name,) = [path.name for path in tmp_path.iterdir() if path != file]
    file.rename(tmp_path / name.replace("other", "shard"))
    assert leases.claim("shard") is None  # seen, and not yet silent for long
    deadline = time.monotonic() + 20
    while not leases.claim("shard"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@given(damaged_json(RECORD))
def test_damaged_records_of_processes_tell_nothing(folder: Path, raw: bytes) -> None:
    (folder / "ranks").mkdir(exist_ok=True)
    (folder / "ranks" / "1.json").write_bytes(raw)
    wait_for_others(Rank(0, 2), folder, 0.0)
    failures(Rank(0, 2), folder)


@given(damaged_json([asdict(Submission("local_parallel", "999999", "", [0, 1], "nobody"))]))
def test_damaged_submissions_are_read_or_refused(folder: Path, raw: bytes) -> None:
    (folder / "submissions.json").write_bytes(raw)
    with suppress(InputError):
        read_submissions(folder)
        active_points(folder)


@pytest.fixture(scope="module", autouse=True)
def no_patience_with_other_hosts() -> Iterator[None]:
    """A damaged record may name another host, whose signs of life are waited for: here not for twenty seconds each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_BEATS_MISSED", 0)
        patch.setattr(records, "_POLL_SECONDS", 0.001)
        yield


@settings(max_examples=150)
@given(index=damaged_json(INDEX) | st.just(json.dumps(INDEX).encode()), record=damaged_json(RECORD))
def test_a_sweep_with_damaged_points_is_shown_or_refused(
    tmp_path_factory: pytest.TempPathFactory, index: bytes, record: bytes
) -> None:
    root = tmp_path_factory.getbasetemp() / "sweep"
    for part in ("points", "0/ranks"):
        (root / part).mkdir(parents=True, exist_ok=True)
    (root / "points" / "index.json").write_bytes(index)
    (root / "points" / "0.yaml").write_bytes(CONFIG)
    (root / "points" / "1.yaml").write_bytes(CONFIG)
    (root / "0" / "ranks" / "0.json").write_bytes(record)
    with suppress(InputError):
        read_points(root)
        point_of(root / "0")
        read_status(root)


@settings(max_examples=150)
@given(config=damaged_bytes(CONFIG) | st.just(CONFIG), metrics=damaged_json(METRICS))
def test_a_run_with_damaged_files_is_collected_or_refused(
    tmp_path_factory: pytest.TempPathFactory, config: bytes, metrics: bytes
) -> None:
    run = tmp_path_factory.getbasetemp() / "run"
    (run / ".hydra").mkdir(parents=True, exist_ok=True)
    (run / ".hydra" / "config.yaml").write_bytes(config)
    (run / "metrics.json").write_bytes(metrics)
    with suppress(InputError):
        collect([run])
