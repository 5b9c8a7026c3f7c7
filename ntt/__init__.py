"""ntt: training-free, reference-based instance segmentation.

import ntt

model = ntt.load("demo")
model.add("yard.jpg", "robin", box=(120, 80, 260, 190))
found = model.predict("photo.jpg")
found.show()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Found", "Model", "load"]

if TYPE_CHECKING:
    from ntt.model.found import Found
    from ntt.model.load import load
    from ntt.model.model import Model

_FACE = {"load": "ntt.model.load", "Model": "ntt.model.model", "Found": "ntt.model.found"}


def __getattr__(name: str) -> Any:
    """The library's names, imported when somebody asks: the command line must not pay for them."""
    if name in _FACE:
        from importlib import import_module

        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'ntt' has no attribute {name!r}")
