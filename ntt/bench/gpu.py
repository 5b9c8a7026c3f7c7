"""``python -m ntt.bench.gpu``: all that a GPU has to answer, within nine minutes, whatever goes wrong on the way.

Each step is a process of its own with a share of the time that is left: one that hangs, crashes or fills the card's
memory leaves the others theirs. After each step the table is written anew, so that what was measured is never lost.
``--rehearse`` takes the same steps at tiny sizes on the CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 520.0  # a loan's command may run for ten minutes
_LEAST = 5.0  # a step with less time than this is not begun
_TAIL = 6000  # characters kept of what a step printed
_SIZES = ("--backbone", "dinov2_vitl14", "--segmenter", "sam2_hiera_large", "--points", "32")
_TINY = ("--backbone", "dinov2_demo", "--segmenter", "sam2_demo", "--points", "4", "--proposals", "20")
_VARIABLES = ("CUDA", "CUBLAS", "CUDNN", "NVIDIA", "PYTORCH", "TORCH", "NTT_GPU")  # that change figures


@dataclass
class Step:
    """One thing to measure.

    Attributes:
        name: for people.
        command: what is run.
        share: of the time that is left when it begins, at most.
        table: JSON file that it writes, if it writes one.
        state: "not begun", "done", "failed" or "stopped" (its time was over).
        seconds: that it took.
        output: the end of what it printed.
    """

    name: str
    command: list[str]
    share: float
    table: Path | None = None
    state: str = "not begun"
    seconds: float = 0.0
    output: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


def plan(rehearse: bool, out: Path) -> list[Step]:
    """The steps in order: what a loan must bring home first comes first.

    Args:
        rehearse: at tiny sizes on the CPU.
        out: folder for the benches' own tables.
    """
    python = [sys.executable, "-u", "-m"]
    # -W: this machine's torch is not the locked one, and warns of other things.
    tests = [*python, "pytest", "-m", "gpu", "-W", "default", "-p", "no:cacheprovider", "-rA", "--tb=short"]
    device = "cpu" if rehearse else "cuda"
    common = [*(_TINY if rehearse else _SIZES), "--device", device, "--evaluated", "2" if rehearse else "50"]
    repeats = ["--repeats", "1" if rehearse else "5"]
    steps = [Step("tests marked gpu", [*tests, str(REPOSITORY / "tests" / "gpu")], 0.45)]
    for precision, share in (("bf16", 0.6), ("fp32", 1.0)):
        table = out / f"bench_{precision}.json"
        command = [*python, "ntt.bench", *common, *repeats, "--precision", precision, "--out", str(table)]
        steps.append(Step(f"bench in {precision}", command, share, table))
    return steps


def run_step(step: Step, seconds: float, rehearse: bool) -> None:
    """Run a step for at most so many seconds, and note what became of it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    if rehearse:
        environment |= {"NTT_GPU_REHEARSAL": "1", "CUDA_VISIBLE_DEVICES": ""}
    started = time.monotonic()
    try:
        done = subprocess.run(
            step.command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
        )
        step.state, step.output = ("done" if done.returncode == 0 else "failed"), done.stdout
    except subprocess.TimeoutExpired as error:
        printed = error.stdout or b""
        step.state = "stopped"
        step.output = printed if isinstance(printed, str) else printed.decode(errors="replace")
    step.seconds = round(time.monotonic() - started, 1)
    step.output = step.output[-_TAIL:]
    if step.table and step.table.is_file():
        step.figures = json.loads(step.table.read_text())


def machine() -> dict[str, str]:
    """What the figures depend on: card, driver, versions, variables; also why there is no GPU, where there is none."""
    import torch

    facts = {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "built for CUDA": str(torch.version.cuda),
        "cuDNN": str(torch.backends.cudnn.version()) if torch.backends.cudnn.is_available() else "none",
        "cores": str(os.cpu_count()),
    }
    driver = Path("/proc/driver/nvidia/version")
    if driver.is_file():
        facts["driver"] = driver.read_text(errors="replace").splitlines()[0]
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        facts["card"] = f"{card.name}, {card.total_memory / 2**30:.0f} GiB, {card.multi_processor_count} SMs"
        free, _ = torch.cuda.mem_get_info(0)
        facts["free memory"] = f"{free / 2**30:.1f} GiB"
    else:
        facts["card"] = "none that torch sees" + (", though a driver is loaded" if driver.is_file() else "")
    facts["nvidia-smi"] = _printed(["nvidia-smi", "--query-gpu=name,driver_version,mig.mode.current", "--format=csv"])
    facts |= {name: value for name, value in sorted(os.environ.items()) if name.startswith(_VARIABLES)}
    return facts


def _printed(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"none ({type(error).__name__})"
    return " / ".join(done.stdout.split("\n")).strip(" /")


def write(out: Path, about: dict[str, str], steps: Sequence[Step]) -> None:
    """`gpu.json` and `gpu.md` in the folder."""
    out.mkdir(parents=True, exist_ok=True)
    entries = [{key: value for key, value in asdict(step).items() if key != "table"} for step in steps]
    (out / "gpu.json").write_text(json.dumps({"machine": about, "steps": entries}, indent=1) + "\n")
    (out / "gpu.md").write_text(markdown(about, steps))


def markdown(about: dict[str, str], steps: Sequence[Step]) -> str:
    """The report for people."""
    lines = ["# What a GPU answered", ""]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", "| step | state | seconds |", "|---|---|---|"]
    lines += [f"| {step.name} | {step.state} | {step.seconds:g} |" for step in steps]
    for step in steps:
        lines += ["", f"## {step.name}: {step.state}", ""]
        if step.figures:
            from ntt.bench.report import markdown_of

            lines.append(markdown_of(step.figures))
        if step.state in ("failed", "stopped") or not step.figures:
            lines += ["```", step.output.replace("```", "'''").strip(), "```"]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Take all steps; exit code 1 where one failed, was stopped or not begun."""
    parser = argparse.ArgumentParser(prog="python -m ntt.bench.gpu", description=__doc__.split("\n\n")[0])
    parser.add_argument("--rehearse", action="store_true", help="the same steps at tiny sizes on the CPU")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"for everything together ({SECONDS:g})")
    parser.add_argument(
        "--out", type=Path, default=REPOSITORY / "outputs" / "gpu", help="folder of gpu.md and gpu.json"
    )
    given = parser.parse_args(arguments)
    until = time.monotonic() + given.seconds
    out = given.out.absolute()
    about, steps = machine(), plan(given.rehearse, out)
    write(out, about, steps)
    for step in steps:
        left = until - time.monotonic()
        if left < _LEAST:
            break
        print(f"{step.name}: at most {left * step.share:.0f} of {left:.0f} s", flush=True)
        run_step(step, left * step.share, given.rehearse)
        print(f"{step.name}: {step.state} after {step.seconds:g} s", flush=True)
        write(out, about, steps)
    print((out / "gpu.md").read_text())
    return 0 if all(step.state == "done" for step in steps) else 1


if __name__ == "__main__":
    sys.exit(main())
