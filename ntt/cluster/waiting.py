"""A sweep that somebody waits for: its array's id, as soon as it is submitted."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ntt.cluster.submissions import Submission, add_submission


@contextmanager
def submitted_jobs(root: Path, points: Sequence[int]) -> Iterator[list[str]]:
    """Record what submitit submits inside the block, as `ntt sweep submit` does: nobody submits these points again.

    Args:
        root: the sweep's folder.
        points: their numbers, in the order of the array's tasks.

    Yields:
        A list that gets the array's id.
    """
    from submitit import AutoExecutor

    found: list[str] = []
    undisturbed = AutoExecutor.map_array

    def map_array(executor: Any, *arguments: Any) -> Any:
        jobs = undisturbed(executor, *arguments)
        identity = str(jobs[0].job_id).partition("_")[0]
        found.append(identity)
        if list(points) == list(range(len(jobs))):  # the array's tasks have the points' numbers
            add_submission(root, Submission("slurm", identity, "", list(points), socket.gethostname()))
        return jobs

    AutoExecutor.map_array = map_array  # type: ignore[method-assign,assignment]
    try:
        yield found
    finally:
        AutoExecutor.map_array = undisturbed  # type: ignore[method-assign]
