"""What has arrived of a file: NAME.part beside its final place, and NAME.part.json with what it is a part of."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ntt.foreign.documents import object_or_none

READABLE_BY_ALL = 0o644


@dataclass(frozen=True)
class Entity:
    """Which bytes a server has under an address.

    Attributes:
        url: the address asked, without the mirror.
        validator: its strong ETag, else its Last-Modified; None where the server gives neither.
        length: bytes of the whole file; None where the server does not say.
    """

    url: str
    validator: str | None
    length: int | None


class Part:
    """The part file of ``target``. Only the holder of the target's lease may use it."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._facts = target.with_name(f"{target.name}.part.json")
        self._target = target
        # Somebody else's in a shared cache: it can be replaced, not continued.
        if self.path.exists() and not os.access(self.path, os.W_OK):
            self.discard()

    def size(self) -> int:
        """Bytes that are there."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def entity(self) -> Entity | None:
        """What it is a part of; None where that is not known."""
        match object_or_none(self._facts):
            case {"url": str(url), "validator": str() | None as validator, "length": int() | None as length}:
                # It goes into a request's header.
                sound = validator is None or (validator.isascii() and validator.isprintable())
                return Entity(url, validator, length) if sound else None
        return None

    def begin(self, entity: Entity) -> None:
        """Empty it, for the bytes of ``entity``."""
        # First the bytes: facts without them are harmless, the bytes of one entity with the facts of another not.
        self.discard()
        self.path.touch()
        self._facts.write_text(json.dumps(asdict(entity)))

    def discard(self) -> None:
        """Remove what is there."""
        self.path.unlink(missing_ok=True)
        self._facts.unlink(missing_ok=True)

    def publish(self) -> None:
        """Give the complete file its final name; it is on disk before anybody can see it."""
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        self.path.chmod(READABLE_BY_ALL)
        self.path.replace(self._target)
        self._facts.unlink(missing_ok=True)
