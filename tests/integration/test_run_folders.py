"""Who writes to which folder: runs of the same second, processes of one run, and what ends early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import ntt

pytestmark = pytest.mark.integration


@pytest.fixture
def options(first_run, coco, small_networks) -> list[str]:
    """Of a run that finds everything in a store."""
    one = ["+experiment=coco_1shot", f"dataset.root={coco}", "split=all", "store.shard_size=1", *small_networks]
    return [*one, "device=cpu", "report.pictures=0", f"store.root={first_run[0] / 'outputs' / 'store'}"]


def start(cwd: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ntt.run", *options],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def as_srun(number: int) -> dict[str, str]:
    step = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "2"}
    return {**step, "SLURM_PROCID": str(number), "SLURM_LOCALID": str(number)}


def test_runs_of_the_same_second_keep_their_results_apart(options, tmp_path):
    time.sleep(1 - time.time() % 1)
    runs = [start(tmp_path, *options, "stages=[references]", f"seed={seed}") for seed in (11, 12, 13)]
    logs = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], logs
    configs = [f.read_text() for f in (tmp_path / "outputs/coco_1shot").glob("*/.hydra/config.yaml")]
    assert len(configs) == 3
    assert {line for text in configs for line in text.splitlines() if line.startswith("seed:")} == {
        *("seed: 11", "seed: 12", "seed: 13")
    }


def test_processes_that_begin_in_different_seconds_share_a_folder(options, tmp_path):
    late = start(tmp_path, *options, **as_srun(1))
    time.sleep(1.1)
    first = start(tmp_path, *options, **as_srun(0))
    logs = [run.communicate()[1] for run in (late, first)]
    assert [late.returncode, first.returncode] == [0, 0], logs
    (run,) = (tmp_path / "outputs" / "coco_1shot").iterdir()
    assert {file.name for file in (run / "ranks").glob("*.json")} == {"0.json", "1.json"}


def test_a_run_fails_when_one_of_its_processes_did(options, tmp_path):
    first, failing = start(tmp_path, *options, **as_srun(0)), start(tmp_path, *options, "shots=0", **as_srun(1))
    assert failing.wait() == 2
    log = first.communicate()[1]
    assert first.returncode == 1
    assert "Traceback" not in log
    assert "are complete, but other processes of this run failed: rank 1: InputError: shots=0" in log
    (metrics,) = (tmp_path / "outputs" / "coco_1shot").glob("*/metrics.json")
    assert metrics.exists()


def test_chdir_moves_no_relative_path(options, tmp_path, coco):
    (tmp_path / "data").symlink_to(coco)
    relative = [option for option in options if not option.startswith(("dataset.root", "store.root"))]
    done = ntt(
        *relative, "dataset.root=data", "store.root=here", "stages=[references]", "hydra.job.chdir=True", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "chdir=True is not followed" in done.stderr
    assert (tmp_path / "here" / "references").is_dir()
    assert not list((tmp_path / "outputs").rglob("here"))


def test_a_run_whose_output_nobody_reads_is_done(options, tmp_path):
    run = subprocess.Popen(
        [sys.executable, "-m", "ntt.run", *options, "hydra.run.dir=out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    log = run.stderr.read()
    assert run.wait() == 0, log
    assert json.loads((tmp_path / "out/ranks/0.json").read_bytes())["state"] == "done"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_points_of_a_local_sweep_end_with_it(options, tmp_path, number):
    disturbed = str(Path(__file__).resolve().parents[1] / "disturbed")
    fresh = [option for option in options if not option.startswith("store.root")]
    run = start(
        *(tmp_path, "-m", *fresh, "seed=1,2,3", "hydra/launcher=local_parallel", "hydra.launcher.n_jobs=2"),
        "hydra.sweep.dir=sweep",
        PYTHONPATH=disturbed,
        NTT_TEST_STARTS=str(tmp_path / "starts"),
        NTT_TEST_SECONDS="6",
    )
    began = time.monotonic()
    while len(pids := processes_of(tmp_path / "starts")) < 2:
        assert time.monotonic() - began < 120, run.poll()
        time.sleep(0.1)
    run.send_signal(number)
    log = run.communicate()[1]
    assert run.returncode == 128 + number, log
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    for point in (0, 1):
        assert json.loads((tmp_path / f"sweep/{point}/ranks/0.json").read_bytes())["state"] == "stopped"
    assert not (tmp_path / "sweep/2/ranks").exists()


def processes_of(starts: Path) -> set[int]:
    return {int(line.split()[0]) for line in starts.read_text().splitlines()} if starts.exists() else set()
