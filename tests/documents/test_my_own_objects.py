"""docs/my_own_objects.md: every format has its section, and the page's first commands do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from command_line import ntt
from documented import ROOT, commands
from PIL import Image
from written_labels import write_labelme
from written_world import Drawn, World, rasterised

from ntt.data.readers.catalogue import formats

PAGE = ROOT / "docs" / "my_own_objects.md"


def test_every_format_has_a_section_and_a_command() -> None:
    sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    named = {found[1]: section for section in sections if (found := re.search(r"^.*`dataset.format=(\w+)`", section))}
    assert set(named) == set(formats()) - {"drawn", "fitted", "images"}
    for section in named.values():
        assert "ntt predict --references mine" in section or "+experiment=custom" in section


@pytest.mark.integration
def test_the_first_commands_find_objects_like_the_labelled_ones(tmp_path: Path) -> None:
    check, predict = [one.words[1:] for one in commands(PAGE)][:2]
    polygon = [20.0, 30.0, 90.0, 30.0, 90.0, 90.0, 20.0, 90.0]
    picture = np.full((128, 160, 3), 60, dtype=np.uint8)
    picture[30:90, 20:90] = (200, 40, 40)
    world = World({"a.png": picture}, {"a.png": [Drawn("box", [polygon], rasterised([polygon], 128, 160))]})
    write_labelme(world, tmp_path / "mine")
    (tmp_path / "photos").mkdir()
    Image.fromarray(picture[:, ::-1]).save(tmp_path / "photos" / "b.png")
    done = ntt(*check, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "references: mine is labelme, 1 images, 1 objects" in done.stdout
    assert "A run would take this." in done.stdout
    done = ntt(*predict, "--networks", "demo", "device=cpu", "proposals.points_per_side=8", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "found" / "detections.json").is_file()
