"""The catalogue of bad configs and options: one sentence each, before any file is opened or network loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.run_here import custom, prepared, refused

GLOBAL = "# @package _global_\n"

# An experiment of one's own -> what is said.
FILES: dict[str, tuple[str | bytes, str]] = {
    "a tab": ("a:\n\t- x\n", "line 2, column 1: a tab, where YAML takes spaces only"),
    "Latin-1": (GLOBAL.encode() + b"name: r\xe9f\n", "is not UTF-8 (byte 0xe9 in line 2)"),
    "a byte order mark": (b"\xef\xbb\xbf" + GLOBAL.encode(), "begins with a byte order mark"),
    "UTF-16": ((GLOBAL + "name: x\n").encode("utf-16"), "is not UTF-8 (byte 0xff in line 1)"),
    "a NUL": (GLOBAL.encode() + b'name: "a\x00b"\n', "unacceptable character"),
    "a key twice": (GLOBAL + "name: a\nname: b\n", "found duplicate key name"),
    "an open quote": (GLOBAL + 'name: "a\n', "unexpected end of stream"),
    "an unknown anchor": (GLOBAL + "name: *x\n", "undefined alias 'x'"),
    "Python's own tag": (GLOBAL + 'name: !!python/object/apply:os.system ["x"]\n', "could not determine a constructor"),
    "a path of Windows": (GLOBAL + 'name: "C:\\q"\n', "unknown escape character"),
    "no package line": ("shots: 3\n", "begin it with the line `# @package _global_`"),
    "itself in its defaults": (GLOBAL + "defaults:\n  - it\n", "names itself in its defaults list"),
    "brackets 3000 deep": (GLOBAL + "name: " + "[" * 3000 + "]" * 3000 + "\n", "nested too deeply"),
    "a name in place of a group": (GLOBAL + "matcher: soft\n", "matcher=soft is no group of options"),
    "null in place of a group": (GLOBAL + "memory: null\n", "memory=None is no group of options"),
    "a list in place of a group": (GLOBAL + "memory: [1]\n", "Cannot merge DictConfig with ListConfig"),
    "a mistyped key": (GLOBAL + "shotz: 3\n", "Unknown option shotz: did you mean shots?"),
    "a mistyped key of a group": (GLOBAL + "matcher:\n  nms_iuo: 1\n", "Unknown option matcher.nms_iuo"),
    "a mistyped choice": (GLOBAL + "defaults:\n  - override /matcher: sofd\n", "Did you mean soft?"),
    "a mistyped group": (GLOBAL + "defaults:\n  - override /macher: soft\n", "The group macher"),
    "a yes for a number": (GLOBAL + "shots: yes\n", "shots cannot be used: Value 'True'"),
    "an unknown interpolation": (GLOBAL + "name: ${nowhere}\n", "Interpolation key 'nowhere' not found"),
    "a circle of interpolations": (GLOBAL + "name: ${split}\nsplit: ${name}\n", "Recursive interpolation"),
    "a variable that is not set": (GLOBAL + "name: ${oc.env:NTT_NOT_SET}\n", "'NTT_NOT_SET' not found"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_config_of_ones_own(tmp_path: Path, name: str) -> None:
    content, told = FILES[name]
    folder = prepared(tmp_path) / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "it.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    options = [*custom()[1:], "dataset=custom"]
    sentence = refused(tmp_path, "--config-dir", "mine", "+experiment=it", *options)
    assert told in sentence
    assert len(sentence) < 500


# Options -> what is said.
OPTIONS: dict[str, str] = {
    "split=1": "split=1 is not possible: give all, a named split, or a list",
    "split={a:1}": "is not possible: give all, a named split, or a list",
    "split=novell": "split=novell is none of all, novel",
    "=3": "every option has a key",
    "matcher=3": "takes the name of one of its choices",
    "~matcher": "matcher=None is no group of options",
    "shots=1e3": "shots cannot be used: Value '1000.0'",
    "seed=null": "seed cannot be used",
    "workers=0": "workers=0 is not possible",
    "dataset.limit=-5": "dataset.limit=-5 is not possible",
    "dataset.sample=0": "dataset.sample=0 is not possible",
    "dataset.invalid=maybe": "give one of error, skip",
    "dataset.verify=sha": "give one of stat, bytes",
    "dataset.format=cocoo": "dataset.format=cocoo is unknown",
    "dataset.reference_ids=some": "give null, all, or a list of annotation ids",
    "proposals.points_per_side=0": "a whole number above 0",
    "proposals.iou_threshold=nan": "proposals.iou_threshold=nan is not possible",
    "proposals.iou_threshold=2": "give a number below 1",
    "matcher.nms_iou=nan": "matcher.nms_iou=nan is not possible",
    "memory.context=inf": "memory.context=inf is not possible",
    "store.lease_seconds=inf": "store.lease_seconds=inf is not possible",
    "store.root=": "store.root= is not possible",
    "store.root=refs.json": "refs.json",
    "hydra.run.dir=refs.json": "something else has that name",
    "report.score=nan": "report.score=nan is not possible",
    "export.formats=yolo": "give a list",
    "export.threshold=nan": "export.threshold=nan is not possible",
    "segmenter.image_size=100": "give a multiple of 32",
    "device=cpu:1": "device=cpu:1 is not possible",
    "precision=FP32": "give one of auto, exact, fp32",
    "matcher._target_=os.system": "would run code of os, which this run does not trust",
    "backbone._target_=torch.load": "would run code of torch, which this run does not trust",
    "+stages=[{_target_:os.system}]": "would run code of os",
    "matcher._target_=ntt.run.main": "cannot be imported",
    "matcher._target_=ntt.nowhere.X": "No module named 'ntt.nowhere'",
    "hydra/launcher=slurmm": "Did you mean slurm?",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option(tmp_path: Path, option: str) -> None:
    sentence = refused(prepared(tmp_path), *custom(), option)
    assert OPTIONS[option] in sentence
    assert len(sentence) < 500
