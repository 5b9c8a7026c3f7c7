"""docs/python.md and docs/quickstart.ipynb run as they stand, on the demo's networks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from documented import ROOT
from PIL import Image

pytestmark = pytest.mark.slow


def blocks_of_the_page() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(encoding="utf-8"), re.DOTALL)


def cells_of_the_notebook() -> list[str]:
    notebook = json.loads((ROOT / "docs/quickstart.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["language"]) == (4, "python")
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("read", [blocks_of_the_page, cells_of_the_notebook])
def test_it_runs_from_top_to_bottom(read: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown: list[Image.Image] = []
    monkeypatch.setattr(Image.Image, "show", lambda picture: shown.append(picture))
    blocks = read()  # type: ignore[operator]
    names: dict[str, object] = {}

    for number, block in enumerate(blocks):
        exec(compile(block, f"block {number}", "exec"), names)

    assert len(blocks) >= 5
    assert len(json.loads((tmp_path / "found.json").read_text())["annotations"]) > 0
    assert (tmp_path / "drawn.ntt").exists()
    assert len(shown) == (read is cells_of_the_notebook)
