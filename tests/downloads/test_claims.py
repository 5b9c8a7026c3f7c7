from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from ntt.downloads.claims import claim


def test_a_claim_leaves_nothing_behind(tmp_path: Path) -> None:
    with claim(tmp_path / "file"):
        assert (tmp_path / "file.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_claim_is_given_up_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError), claim(tmp_path / "file"):
        raise ValueError
    assert list(tmp_path.iterdir()) == []


def test_only_one_at_a_time_is_inside(tmp_path: Path) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with claim(tmp_path / "file", poll=0.001):
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.005)
            with guard:
                inside -= 1

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == 1
    assert list(tmp_path.iterdir()) == []


def test_a_dead_claim_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "file.lock").write_text("elsewhere 1 dead")
    os.utime(tmp_path / "file.lock", (0, 0))
    with claim(tmp_path / "file", poll=0.001):
        assert "dead" not in (tmp_path / "file.lock").read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_is_renewed_is_waited_for(tmp_path: Path) -> None:
    order = []

    def second() -> None:
        with claim(tmp_path / "file", expiry=0.2, poll=0.01):
            order.append("second")

    waiting = threading.Thread(target=second)
    with claim(tmp_path / "file", expiry=0.2, poll=0.01):
        waiting.start()
        time.sleep(0.5)  # longer than a claim lives without renewal
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
