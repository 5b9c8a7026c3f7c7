"""What stages derive from a run is derived once for it, and anew for the next."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ntt.stages.workspace import once_per_run


def test_each_run_derives_once():
    asked = []

    @once_per_run
    def key(work):
        asked.append(work)
        return len(asked)

    one, other = SimpleNamespace(derived={}), SimpleNamespace(derived={})
    assert [key(one), key(one), key(other), key(one)] == [1, 1, 2, 1]


def test_a_failure_is_not_kept():
    answers = iter([ValueError("not made yet"), 5])

    @once_per_run
    def load(_):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    work = SimpleNamespace(derived={})
    with pytest.raises(ValueError, match="not made yet"):
        load(work)
    assert load(work) == 5
