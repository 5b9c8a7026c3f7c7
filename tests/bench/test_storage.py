from __future__ import annotations

import pytest

from ntt.bench.storage import images, main, sizes, stored


def test_what_an_image_takes_is_the_sum_of_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--images", "1", "--masks", "6", "--dim", "4"]) == 0
    assert "masks on the grid" in capsys.readouterr().out
    (image,) = images(None, 1, 6)
    found = sizes(stored(*image, dim=4))
    assert found["masks"] > 3
    assert found["all"] > found["masks on the grid"] + found["vectors"] + found["run lengths"] + found["overlaps"]
    assert found["vectors"] >= 2 * 4 * found["masks"]
