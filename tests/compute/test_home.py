"""The user's home is written as `~`, and nothing else is."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ntt.compute.home import HomelessFormatter, shortened, without_home

HOME = "/home/some.body"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", HOME)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HOME}/a and {HOME}: {HOME}", "~/a and ~: ~"),
        (f"file://{HOME}/a, a={HOME}/b, [{HOME}], 'k={HOME}/c d'", "file://~/a, a=~/b, [~], 'k=~/c d'"),
        (f"curl -o '{HOME}/my data' && cd {HOME}.", "curl -o ~/'my data' && cd ~."),
        (f"the picture '{HOME}/a.jpg'", "the picture '~/a.jpg'"),
        (f'dataset.root="{HOME}/é ü"', 'dataset.root="~/é ü"'),
        # Other paths.
        (f"/backup{HOME}/a", f"/backup{HOME}/a"),
        (f"{HOME}s/a {HOME}-old {HOME}.bak", f"{HOME}s/a {HOME}-old {HOME}.bak"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert shortened(text) == expected


def test_nested_values() -> None:
    given = {f"{HOME}/key": [Path(HOME) / "a", (f"{HOME}/b", 1, None, 2.5)], "x": {"y": HOME}}
    assert without_home(given) == {f"{HOME}/key": ["~/a", ["~/b", 1, None, 2.5]], "x": {"y": "~"}}


def test_a_home_is_known_by_its_real_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    assert shortened(f"{tmp_path}/real/a {tmp_path}/link/a") == "~/a ~/a"


@pytest.mark.parametrize("home", ["/", "", "relative"])
def test_where_there_is_no_home_nothing_is_written_otherwise(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("HOME", home)
    assert shortened("/data/x relative/y") == "/data/x relative/y"


def test_log_lines_and_their_tracebacks() -> None:
    try:
        raise OSError(f"no {HOME}/a")
    except OSError as error:
        record = logging.LogRecord("n", logging.INFO, "p", 1, "at %s", (Path(HOME) / "b",), (OSError, error, None))
    line = HomelessFormatter("%(message)s").format(record)
    assert HOME not in line
    assert line.startswith("at ~/b")
