"""Who makes an artifact: one process at a time, whatever happens to it."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor

import pytest

from ntt.errors import InputError
from ntt.store.artifacts import Artifact
from ntt.store.store import Store


def test_a_full_disk_is_told_in_a_sentence_and_the_lease_given_back(tmp_path):
    store = Store(tmp_path)
    artifact = store.artifact("stage", {"a": 1})

    def make(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match=rf"{tmp_path}.*store\.root"):
        store.obtain([artifact], make)
    with store.claim(artifact) as lease:
        assert lease is not None


def write_one(artifact: Artifact) -> None:
    with artifact.writing() as folder:
        (folder / "file").write_text(artifact.key)


def test_claims_are_held_while_others_are_taken_and_until_they_are_finished(tmp_path):
    ours, theirs = Store(tmp_path), Store(tmp_path)
    artifacts = [ours.artifact("stage", {"number": number}) for number in range(3)]
    claims = ours.claims(artifacts)
    first, second = next(claims), next(claims)
    with theirs.claim(artifacts[2]):
        assert next(claims) is None  # one is theirs, two are on their way
    for artifact in artifacts[:2]:
        with theirs.claim(artifact) as refused:
            assert refused is None
    third = next(claims)
    assert [claim.artifact for claim in (first, second, third)] == artifacts
    with ThreadPoolExecutor(1) as writer:
        assert list(writer.map(ours.finish, (third, first, second), [write_one] * 3)) == [True] * 3
    assert next(claims, "over") == "over"
    assert all(claim.made and claim.released for claim in (first, second, third))


def test_closing_gives_up_what_was_claimed_and_not_finished(tmp_path):
    ours, theirs = Store(tmp_path), Store(tmp_path)
    artifacts = [ours.artifact("stage", {"number": number}) for number in range(2)]
    claims = ours.claims(artifacts)
    next(claims)
    ours.finish(next(claims), write_one)
    claims.close()
    with theirs.claim(artifacts[0]) as lease:
        assert lease is not None
    assert artifacts[1].exists()


def test_a_claim_that_failed_comes_again_and_one_that_was_lost_is_left_to_its_taker(tmp_path):
    store = Store(tmp_path)
    artifacts = [store.artifact("stage", {"number": number}) for number in range(2)]
    seen = []
    claims = store.claims(artifacts, seen.append)

    def fail(_: Artifact) -> None:
        raise RuntimeError("not this time")

    with pytest.raises(RuntimeError, match="not this time"):
        store.finish(next(claims), fail)
    lost = next(claims)
    assert lost.artifact == artifacts[1]
    lost.lease.files.write(lost.lease.name, "{}")  # another process has taken it over, and is done soon
    assert not store.finish(lost, lambda _: pytest.fail("made although it was lost"))
    write_one(lost.artifact)
    again = next(claims)
    assert again.artifact == artifacts[0]
    assert store.finish(again, write_one)
    assert list(claims) == []
    assert seen == [lost.artifact]


@pytest.mark.parametrize(("code", "missing", "said"), [("warn", 0, True), ("strict", 1, True), ("trust", 0, False)])
def test_what_other_source_made_is_used_made_again_or_trusted(tmp_path, caplog, code, missing, said):
    before, after = Store(tmp_path, code=code), Store(tmp_path, code=code)
    write_one(before.artifact("masks", {"version": 1}, source="old"))
    same = after.artifact("masks", {"version": 1}, source="old")
    assert (after.missing([same]), caplog.messages) == (([], 0), [])
    other = after.artifact("masks", {"version": 1}, source="new")
    assert len(after.missing([other])[0]) == missing
    assert other.exists() is (missing == 0)
    assert ("masks: 1 found that other source of the same version made" in caplog.text) is said
