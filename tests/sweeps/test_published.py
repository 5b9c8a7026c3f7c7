from __future__ import annotations

from pathlib import Path

import pytest

from ntt.errors import InputError
from ntt.sweeps.published import Published, methods, methods_by_kind, read_published, with_shots

ROWS = """method,split,shots,bbox_ap,bbox_ap_std,segm_ap,bbox_ap50
A,novel,1,24.5,1.5,22.9,40
B,novel,10,34.0,,,
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "published.csv"
    path.write_text(ROWS)
    return path


def test_each_filled_cell_is_a_figure(table: Path) -> None:
    figures = read_published(table, "AP")
    assert figures == [
        Published("A", "bbox", "novel", 1, 24.5, 1.5),
        Published("A", "segm", "novel", 1, 22.9, None),
        Published("B", "bbox", "novel", 10, 34.0, None),
    ]
    assert methods(figures) == ["A", "B"]


def test_another_figure_has_columns_of_its_own(table: Path) -> None:
    assert read_published(table, "AP50") == [Published("A", "bbox", "novel", 1, 40.0, None)]
    with pytest.raises(InputError, match="no published AP75"):
        read_published(table, "AP75")


def test_a_wrong_file_is_one_sentence(tmp_path: Path, table: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as CSV"):
        read_published(tmp_path / "absent.csv", "AP")
    table.write_text(ROWS.replace("split,", ""))
    with pytest.raises(InputError, match="has no column split"):
        read_published(table, "AP")
    table.write_text(ROWS.replace("34.0", "34,0"))
    with pytest.raises(InputError, match="line 3: more cells than columns"):
        read_published(table, "AP")
    table.write_text(ROWS.replace("34.0", "high"))
    with pytest.raises(InputError, match="line 3: 'high' should be a number"):
        read_published(table, "AP")


def test_rows_say_their_dataset_and_kind(tmp_path: Path) -> None:
    path = tmp_path / "published.csv"
    path.write_text(
        "method,kind,dataset,split,shots,bbox_ap\nB,fine-tuned,FISH,all,1,20.3\nA,sam-only,FISH,all,,18\nA,sam-only,UODD,all,1,9\n"
    )
    figures = read_published(path, "AP")
    assert figures == [
        Published("B", "bbox", "all", 1, 20.3, None, "FISH", "fine-tuned"),
        Published("A", "bbox", "all", 0, 18.0, None, "FISH", "sam-only"),
        Published("A", "bbox", "all", 1, 9.0, None, "UODD", "sam-only"),
    ]
    assert with_shots(figures) == [figures[0], figures[2]]
    assert list(methods_by_kind(figures).items()) == [("sam-only", ["A"]), ("fine-tuned", ["B"])]
    path.write_text(path.read_text().replace("fine-tuned", "tuned"))
    with pytest.raises(
        InputError, match="line 2: kind 'tuned' should be one of sam-only, trained-proposals, fine-tuned"
    ):
        read_published(path, "AP")
