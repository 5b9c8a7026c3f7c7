"""A user's own folder of configs: found, read, and its damages told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import ntt

from ntt.commands.own_configs import check_encoding, own_folders
from ntt.errors import InputError


def test_the_folder_is_found_however_it_is_given():
    given = ["--config-dir", "a", "-m", "--config-path=b", "shots=1", "-cd", "c", "--config-dir"]
    assert own_folders(given) == [Path("a"), Path("b"), Path("c")]


@pytest.mark.parametrize(
    ("raw", "told"),
    [(b"\xef\xbb\xbfname: x\n", "byte order mark"), (b"# r\xe9f\n", "0xe9 in line 1"), (b"\xff\xfea\0", "0xff")],
)
def test_a_chosen_file_that_hydra_would_misread_is_named(tmp_path, raw, told):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_bytes(raw)
    with pytest.raises(InputError, match=told):
        check_encoding(["--config-dir", str(tmp_path), "+experiment=mine"])
    check_encoding(["--config-dir", str(tmp_path), "+experiment=other"])


@pytest.mark.integration
@pytest.mark.parametrize(
    ("experiment", "told"),
    [
        ("tab", "tab.yaml, line 2, column 1: a tab, where YAML takes spaces only"),
        ("latin", "latin.yaml is not UTF-8 (byte 0xe9 in line 2)"),
        ("mien", "Did you mean mine?"),
    ],
)
def test_a_damaged_or_mistyped_config_is_one_sentence(tmp_path, experiment, told):
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nname: mine\n")
    (folder / "tab.yaml").write_text("a:\n\t- x\n")
    (folder / "latin.yaml").write_bytes("a: 1\n# réf\n".encode("latin-1"))
    done = ntt("--config-dir", "mine", f"+experiment={experiment}", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert told in line


@pytest.mark.integration
@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("dataset.root=/data/a(1)", """write 'dataset.root="/data/a(1)"'"""),
        ("dataset.root=/data/a,b", """write 'dataset.root="/data/a,b"'"""),
        ("coco_30shot", "is no option: write key=value"),
    ],
)
def test_advice_on_an_unreadable_option_is_what_has_to_be_written(tmp_path, option, told):
    done = ntt("+experiment=demo", option, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
