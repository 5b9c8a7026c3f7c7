"""The folder of a run: nobody else's, and the same for all its processes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ntt.errors import InputError
from ntt.processes import folders
from ntt.processes.folders import claim_folder, forget_note
from ntt.processes.ranks import Rank
from ntt.processes.records import record


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(tmp_path):
    wanted = tmp_path / "outputs" / "12-00-00"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: claim_folder(wanted, wanted.parent, Rank()), range(8)))
    assert len(set(found)) == 8
    assert wanted in found
    assert wanted.with_name("12-00-00_2") in found


def test_all_processes_of_a_start_agree_though_they_begin_at_other_times(tmp_path):
    late: list = []
    second = threading.Thread(
        target=lambda: late.append(claim_folder(tmp_path / "12-00-01", tmp_path, Rank(1, 2, launch="x")))
    )
    second.start()
    first = claim_folder(tmp_path / "12-00-03", tmp_path, Rank(0, 2, launch="x"))
    second.join()
    assert late == [first]
    assert claim_folder(tmp_path / "later", tmp_path, Rank(1, 2, launch="x")) == first
    forget_note(tmp_path, Rank(0, 2, launch="x"))
    assert [path.name for path in tmp_path.iterdir()] == ["12-00-03"]


def test_what_a_killed_start_of_the_same_name_said_is_not_believed(tmp_path, monkeypatch):
    earlier = claim_folder(tmp_path / "a", tmp_path, Rank(0, 2, launch="x"))
    record(Rank(1, 2, launch="x"), earlier, "running", {})
    monkeypatch.setattr(folders, "PATIENCE", 0.3)
    with pytest.raises(InputError, match=r"waited .* hydra\.run\.dir"):
        claim_folder(tmp_path / "b", tmp_path, Rank(1, 2, launch="x"))
    now = claim_folder(tmp_path / "b", tmp_path, Rank(0, 2, launch="x"))
    assert claim_folder(tmp_path / "c", tmp_path, Rank(1, 2, launch="x")) == now == tmp_path / "b"


def test_a_file_in_the_way_is_no_reason_to_go_on_counting(tmp_path):
    (tmp_path / "outputs").write_text("")
    with pytest.raises(OSError, match="outputs"):
        claim_folder(tmp_path / "outputs" / "a", tmp_path, Rank())
