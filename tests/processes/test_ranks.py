"""Which process of a run this is."""

from __future__ import annotations

import pytest

from ntt.processes.ranks import Rank, current_rank

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_STEP_ID")


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, Rank(0, 1, 0)),
        ({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}, Rank(3, 4, 1)),
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "0"}, Rank(1, 2, 1)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_LOCALID": "0"}, Rank(0, 1, 0)),  # a shell in an allocation
        ({"RANK": "1", "WORLD_SIZE": "2"}, Rank(0, 1, 0)),  # somebody else's variable
    ],
)
def test_the_rank_is_what_the_launcher_says(monkeypatch, environment, rank):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert current_rank() == rank


@pytest.mark.parametrize(("gpus", "device"), [(0, "auto"), (1, "auto"), (2, "cuda:1"), (3, "cuda:0")])
def test_each_process_of_a_host_gets_a_gpu_of_its_own(monkeypatch, gpus, device):
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    assert Rank(number=3, world=4, local=3).device("auto") == device
    assert Rank(number=3, world=4, local=3).device("cpu") == "cpu"
    assert Rank().device("auto") == "auto"


def test_all_processes_of_a_start_name_it_alike_and_two_starts_do_not():
    def launch(number: int, **more: str) -> str:
        step = {"SLURM_PROCID": str(number), "SLURM_NTASKS": "2", "SLURM_LOCALID": "0"}
        return current_rank({**step, "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", **more}).launch

    assert launch(0) == launch(1)
    assert launch(0) != launch(0, SLURM_RESTART_COUNT="1")
    assert launch(0) != launch(0, SLURM_JOB_ID="8")
    assert current_rank({}).launch == current_rank({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}).launch
