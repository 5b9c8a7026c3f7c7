"""What was submitted for a sweep: `<sweep>/submissions.json`."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ntt.cluster.drivers import living_elsewhere
from ntt.compute.running import is_running
from ntt.errors import InputError
from ntt.foreign.documents import read_json
from ntt.foreign.parsing import parsing
from ntt.store.files import write_json

_FILE = "submissions.json"
# Job states in which SLURM still has something to do for a point.
_WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "SUSPENDED", "CONFIGURING"}
_RUNNING = {"RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT", "STOPPED"}


@dataclass(frozen=True)
class Submission:
    """One call of submit or resume.

    Attributes:
        launcher: slurm or local_parallel.
        job: id of the array, or of the process that runs the points on `host`.
        report: id of the report's job; empty on one machine, where the same process writes it.
        points: numbers of the points.
        host: where it was submitted.
    """

    launcher: str
    job: str
    report: str
    points: list[int]
    host: str


def read_submissions(sweep: Path) -> list[Submission]:
    """All of them, the oldest first; none for a sweep that ran with -m."""
    file = sweep / _FILE
    if not file.exists():
        return []
    way_out = "mend it, or remove it where none of the sweep's jobs is in the queue any more"
    with parsing(lambda reason: InputError(f"{file} holds no submissions ({reason}); {way_out}.")):
        return [_submission(**entry) for entry in read_json(file, way_out)]


def _submission(launcher: str, job: str, report: str, points: list[int], host: str) -> Submission:
    """Raises TypeError or ValueError where a value is of another kind than it should be."""
    if not all(isinstance(text, str) for text in (launcher, job, report, host)):
        raise TypeError("launcher, job, report and host must be texts")
    if launcher != "slurm":
        int(job)  # the process that runs the points
    return Submission(launcher, job, report, [int(number) for number in points], host)


def add_submission(sweep: Path, submission: Submission) -> None:
    """Record one more."""
    write_json(sweep / _FILE, [asdict(one) for one in (*read_submissions(sweep), submission)])


def active_points(sweep: Path) -> dict[int, str]:
    """Point number -> "queued" or "running", of those that somebody still takes care of, here or on another host."""
    submissions = read_submissions(sweep)
    states = slurm_states([one.job for one in submissions if one.launcher == "slurm"])
    detached = [(one.host, int(one.job)) for one in submissions if one.launcher != "slurm"]
    alive = {process for process in detached if process_runs(*process)}
    alive |= living_elsewhere(sweep, [process for process in detached if process[0] != socket.gethostname()])
    found: dict[int, str] = {}
    for one in submissions:
        if one.launcher == "slurm":
            known = {number: states.get(f"{one.job}_{number}", "") for number in one.points}
            found |= {number: "queued" for number, state in known.items() if state in _WAITING}
            found |= {number: "running" for number, state in known.items() if state in _RUNNING}
        elif (one.host, int(one.job)) in alive:
            found |= dict.fromkeys(one.points, "queued")
    return found


def slurm_states(arrays: list[str]) -> Mapping[str, str]:
    """`<array>_<task>` -> SLURM's state, of the tasks it still remembers."""
    if not arrays:
        return {}
    command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={','.join(arrays)}", "--format=%i|%T"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return {}  # not on the cluster: the points' own records still tell most
    return dict(line.strip().split("|", 1) for line in done.stdout.splitlines() if "|" in line)


def process_runs(host: str, pid: int) -> bool:
    """Whether a process of ours is alive on this host; False for another host's."""
    if host != socket.gethostname():
        return False
    if not is_running(pid):
        return False
    try:
        return b"python" in Path(f"/proc/{pid}/cmdline").read_bytes()  # the number may be another program's by now
    except OSError:
        return True
