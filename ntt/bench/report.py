"""The measured table: on a terminal, as Markdown, as JSON."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.table import Table

from ntt.bench.measure import Side, Stage
from ntt.errors import InputError

_COLUMNS = ("stage", "plain, s", "ours, s", "ratio", "plain, MiB", "ours, MiB", "agreement")
_SUFFIXES = (".md", ".json")


def rows(stages: list[Stage]) -> list[tuple[str, ...]]:
    """One row per stage, then the sum over the stages of an image (all but the evaluation)."""
    table: list[tuple[str, ...]] = [
        (
            stage.name,
            _seconds(median(stage.plain.seconds)),
            _seconds(median(stage.ours.seconds)),
            f"{stage.ratio:.1f}",
            _mebibytes(stage.plain),
            _mebibytes(stage.ours),
            stage.agreement[0],
        )
        for stage in stages
    ]
    of_an_image = [stage for stage in stages if not stage.name.startswith("evaluation")]
    plain, ours = (sum(median(getattr(stage, side).seconds) for stage in of_an_image) for side in ("plain", "ours"))
    table.append(("an image", _seconds(plain), _seconds(ours), f"{plain / ours:.1f}", "", "", ""))
    return table


def rich_table(stages: list[Stage], title: str) -> Table:
    """For a terminal."""
    table = Table(title=title, title_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("stage", "agreement") else "right")
    for row in rows(stages):
        table.add_row(*row)
    return table


def circumstances(options: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """What the figures depend on: options, machine, versions, date."""
    on_gpu = device.type == "cuda"
    return {
        "options": {key: str(value) for key, value in options.items() if value is not None},
        "machine": torch.cuda.get_device_name(device) if on_gpu else _processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }


def check_suffix(path: Path) -> None:
    """Raises InputError unless :func:`write` knows the form of ``path``."""
    if path.suffix not in _SUFFIXES:
        raise InputError(f"--out {path}: name a file ending in {' or '.join(_SUFFIXES)}")


def write(path: Path, stages: list[Stage], about: dict[str, Any]) -> None:
    """Write the table as Markdown (``.md``) or all figures as JSON (``.json``)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_json(stages, about) if path.suffix == ".json" else _markdown(stages, about))


def markdown_of(figures: dict[str, Any]) -> str:
    """The Markdown of what was written as JSON."""
    about = {key: value for key, value in figures.items() if key != "stages"}
    return _markdown([_stage(entry) for entry in figures["stages"]], about)


def _stage(entry: dict[str, Any]) -> Stage:
    return Stage(entry["stage"], Side(**entry["plain"]), Side(**entry["ours"]), entry["agreement"])


def _markdown(stages: list[Stage], about: dict[str, Any]) -> str:
    lines = [_COLUMNS, tuple("---" for _ in _COLUMNS), *rows(stages)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    options = " ".join(f"--{key.replace('_', '-')} {value}" for key, value in about["options"].items())
    return (
        f"{table}\n\n`python -m ntt.bench {options}`, {about['machine']}, {about['threads']} threads, "
        f"torch {about['torch']}, {about['date']}.\n"
    )


def _json(stages: list[Stage], about: dict[str, Any]) -> str:
    figures = [
        {
            "stage": stage.name,
            "plain": {"seconds": stage.plain.seconds, "peak_bytes": stage.plain.peak_bytes},
            "ours": {"seconds": stage.ours.seconds, "peak_bytes": stage.ours.peak_bytes},
            "ratio": stage.ratio,
            "agreement": stage.agreement,
        }
        for stage in stages
    ]
    return json.dumps({**about, "stages": figures}, indent=1) + "\n"


def _seconds(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _mebibytes(side: Side) -> str:
    return "-" if side.peak_bytes is None else f"{side.peak_bytes / 2**20:.0f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
