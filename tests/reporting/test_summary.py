from __future__ import annotations

from ntt.reporting.summary import report_markdown
from ntt.reporting.tables import COCO_COLUMNS

FIGURES = dict.fromkeys(COCO_COLUMNS, 0.25)
METRICS = {
    "bbox": FIGURES,
    "segm": {**FIGURES, "APs": -1.0},
    "per_class": {"cat|dog": {"bbox": FIGURES, "segm": FIGURES}},
}


def test_figures_stand_beside_the_published_ones() -> None:
    lines = report_markdown("run", METRICS, published={"bbox": 36.8}).splitlines()
    assert lines[0] == "# run"
    assert "| bbox | 25.0 | 25.0 | 25.0 | 25.0 | 25.0 | 25.0 | 25.0 | 36.8 |" in lines
    assert "| segm | 25.0 | 25.0 | 25.0 | - | 25.0 | 25.0 | 25.0 | - |" in lines
    assert "published" not in report_markdown("run", METRICS)


def test_classes_and_pictures_are_listed() -> None:
    text = report_markdown("run", METRICS, pictures={"image 7": "overlays/a b.png"})
    assert "| cat\\|dog | 25.0 | 25.0 | 25.0 | 25.0 | 25.0 | 25.0 |" in text
    assert "![image 7](<overlays/a b.png>)" in text


def test_tables_have_as_many_cells_in_each_row() -> None:
    text = report_markdown("run", {**METRICS, "per_class": {}}, published={"segm": 34.2})
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {10}
    assert "Per class" not in text
