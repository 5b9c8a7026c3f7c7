"""Means and deviations over the seeds of a sweep, and how far the sweep got."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, stdev

from ntt.reporting.tables import TASKS, task_name
from ntt.sweeps.collect import Point, Sweep
from ntt.sweeps.published import Published

# COCO's twelve in its order, LVIS' by how rare classes are, and those of semantic segmentation.
FIGURES = (
    *("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"),
    *("APr", "APc", "APf", "mIoU", "FBIoU", "AP50voc"),
)


@dataclass(frozen=True)
class Row:
    """One figure of one task at one split and shot count, over seeds, in percent.

    Attributes:
        split: as in :class:`~ntt.sweeps.collect.Point`.
        shots: references per class.
        mean: over the seeds that are complete, None if there is none.
        std: sample standard deviation (n - 1) over them, None for fewer than two.
        n: seeds in the mean.
        seeds: seeds that should be in it: all that the sweep has at this split.
        published: method -> its figure here, in percent.
    """

    split: str
    shots: int
    mean: float | None
    std: float | None
    n: int
    seeds: int
    published: dict[str, Published]

    @property
    def complete(self) -> bool:
        """Whether every seed is in the mean."""
        return self.n == self.seeds

    def difference(self, method: str) -> float | None:
        """Our mean minus the published one, in percentage points; None where either is missing."""
        if self.mean is None or method not in self.published:
            return None
        return self.mean - self.published[method].mean


def summarise(sweep: Sweep, task: str, figure: str, published: list[Published]) -> list[Row]:
    """One row per split and shot count of the sweep, in that order, and where there are means over splits, ours."""
    rows: list[Row] = []
    for split, shots in sorted({(point.split, point.shots) for point in sweep.points}):
        points = [point for point in sweep.points if (point.split, point.shots) == (split, shots)]
        values = [value for point in points if (value := percentage(point, task, figure)) is not None]
        here = {
            other.method: other for other in published if (other.task, other.split, other.shots) == (task, split, shots)
        }
        rows.append(
            Row(
                split=split,
                shots=shots,
                mean=fmean(values) if values else None,
                std=stdev(values) if len(values) > 1 else None,
                n=len(values),
                seeds=len(_seeds(sweep, split)),
                published=here,
            )
        )
    return rows + [_mean_of(rows, task, shots, published) for shots in _shots_of_means(rows, task, published)]


MEAN = "mean"
"""What published figures call the mean over all splits."""


def _shots_of_means(rows: list[Row], task: str, published: list[Published]) -> list[int]:
    """At which shots a mean over splits stands beside a published one: where every split has a figure."""
    splits = {row.split for row in rows}
    theirs = {other.shots for other in published if (other.task, other.split) == (task, MEAN)}
    ours = {row.shots for row in rows}
    full = [n for n in ours if {row.split for row in rows if row.shots == n and row.mean is not None} == splits]
    return sorted(n for n in full if n in theirs) if len(splits) > 1 else []


def _mean_of(rows: list[Row], task: str, shots: int, published: list[Published]) -> Row:
    here = [row for row in rows if row.shots == shots]
    theirs = {o.method: o for o in published if (o.task, o.split, o.shots) == (task, MEAN, shots)}
    mean = fmean(row.mean for row in here if row.mean is not None)
    n, seeds = min(row.n for row in here), max(row.seeds for row in here)
    return Row(split=MEAN, shots=shots, mean=mean, std=None, n=n, seeds=seeds, published=theirs)


def percentage(point: Point, task: str, figure: str) -> float | None:
    """A point's own figure in percent; None where it has none, or COCO says -1: there was nothing to measure."""
    fraction = ((point.metrics or {}).get(task) or {}).get(figure, -1)
    return 100 * fraction if fraction >= 0 else None


def summarised_tasks(sweep: Sweep) -> list[str]:
    """The tasks that some complete point was evaluated for; both while none is complete."""
    metrics = [point.metrics for point in sweep.points if point.metrics is not None]
    return [task for task in TASKS if not metrics or any(task in figures for figures in metrics)]


def swept_task_name(sweep: Sweep, task: str) -> str:
    """What tables call a task: ``segm (pseudo)`` where the masks of some point's ground truth were made."""
    names = {task_name(point.metrics, task) for point in sweep.points if point.metrics is not None}
    return max(names, default=task, key=len)


def missing_points(sweep: Sweep, figure: str) -> list[str]:
    """What is in no mean and why, a line per split, shot count and reason.

    A seed is missing where its run has no figures, and where only other shot counts of its split have it.
    """
    lines = []
    for split, shots in sorted({(point.split, point.shots) for point in sweep.points}):
        here = {point.seed: point for point in sweep.points if (point.split, point.shots) == (split, shots)}
        reasons: dict[str, list[int]] = {}
        for seed in _seeds(sweep, split):
            for reason in _reasons(sweep, here.get(seed), figure):
                reasons.setdefault(reason, []).append(seed)
        for reason, seeds in reasons.items():
            named = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
            lines.append(f"{split}, {shots}-shot, {named}: {reason}")
    return lines


def _reasons(sweep: Sweep, point: Point | None, figure: str) -> list[str]:
    if point is None:
        return ["not in the folders given"]
    if point.metrics is None:
        return [point.state]
    return [f"no {task} {figure}" for task in summarised_tasks(sweep) if percentage(point, task, figure) is None]


def _seeds(sweep: Sweep, split: str) -> list[int]:
    return sorted({point.seed for point in sweep.points if point.split == split})
