from __future__ import annotations

import pytest

from ntt.bench.pipeline import main


def test_the_simulation_writes_the_same_with_and_without_a_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    few = [
        "--images",
        "5",
        "--masks",
        "3",
        "--milliseconds",
        "3",
        "--shard",
        "2",
        "--batch",
        "2",
        "--postprocessors",
        "2",
    ]
    assert main(few) == 0
    printed = capsys.readouterr().out
    assert "3 shards, byte-identical" in printed
    assert printed.count("%") == 2
