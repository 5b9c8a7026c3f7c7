"""The GPU's command: its steps, its bound, its report; and all of it rehearsed on the CPU."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ntt.bench import gpu
from ntt.bench.gpu import Step, main, markdown, plan, run_step


def step(code: str, share: float = 1.0) -> Step:
    return Step("a step", [sys.executable, "-u", "-c", code], share)


def test_what_a_step_came_to_is_noted() -> None:
    done, failed = step("print('fine')"), step("print('oh'); raise SystemExit(3)")
    stopped = step("print('so far')\nwhile True: pass")
    for one in (done, failed):
        run_step(one, 60, rehearse=True)
    run_step(stopped, 2, rehearse=True)
    assert [one.state for one in (done, failed, stopped)] == ["done", "failed", "stopped"]
    assert [one.output for one in (done, failed, stopped)] == ["fine\n", "oh\n", "so far\n"]
    page = markdown({"card": "none"}, [done, failed, stopped])
    assert "| a step | stopped |" in page
    assert "so far" in page


def test_the_bound_holds_and_what_there_is_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [step("print('fine')"), step("while True: pass", 0.5), step("while True: pass"), step("print('too late')")]
    monkeypatch.setattr(gpu, "plan", lambda *_: steps)
    monkeypatch.setattr(gpu, "_LEAST", 1.0)
    assert main(["--seconds", "8", "--out", str(tmp_path)]) == 1
    report = json.loads((tmp_path / "gpu.json").read_text())
    assert [entry["state"] for entry in report["steps"]] == ["done", "stopped", "stopped", "not begun"]
    assert report["machine"]["torch"]
    assert "| a step | not begun | 0 |" in (tmp_path / "gpu.md").read_text()


def test_on_a_gpu_sizes_are_full_and_time_is_left_for_every_step(tmp_path: Path) -> None:
    tests, half, full = plan(False, tmp_path)
    assert "gpu" in tests.command
    for bench, precision in ((half, "bf16"), (full, "fp32")):
        words = " ".join(bench.command)
        assert "dinov2_vitl14" in words
        assert "sam2_hiera_large --points 32 --device cuda" in words
        assert f"--precision {precision}" in words
    assert gpu.SECONDS < 9 * 60


@pytest.mark.slow
@pytest.mark.integration
def test_everything_is_rehearsed_on_the_cpu(tmp_path: Path) -> None:
    assert main(["--rehearse", "--out", str(tmp_path)]) == 0, (tmp_path / "gpu.md").read_text()
    steps = json.loads((tmp_path / "gpu.json").read_text())["steps"]
    assert [entry["state"] for entry in steps] == ["done"] * 3
    assert "9 passed" in steps[0]["output"]
    for entry in steps[1:]:
        assert entry["figures"]["stages"][0]["stage"] == "encoder"
    page = (tmp_path / "gpu.md").read_text()
    assert page.count("| prompt decoding |") == 2
