"""Disturbed runs come out as undisturbed ones; those cases of tests/faults that need no SLURM."""

from __future__ import annotations

import os

import pytest
from faults import workers
from faults.scene import SHARDS, prepared

pytestmark = [pytest.mark.integration, pytest.mark.cluster]


@pytest.fixture(scope="module")
def scene():
    with prepared(None) as one:
        yield one


@pytest.mark.parametrize("case", [workers.killed_worker, workers.frozen_worker])
def test_what_one_worker_loses_another_one_makes(scene, case):
    outcome = case(scene, scene.folder(case.__name__))
    assert outcome.same
    assert sum(outcome.begun) == SHARDS + 1, outcome  # the one that was disturbed was begun again


def test_two_sweeps_compute_each_proposal_once(scene):
    outcome = workers.two_sweeps(scene, scene.folder("two_sweeps"))
    assert outcome.same
    assert sum(outcome.begun) == SHARDS, outcome


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_a_failure_that_a_rerun_mends(scene):
    outcome = workers.full_disk(scene, scene.folder("full_disk"))
    assert outcome.same
    assert outcome.ended.startswith("2 (ntt: There is no space left for the store")
