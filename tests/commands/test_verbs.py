"""The first word: what is a verb, what is answered at once, and what is nearly one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ntt import __version__
from ntt.commands.verbs import VERBS, answer, as_run
from ntt.errors import InputError


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_verb_with_examples(arguments: list[str]) -> None:
    said = answer(arguments) or ""

    assert all(f"  {verb} " in said for verb in VERBS)
    assert "ntt predict --references" in said


def test_the_version_is_ours() -> None:
    assert answer(["--version"]) == f"ntt {__version__}"
    assert answer(["+experiment=demo"]) is None


def test_run_and_demo_are_options_for_hydra() -> None:
    assert as_run(["run", "+experiment=demo", "shots=3"]) == as_run(["+experiment=demo", "shots=3"])
    assert as_run(["demo", "shots=3"]) == ["+experiment=demo", "shots=3"]
    assert as_run(["--cfg", "job"]) == ["--cfg", "job"]


def test_a_verb_that_is_nearly_one_is_suggested() -> None:
    with pytest.raises(InputError, match="did you mean `ntt predict`"):
        as_run(["pedict"])
    with pytest.raises(InputError, match="there are demo, predict"):
        as_run(["xyzzy"])


def test_the_module_answers_without_anything_heavy() -> None:
    code = "import sys, runpy\ntry: runpy.run_module('ntt', run_name='__main__')\n"
    code += "except SystemExit as end: assert not end.code\n"
    code += "print('heavy:', {'torch', 'transformers', 'sam2', 'wandb', 'PIL'} & set(sys.modules))"
    for words in ([], ["predict", "--help"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert "heavy: set()" in done.stdout, done.stderr
        assert "Examples" in done.stdout or "examples:" in done.stdout


def test_a_threshold_is_that_of_the_export_and_not_the_segmenters() -> None:
    from ntt.commands.composition_errors import _nearest, option_names
    from ntt.run import conf_folder

    hint = _nearest("threshold", option_names(conf_folder()))

    assert "export.threshold" in hint
    assert "iou_threshold" not in hint
