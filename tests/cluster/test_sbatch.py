"""The array's script is what sbatch and bash understand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ntt.cluster.sbatch import array_script, report_script, submit
from ntt.errors import InputError
from ntt.sweeps.points import Point

SETTINGS = {
    "partition": "gpu",
    "account": None,
    "timeout_min": 90,
    "signal_delay_s": 60,
    "tasks_per_node": 2,
    "gpus_per_node": 2,
    "cpus_per_task": 4,
    "mem_gb": 64,
    "array_parallelism": 3,
    "max_num_timeout": 5,
    "additional_parameters": {"requeue": True, "mail_type": "END"},
    "setup": ["module load cuda"],
    "name": "ntt-x",
}


def points(root: Path) -> list[Point]:
    return [Point(n, {}, root / f"it's $HOME {n}", root / "points" / f"{n}.yaml") for n in (0, 3)]


def test_the_options_are_sbatchs(tmp_path):
    lines = array_script(points(tmp_path), tmp_path, SETTINGS).splitlines()
    wanted = {"partition=gpu", "time=90", "ntasks-per-node=2", "gpus-per-node=2", "cpus-per-task=4", "mem=64G"}
    wanted |= {"array=0,3%3", "signal=B:USR2@60", "requeue", "mail-type=END", "job-name=ntt-x", "open-mode=append"}
    flags = {line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")}
    assert wanted <= flags
    assert not any(flag.startswith("account") for flag in flags)
    assert lines.index("module load cuda") < next(i for i, line in enumerate(lines) if line.startswith("srun"))


def test_bash_runs_the_right_point_with_its_folder_and_hands_on_the_exit_code(tmp_path):
    fake = tmp_path / "bin" / "srun"
    fake.parent.mkdir()
    fake.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\nexit 7\n')
    fake.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", array_script(points(tmp_path), tmp_path, {**SETTINGS, "setup": None})],
        env={"PATH": f"{fake.parent}:/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "3", "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    given = done.stdout.splitlines()
    assert given[given.index("--config-name") + 1] == "3"
    assert given[-1] == f'hydra.run.dir="{tmp_path}/it\'s $HOME 3"'


def test_the_report_asks_for_no_gpu(tmp_path):
    script = report_script(tmp_path, tmp_path, SETTINGS)
    assert "gpu=" not in script
    assert "--partition=gpu" in script
    assert f"report {tmp_path}" in script


def test_without_sbatch_the_way_out_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InputError, match="hydra/launcher=local_parallel"):
        submit(points(tmp_path), tmp_path, SETTINGS, tmp_path)


def test_a_percent_sign_in_a_folder_is_no_number_of_slurms(tmp_path):
    folder = tmp_path / "run%a"
    for script in (array_script(points(tmp_path), folder, SETTINGS), report_script(tmp_path, folder, SETTINGS)):
        assert f"--output={tmp_path}/run%%a/" in script
        assert "run%a" not in script
    with pytest.raises(InputError, match="backslash"):
        array_script(points(tmp_path), tmp_path / "a\\b", SETTINGS)
