"""Whatever a parser raises is one InputError, and nothing of ours is hidden by it."""

from __future__ import annotations

import json
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from mutations import damaged_bytes, damaged_json

from ntt.errors import InputError
from ntt.foreign.documents import object_or_none, parse_json, read_json, read_object, read_yaml
from ntt.foreign.parsing import parsing


def refusal(reason: str) -> InputError:
    return InputError(f"refused: {reason}")


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (ValueError("two\n  lines"), "two lines"),
        (KeyError("name"), "'name'"),
        (zipfile.BadZipFile("bad magic"), "bad magic"),
        (RecursionError("maximum recursion depth exceeded"), "it is nested too deeply"),
        (MemoryError(), "there is not enough memory for what it says it holds"),
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (AssertionError(), "AssertionError"),
        (ValueError("x" * 1000), "x" * 200 + "..."),
        (type("PanicException", (BaseException,), {})("index out of bounds"), "index out of bounds"),
    ],
)
def test_what_a_parser_raises_is_one_input_error(raised: BaseException, reason: str) -> None:
    with pytest.raises(InputError) as caught, parsing(refusal):
        raise raised
    assert str(caught.value) == f"refused: {reason}"
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), SystemExit(1), InputError("already said")])
def test_what_is_no_damage_passes(raised: BaseException) -> None:
    with pytest.raises(type(raised)) as caught, parsing(refusal):
        raise raised
    assert caught.value is raised


def test_what_is_told_apart_elsewhere_passes() -> None:
    with pytest.raises(KeyError), parsing(refusal, (KeyError,)):
        raise KeyError("name")


def test_json_of_any_depth_is_read_or_refused() -> None:
    with pytest.raises(InputError, match=r"deep\.json: not a readable json file \(it is nested too deeply\); mend it"):
        parse_json("[" * 100_000, "deep.json", "mend it")


def test_documents_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"a": [1]}')
    assert read_json(file, "") == read_object(file, "") == object_or_none(file) == {"a": [1]}
    assert read_yaml(file, "").a[0] == 1
    file.write_text("[1]")
    assert read_json(file, "") == [1]
    assert object_or_none(file) is None
    with pytest.raises(InputError, match=r"a\.json: no json object but list stands in it; mend it"):
        read_object(file, "mend it")
    assert object_or_none(tmp_path / "b.json") is None
    with pytest.raises(InputError, match=r"b\.json: cannot be read \(No such file or directory\); mend it"):
        read_json(tmp_path / "b.json", "mend it")


@given(damaged_json({"a": [1, {"b": None}]}))
def test_damaged_json_is_a_value_or_refused(raw: bytes) -> None:
    try:
        value = parse_json(raw, "a.json", "mend it")
    except InputError:
        return
    assert value == value or json.dumps(value)


YAML = b"name: demo\nshots: 5\nsplit: [a, b]\nstart: 2001-01-01\nnet:\n  weights: ${name}/net.pth\n  <<: {k: !!int 3}\n"


@given(raw=damaged_bytes(YAML))
@example(b"start: 2001-99-99\n")  # the date is a ValueError of datetime
@example(b"a: !!int x\n")
@example(b"a: !!bool x\n")
@example(b"? [a]\n: b\n")
@example(b"3\n")
@example(b"\xff\xfe")
def test_damaged_yaml_is_a_config_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "a.yaml"
    file.write_bytes(raw)
    with suppress(InputError):
        read_yaml(file, "mend it")
