"""Whoever waits for another process says for which one, and until when."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from ntt.store.artifacts import Artifact
from ntt.store.leases import Leases

log = logging.getLogger(__name__)

_SILENT_SECONDS = 2.0  # of waiting before anything is said: most waits are shorter
_REPEAT_SECONDS = 60.0  # between two sentences on the same holder


class Waiting:
    """The waits of one process for what others are making.

    Args:
        leases: that the others hold.
    """

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._since: float | None = None
        self._said: dict[str, float] = {}  # holder -> when

    def over(self) -> None:
        """There is something to do again."""
        self._since = None

    def on(self, artifacts: Sequence[Artifact]) -> None:
        """Called again and again while there is nothing to do but to wait for these."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if now - self._since < _SILENT_SECONDS:
            return
        for artifact in artifacts:
            name = f"{artifact.stage}-{artifact.key}"
            holder, left = self._leases.holder(name), self._leases.seconds_left(name)
            if (
                holder is None
                or left is None
                or now - self._said.get(holder.process, -_REPEAT_SECONDS) < _REPEAT_SECONDS
            ):
                continue
            self._said[holder.process] = now
            who = f"process {holder.process.partition(' ')[0]} on {holder.host}" if holder.host else "another process"
            until = time.strftime("%H:%M:%S", time.localtime(time.time() + left))
            more = f" and {len(artifacts) - 1} more" if len(artifacts) > 1 else ""
            log.info(
                "waiting for %s %s%s: %s is making it; without a sign of life until %s it is made here",
                *(artifact.stage, artifact.key, more, who, until),
            )
