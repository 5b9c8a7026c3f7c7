"""Whoever stops waiting for a sweep on SLURM learns what goes on without them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf
from submitit import AutoExecutor

from hydra_plugins.ntt_launchers.slurm import SlurmLauncher, SubmititLauncher
from ntt.errors import InputError
from ntt.processes.signals import Terminated, last_words


def launcher(root: Path) -> SlurmLauncher:
    made = SlurmLauncher()
    made.config = OmegaConf.create({"hydra": {"sweep": {"dir": str(root)}}})
    return made


def test_the_last_words_are_how_to_end_what_goes_on(tmp_path, monkeypatch):
    def submit_and_wait(_, job_overrides, __):
        AutoExecutor.map_array(None, None, job_overrides)
        raise Terminated(15)

    jobs = [SimpleNamespace(job_id="7_0"), SimpleNamespace(job_id="7_1")]
    monkeypatch.setattr(AutoExecutor, "map_array", lambda *_: jobs)
    monkeypatch.setattr(SubmititLauncher, "launch", submit_and_wait)
    with pytest.raises(Terminated) as ended:
        launcher(tmp_path).launch([["seed=1"], ["seed=2"]], 0)
    assert last_words(ended.value) == (
        f"ended by SIGTERM; SLURM's job 7 still runs: `scancel 7` ends it, `ntt sweep status {tmp_path}` shows it."
    )
    (submission,) = json.loads((tmp_path / "submissions.json").read_bytes())
    assert (submission["launcher"], submission["job"], submission["points"]) == ("slurm", "7", [0, 1])


@pytest.mark.parametrize("name", ["run%a", "a\\b"])
def test_a_folder_that_slurm_would_rename_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"hydra\.sweep\.dir"):
        launcher(tmp_path / name).launch([["seed=1"]], 0)
