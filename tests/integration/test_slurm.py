"""Sweeps on a real SLURM: every point as if it had run alone, the proposals computed once, failures seen."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import ntt
from real_slurm import LAUNCHER, queue, reason_against, running_slurm, wait_for_jobs

from ntt.run import conf_folder
from ntt.sweeps.points import read_points

pytestmark = [pytest.mark.integration, pytest.mark.cluster]
REPOSITORY = Path(__file__).resolve().parents[2]
SHARDS = 5


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    if reason := reason_against():
        pytest.skip(reason)
    with running_slurm() as environment:
        yield environment


@pytest.fixture(scope="module")
def options(coco, small_networks) -> list[str]:
    one = ["+experiment=coco_1shot", f"dataset.root={coco}", "split=all", "store.shard_size=1", "report.pictures=1"]
    return [*one, *small_networks, "device=cpu"]


@pytest.fixture(scope="module")
def plain(options, tmp_path_factory) -> dict[tuple[str, str], Path]:
    """The same four points, each run by itself."""
    cwd = tmp_path_factory.mktemp("plain")
    folders = {}
    for shots in ("1", "2"):
        for seed in ("33", "42"):
            folder = cwd / f"{shots}-{seed}"
            done = ntt(*options, f"shots={shots}", f"seed={seed}", f"hydra.run.dir={folder}", cwd=cwd)
            assert done.returncode == 0, done.stderr
            folders[shots, seed] = folder
    assert len({(folder / "predictions.json").read_bytes() for folder in folders.values()}) > 1
    return folders


def assert_points_equal(sweep: Path, plain: dict[tuple[str, str], Path]) -> None:
    for point in read_points(sweep):
        alone = plain[point.swept.get("shots", "1"), point.swept["seed"]]
        for name in ("metrics.json", "predictions.json"):
            assert (point.directory / name).read_bytes() == (alone / name).read_bytes(), point


def shares(sweep: Path) -> dict[int, dict[int, int]]:
    """Point -> rank -> proposal shards that it computed."""
    found: dict[int, dict[int, int]] = {}
    for point in read_points(sweep):
        entries = {int(f.stem): json.loads(f.read_bytes()) for f in (point.directory / "ranks").glob("*.json")}
        found[point.number] = {rank: entry["stages"]["proposals"]["computed"] for rank, entry in entries.items()}
    return found


def test_a_submitted_sweep_shares_its_proposals_and_reports_itself(slurm, options, plain, tmp_path):
    submitted = ntt(
        *("sweep", "submit", *options, *LAUNCHER, "shots=1,2", "seed=33,42", "hydra.sweep.dir=sweep"),
        cwd=tmp_path,
        # A job's first process encodes references before it comes to the shards.
        **{**slurm, "PYTHONPATH": str(REPOSITORY / "tests" / "disturbed"), "NTT_TEST_CLAIM_SECONDS": "10"},
    )
    assert submitted.returncode == 0, submitted.stderr
    sweep = tmp_path / "sweep"
    assert not (sweep / "3" / "metrics.json").exists()  # it did not wait
    wait_for_jobs(slurm)
    logs = "\n".join(log.read_text() for log in (sweep / "slurm").glob("*.log"))
    assert_points_equal(sweep, plain)
    computed = shares(sweep)
    assert all(set(ranks) == {0, 1} for ranks in computed.values()), logs
    assert sum(sum(ranks.values()) for ranks in computed.values()) == SHARDS, computed
    manifests = [json.loads(f.read_bytes()) for f in (tmp_path / "outputs/store/masks").glob("*/manifest.json")]
    assert len(manifests) == SHARDS
    assert {manifest["made"]["job"]["SLURM_PROCID"] for manifest in manifests} == {"0", "1"}
    assert (sweep / "report" / "ap.md").exists(), logs
    status = ntt("sweep", "status", str(sweep), cwd=tmp_path, **slurm)
    assert "4 done" in status.stdout
    assert ntt("sweep", "resume", str(sweep), cwd=tmp_path, **slurm).stdout == "nothing to do\n"


def test_resume_runs_only_what_is_missing(slurm, options, plain, tmp_path):
    submit = [*("sweep", "submit", *options, *LAUNCHER), "seed=33,42", "hydra.sweep.dir=sweep"]
    subprocess.run(["scontrol", "update", "partition=tests", "state=down"], env=slurm, check=True)
    try:
        assert ntt(*submit, cwd=tmp_path, **slurm).returncode == 0
        status = ntt("sweep", "status", "sweep", cwd=tmp_path, **slurm)
        assert "2 queued" in status.stdout, status.stdout
        first = queue(slurm)[0].split("_")[0].split("|")[0]
        subprocess.run(["scancel", f"{first}_1"], env=slurm, check=True)
    finally:
        subprocess.run(["scontrol", "update", "partition=tests", "state=up"], env=slurm, check=True)
    wait_for_jobs(slurm)
    status = ntt("sweep", "status", "sweep", cwd=tmp_path, **slurm)
    assert "1 done, 1 missing" in status.stdout, status.stdout
    finished = (tmp_path / "sweep" / "0" / "metrics.json").stat().st_mtime_ns
    resumed = ntt("sweep", "resume", "sweep", cwd=tmp_path, **slurm)
    assert "1 points submitted to slurm" in resumed.stdout, resumed.stderr
    wait_for_jobs(slurm)
    assert_points_equal(tmp_path / "sweep", plain)
    assert (tmp_path / "sweep" / "0" / "metrics.json").stat().st_mtime_ns == finished


def test_a_change_of_conf_in_the_queue_changes_nothing(slurm, options, plain, tmp_path):
    conf = tmp_path / "conf"
    shutil.copytree(conf_folder(), conf)
    subprocess.run(["scontrol", "update", "partition=tests", "state=down"], env=slurm, check=True)
    try:
        command = [sys.executable, "-m", "ntt.run", "--config-path", str(conf), "-m", *options, *LAUNCHER]
        driver = subprocess.Popen(
            [*command, "seed=33,42", "hydra.sweep.dir=sweep"],
            cwd=tmp_path,
            env=slurm,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started = time.monotonic()
        while len(queue(slurm)) < 2:
            assert driver.poll() is None, driver.stderr
            assert time.monotonic() - started < 120
            time.sleep(0.5)
        matcher = conf / "matcher" / "soft.yaml"
        matcher.write_text(matcher.read_text().replace("max_detections: 100", "max_detections: 1"))
    finally:
        subprocess.run(["scontrol", "update", "partition=tests", "state=up"], env=slurm, check=True)
    log = driver.communicate(timeout=300)[1]
    assert driver.returncode == 0, log
    sweep = tmp_path / "sweep"
    assert_points_equal(sweep, plain)
    assert sum(sum(ranks.values()) for ranks in shares(sweep).values()) == SHARDS
    assert "in matcher.max_detections: the run uses what was submitted" in (sweep / "0" / "ntt.log").read_text()


@pytest.mark.parametrize("how", ["submit", "-m"])
def test_a_rank_that_fails_alone_fails_its_job(slurm, options, plain, tmp_path, how):
    disturbed = {
        "PYTHONPATH": str(REPOSITORY / "tests" / "disturbed"),
        "NTT_TEST_STARTS": str(tmp_path / "starts"),
        "NTT_TEST_SECONDS": "1",
        "NTT_TEST_FAILING_RANK": "1",
    }
    command = ["sweep", "submit"] if how == "submit" else ["-m"]
    done = ntt(
        *command, *options, *LAUNCHER, "seed=33", "hydra.sweep.dir=sweep", cwd=tmp_path, **{**slurm, **disturbed}
    )
    wait_for_jobs(slurm)
    if how == "submit":
        assert done.returncode == 0, done.stderr
        states = queue(slurm, "--states=all")
        assert any(state.endswith("FAILED") for state in states[-2:]), states
    else:
        assert done.returncode != 0
    status = ntt("sweep", "status", "sweep", cwd=tmp_path, **slurm)
    assert "1 failed" in status.stdout, status.stdout
    assert "MemoryError" in status.stdout
    # Its share was done by the other one all the same.
    assert (tmp_path / "sweep/0/metrics.json").read_bytes() == (plain["1", "33"] / "metrics.json").read_bytes()
