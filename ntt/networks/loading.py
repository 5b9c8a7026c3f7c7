"""The networks that this process holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_KEPT = 2  # one encoder and one segmenter


class LoadedNetworks:
    """Kept for the next point of a sweep that runs in this process; the oldest goes when a third comes."""

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}

    def get(self, identity: str, load: Callable[[], Any]) -> Any:
        """The network of this identity, loaded unless it is held.

        Args:
            identity: of all that determines it, its device included.
            load: makes it.
        """
        if identity not in self._held:
            while len(self._held) >= _KEPT:
                del self._held[next(iter(self._held))]
            self._held[identity] = load()
        return self._held[identity]

    def clear(self) -> None:
        """Forget them."""
        self._held.clear()
