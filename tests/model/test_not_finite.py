"""A network that gives NaN is named with the image, wherever the library asks it: never a vector or a mask of NaN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ntt
from ntt.errors import InputError, NotFinite

MASK = np.zeros((96, 128), np.uint8)
MASK[20:60, 30:70] = 1


@pytest.fixture(scope="module")
def model() -> ntt.Model:
    return ntt.load("demo", device="cpu", options=["proposals.points_per_side=6"])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


class Poisoned:
    """A network with NaN in what one of its methods gives."""

    def __init__(self, network: object, method: str) -> None:
        self._network, self._method = network, method

    def __getattr__(self, name: str) -> object:
        found = getattr(self._network, name)
        return self._poisoned(found) if name == self._method else found

    def __call__(self, *given: object) -> object:
        return self._poisoned(self._network)(*given) if self._method == "__call__" else self._network(*given)

    @staticmethod
    def _poisoned(method):
        def call(*given):
            result = method(*given)
            numbers = result if isinstance(result, torch.Tensor) else result.image_embed
            numbers[(0,) * numbers.ndim] = torch.nan
            return result

        return call


def poison(model: ntt.Model, monkeypatch: pytest.MonkeyPatch, network: str, method: str) -> str:
    whole = getattr(model._networks, network)
    monkeypatch.setitem(model._networks.__dict__, network, Poisoned(whole, method))
    return whole.name


@pytest.mark.parametrize("named", [True, False], ids=["a file", "pixels"])
def test_references_and_masks_name_the_network_and_the_image(model, photo, monkeypatch, named):
    image = str(photo) if named else np.array(Image.open(photo))
    called = str(photo) if named else "an image"
    with monkeypatch.context() as patch:
        encoder = poison(model, patch, "backbone", "__call__")
        with pytest.raises(NotFinite, match=f"^{encoder} gives numbers that are not finite .* for {called},"):
            model.add(image, "cup", mask=MASK)
        assert not model.references
    with monkeypatch.context() as patch:
        segmenter = poison(model, patch, "segmenter", "encode")
        for ask in (lambda: model.segment(image, box=(30, 20, 70, 60)), lambda: model.add(image, "c", points=[(9, 9)])):
            with pytest.raises(NotFinite, match=f"^{segmenter} gives .* for {called},"):
                ask()


@pytest.mark.parametrize(("network", "method"), [("backbone", "__call__"), ("segmenter", "encode")])
def test_a_prediction_names_the_network_and_the_image(model, photo, monkeypatch, network, method):
    fitted = ntt.load("demo", device="cpu", options=["proposals.points_per_side=6"])
    fitted.__dict__["_networks"] = model._networks
    fitted.add(photo, "cup", mask=MASK)
    name = poison(fitted, monkeypatch, network, method)
    with pytest.raises(NotFinite, match=f"^{name} gives numbers that are not finite .* for {photo},") as caught:
        fitted.predict(photo)
    assert isinstance(caught.value, InputError)
