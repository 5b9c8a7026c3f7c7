from __future__ import annotations

import hashlib
import json
import random
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ntt.downloads import http
from ntt.downloads.http import download
from ntt.downloads.settings import DownloadSettings
from ntt.errors import InputError

BODY = random.Random(0).randbytes(100_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


def answer(status: int) -> Callable[[Any], None]:
    """A fault of the server: this status and nothing else."""

    def fault(handler: Any) -> None:
        handler.status = status

    return fault


def cut(after: int, stall: float = 0.0) -> Callable[[Any], None]:
    """A fault of the server: the body ends, or stands still, after some bytes."""

    def fault(handler: Any) -> None:
        handler.cut = (after, stall)

    return fault


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "net.pth"


@pytest.fixture(autouse=True)
def body(server: Any) -> None:
    server.files["/net.pth"] = BODY


def assert_complete(target: Path) -> None:
    assert target.read_bytes() == BODY
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def assert_nothing_under(target: Path) -> None:
    assert not target.exists()
    assert not target.with_name(f"{target.name}.lease").exists()


def test_a_file_arrives_readable_for_everybody_with_nothing_left_beside_it(server, target, hasty):
    assert download(f"{server.url}/net.pth", target, hasty, len(BODY), DIGEST) == DIGEST
    assert_complete(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_a_file_that_is_there_is_not_asked_for(server, target, hasty):
    target.parent.mkdir()
    target.write_bytes(BODY)
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert server.requests == []


def test_a_broken_connection_is_resumed_where_it_broke(server, target, hasty):
    server.faults = [cut(30_000), cut(20_000)]
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert_complete(target)
    assert server.ranges_asked() == [None, "bytes=30000-", "bytes=50000-"]
    assert server.bytes_sent() == [30_000, 20_000, 50_000]


def test_a_bad_line_that_brings_something_each_time_is_not_given_up(server, target, hasty, monkeypatch):
    monkeypatch.setattr(http, "_HEADWAY", 10_000)
    server.faults = [cut(12_000)] * 8
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert len(server.requests) == 9


def test_a_stall_ends_after_the_timeout_and_is_resumed(server, target, hasty):
    server.faults = [cut(40_000, stall=4.0)]
    assert download(f"{server.url}/net.pth", target, replace(hasty, timeout=0.5)) == DIGEST
    assert server.ranges_asked() == [None, "bytes=40000-"]


def test_an_endless_stall_is_one_sentence_and_leaves_a_part_to_continue(server, target, hasty):
    server.faults = [cut(10, stall=2.0)] * 3
    with pytest.raises(InputError, match=r"no byte came for 0.8 s \(attempt 3 of 3\); .* continues at 30 B"):
        download(f"{server.url}/net.pth", target, replace(hasty, timeout=0.8))
    assert_nothing_under(target)
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert server.ranges_asked()[-1] == "bytes=30-"


def test_a_later_process_continues_the_part_of_a_killed_one(server, target, hasty):
    server.faults = [cut(60_000, stall=5.0)]
    code = "import sys; from pathlib import Path; from ntt.downloads.http import download; "
    code += "from ntt.downloads.settings import DownloadSettings; "
    code += "download(sys.argv[1], Path(sys.argv[2]), DownloadSettings(timeout=30))"
    worker = subprocess.Popen([sys.executable, "-c", code, f"{server.url}/net.pth", str(target)])
    part = target.with_name("net.pth.part")
    while worker.poll() is None and not (part.exists() and part.stat().st_size):
        pass
    worker.kill()
    worker.wait()
    arrived = part.stat().st_size
    assert target.with_name("net.pth.lease").exists()
    assert download(f"{server.url}/net.pth", target, hasty, sha256=DIGEST) == DIGEST
    assert server.ranges_asked()[-1] == f"bytes={arrived}-"
    assert_complete(target)


def test_a_server_without_ranges_starts_over(server, target, hasty):
    server.ranges = False
    server.faults = [cut(30_000)]
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert server.bytes_sent() == [30_000, 100_000]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_validator_nothing_is_resumed(server, target, hasty, etag):
    server.etag = etag
    server.faults = [cut(30_000)]
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert server.ranges_asked() == [None, None]


def test_the_date_of_the_last_change_is_a_validator_too(server, target, hasty):
    server.etag = None
    server.headers["Last-Modified"] = "Sun, 22 Nov 2026 18:00:00 GMT"
    server.faults = [cut(30_000)]
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert server.ranges_asked()[1] == "bytes=30000-"


def test_a_file_that_changes_midway_is_fetched_anew(server, target, hasty):
    server.faults = [cut(30_000)]
    server.files["/net.pth"] = bytes(100_000)
    with pytest.raises(InputError, match=r"the connection ended after 30.0 kB of 100.0 kB \(attempt 1 of 1\)"):
        download(f"{server.url}/net.pth", target, DownloadSettings(retries=0))
    server.files["/net.pth"], server.etag = BODY, '"two"'
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert server.bytes_sent() == [30_000, 100_000]
    assert_complete(target)


def test_a_part_of_another_address_is_not_continued(server, target, hasty):
    server.files["/other.pth"] = bytes(100_000)
    server.faults = [cut(30_000)]
    with pytest.raises(InputError):
        download(f"{server.url}/other.pth", target, DownloadSettings(retries=0))
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST


def test_a_server_that_lies_about_the_change_is_found_out_by_the_digest(server, target, hasty):
    server.files["/net.pth"] = bytes(100_000)
    server.faults = [cut(30_000)]
    with pytest.raises(InputError):
        download(f"{server.url}/net.pth", target, DownloadSettings(retries=0))
    server.files["/net.pth"] = BODY  # and the same ETag
    assert download(f"{server.url}/net.pth", target, hasty, sha256=DIGEST) == DIGEST
    assert server.ranges_asked() == [None, "bytes=30000-", None]
    assert_complete(target)


def test_a_complete_part_is_checked_without_asking_again(server, target, hasty):
    target.parent.mkdir()
    target.with_name("net.pth.part").write_bytes(BODY)
    entity = {"url": f"{server.url}/net.pth", "validator": '"one"', "length": len(BODY)}
    target.with_name("net.pth.part.json").write_text(json.dumps(entity))
    assert download(f"{server.url}/net.pth", target, hasty, sha256=DIGEST) == DIGEST
    assert server.requests == []
    assert_complete(target)


@pytest.mark.parametrize("length", [100_000, 200_000])
def test_a_part_longer_than_the_file_is_thrown_away(server, target, hasty, length):
    target.parent.mkdir()
    target.with_name("net.pth.part").write_bytes(BODY + b"more")
    entity = {"url": f"{server.url}/net.pth", "validator": '"one"', "length": length}
    target.with_name("net.pth.part.json").write_text(json.dumps(entity))
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert_complete(target)


@pytest.mark.parametrize("facts", ["", "[]", '{"url": 3}', "{"])
def test_a_part_with_unreadable_facts_is_thrown_away(server, target, hasty, facts):
    target.parent.mkdir()
    target.with_name("net.pth.part").write_bytes(b"x" * 50)
    target.with_name("net.pth.part.json").write_text(facts)
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST
    assert server.ranges_asked() == [None]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_passing_fault_of_the_server_is_retried(server, target, hasty, status):
    server.faults = [answer(status), answer(status)]
    assert download(f"{server.url}/net.pth", target, hasty) == DIGEST


def test_a_lasting_fault_of_the_server_is_one_sentence(server, target, hasty):
    server.faults = [answer(500)] * 9
    with pytest.raises(
        InputError, match=r"/net.pth could not be fetched: the server answered 500 .*\(attempt 3 of 3\)"
    ):
        download(f"{server.url}/net.pth", target, hasty)
    assert len(server.requests) == 3
    assert_nothing_under(target)


@pytest.mark.parametrize(
    ("status", "words"), [(404, "does not exist"), (403, "login or a licence"), (400, "status 400")]
)
def test_a_refusal_is_one_sentence_at_once(server, target, hasty, status, words):
    server.faults = [answer(status)]
    with pytest.raises(InputError, match=words):
        download(f"{server.url}/net.pth", target, hasty)
    assert len(server.requests) == 1
    assert_nothing_under(target)


def test_wrong_bytes_are_refused_and_not_kept(server, target, hasty):
    server.files["/net.pth"] = bytes(100_000)
    with pytest.raises(InputError, match=rf"other bytes than expected: .* not {DIGEST}; nothing was kept"):
        download(f"{server.url}/net.pth", target, hasty, len(BODY), DIGEST)
    assert len(server.requests) == 1
    assert list(target.parent.iterdir()) == []


def test_a_file_of_another_size_is_refused_before_it_is_fetched(server, target, hasty):
    with pytest.raises(InputError, match="it has 100000 bytes, not 7"):
        download(f"{server.url}/net.pth", target, hasty, size=7)
    assert_nothing_under(target)


def test_a_login_page_is_not_taken_for_the_file(server, target, hasty):
    server.headers["Content-Type"] = "text/html; charset=utf-8"
    with pytest.raises(InputError, match="answered with a web page instead of the file"):
        download(f"{server.url}/net.pth", target, hasty)
    assert_nothing_under(target)


def test_the_first_digits_of_a_digest_are_enough(server, target, hasty):
    assert download(f"{server.url}/net.pth", target, hasty, sha256=DIGEST[:8]) == DIGEST


def test_a_truncated_file_of_unannounced_length_is_found_out_by_its_size(server, target, hasty):
    server.send_length = False
    server.faults = [cut(30_000)]
    assert download(f"{server.url}/net.pth", target, hasty, size=len(BODY)) == DIGEST
    assert server.ranges_asked() == [None, "bytes=30000-"]


def test_two_processes_fetch_one_file_once(server, target):
    server.faults = [cut(100_000, stall=0.5)]
    code = "import sys; from pathlib import Path; from ntt.downloads.http import download; "
    code += "from ntt.downloads.settings import DownloadSettings; "
    code += "print(download(sys.argv[1], Path(sys.argv[2]), DownloadSettings()))"
    command = [sys.executable, "-c", code, f"{server.url}/net.pth", str(target)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [worker.communicate()[0].strip() for worker in workers] == [DIGEST] * 3
    assert len(server.requests) == 1
    assert_complete(target)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_no_bad_file_gets_the_name(server, target, seed):
    """Cuts, errors, changes of the file and refused ranges in any order: nothing, or the file the server last had."""
    chance = random.Random(seed)
    impatient = DownloadSettings(retries=1, backoff=0.001)
    for version in range(3):
        server.files["/net.pth"] = chance.randbytes(chance.randrange(1, 50_000))
        server.etag = f'"{seed} {version}"'
        server.ranges = chance.random() < 0.7
        server.faults = [
            answer(chance.choice([500, 503])) if chance.random() < 0.3 else cut(chance.randrange(20_000))
            for _ in range(chance.randrange(6))
        ]
        try:
            digest = download(f"{server.url}/net.pth", target, impatient)
        except InputError:
            assert not target.exists()
        else:
            assert target.read_bytes() == server.files["/net.pth"]
            assert digest == hashlib.sha256(server.files["/net.pth"]).hexdigest()
            target.unlink()
