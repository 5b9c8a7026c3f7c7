"""A shared store is open to those whom its root admits, whatever their umask."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from ntt.errors import InputError
from ntt.store.artifacts import Artifact
from ntt.store.digests import FileDigests
from ntt.store.faults import explained
from ntt.store.store import Store


@contextmanager
def umask(mask: int):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def fill(artifact: Artifact) -> None:
    with artifact.writing() as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("text")


def modes(root) -> dict[str, str]:
    return {
        str(file.relative_to(root)): oct(stat.S_IMODE(file.stat().st_mode)) for file in (root, *sorted(root.rglob("*")))
    }


@pytest.mark.parametrize("mode", [0o2770, 0o777])
def test_what_is_made_in_a_shared_store_has_its_mode(tmp_path, mode):
    root = tmp_path / "store"
    root.mkdir()
    root.chmod(mode)
    with umask(0o077):
        store = Store(root)
        artifact = store.artifact("memory", {})
        store.obtain(store.missing([artifact])[0], fill)
        (tmp_path / "image").write_text("x")
        digests = FileDigests(root / "digests")
        digests.of(tmp_path / "image")
        digests.save()
        with store.claim(store.artifact("memory", {"other": 1})):
            found = modes(root)
    folder = oct(mode)
    file = oct(mode & 0o666)
    assert {found[name] for name in found if (root / name).is_dir()} == {folder}
    assert {found[name] for name in found if (root / name).is_file()} == {file}
    assert any(name.startswith("leases/") for name in found)


def test_a_store_of_ones_own_keeps_what_the_umask_says(tmp_path):
    with umask(0o077):
        store = Store(tmp_path / "store")
        artifact = store.artifact("memory", {})
        store.obtain([artifact], fill)
    assert modes(artifact.path)["inner/file"] == "0o600"


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming two users needs root")
@pytest.mark.parametrize(("mode", "works"), [(0o1777, True), (0o755, False)])
def test_two_users_with_umasks_of_their_own(mode, works):
    """The second one's work ends in a sentence that says what mode the folder needs, or just works."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        _two_users(Path(folder) / "store", mode, works)


def _two_users(root: Path, mode: int, works: bool) -> None:
    root.mkdir()
    os.chown(root, 1001, 1001)
    root.chmod(mode)
    code = """
import os, sys
from pathlib import Path
root, user, umask, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3], 8), sys.argv[4]
from ntt.store.store import Store
from ntt.errors import InputError
from ntt.store.artifacts import provenance
import getpass, email.parser, pwd
provenance()  # while python's own folder can be read
os.setgid(user); os.setuid(user); os.umask(umask)
store = Store(Path(root))
def fill(artifact):
    with artifact.writing() as folder:
        (folder / "file").write_text("text")
try:
    both = [store.artifact("memory", {"number": n}) for n in (0, int(number))]
    missing, damaged = store.missing(both)
    print(len(missing), damaged, store.obtain(missing, fill))
except InputError as error:
    print(error)
"""

    def run(user: int, mask: str, number: int) -> str:
        command = [sys.executable, "-c", code, str(root), str(user), mask, str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert run(1001, "022", 1) == "2 0 2"
    second = run(1002, "077", 2)
    if works:
        assert second == "1 0 1"
        assert run(1001, "022", 2) == "0 0 0"  # and the first one can read what the second one made
    else:
        assert "may not be read or written by user" in second
        assert f"chmod -R g+rwXs {root}" in second


def test_faults_of_other_files_stay_what_they_are(tmp_path):
    def fail(file) -> None:
        with explained(tmp_path / "store"):
            raise PermissionError(13, "Permission denied", str(file))

    with pytest.raises(PermissionError):
        fail(tmp_path / "image.png")
    with pytest.raises(InputError, match="may not be read or written"):
        fail(tmp_path / "store" / "leases")
