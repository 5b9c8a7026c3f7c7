"""How downloads reach the network: options first, else environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ntt.errors import InputError

_OFF = ("", "0", "false", "no")


@dataclass(frozen=True)
class DownloadSettings:
    """Patience, mirror and permission of a download.

    Proxies are not here: the standard variables (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) hold for every request.

    Attributes:
        offline: never touch the network; whatever would need it is an error.
        mirror: ``https://host/prefix`` put in the place of every official host, None to ask the official hosts.
        timeout: seconds without a byte after which a connection counts as stalled.
        retries: failures in a row, without new bytes between them, after which a download is given up.
        backoff: seconds before the first retry; doubled for each further one, up to a minute.
    """

    offline: bool = False
    mirror: str | None = None
    timeout: float = 30.0
    retries: int = 5
    backoff: float = 1.0

    def __post_init__(self) -> None:
        if self.mirror is not None and urlsplit(self.mirror).scheme not in ("http", "https"):
            raise InputError(f"The mirror {self.mirror} (NTT_MIRROR) is no address: give https://host/prefix.")
        if not self.timeout > 0:
            raise InputError(f"A timeout of {self.timeout} seconds is not possible: give a number above 0.")
        if self.retries < 0:
            raise InputError(f"{self.retries} retries are not possible: give 0 or more.")

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> DownloadSettings:
        """NTT_OFFLINE=1 and NTT_MIRROR=https://host/prefix; the rest as it is by default.

        Raises:
            InputError: NTT_MIRROR is no address.
        """
        return DownloadSettings(offline=is_offline(environment), mirror=environment.get("NTT_MIRROR") or None)

    def source(self, url: str) -> str:
        """Where ``url`` is asked for: itself, or the same path at the mirror."""
        if self.mirror is None:
            return url
        parts = urlsplit(url)
        return self.mirror.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")


def is_offline(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether NTT_OFFLINE forbids the network."""
    return environment.get("NTT_OFFLINE", "").lower() not in _OFF


def keep_libraries_offline() -> None:
    """Under NTT_OFFLINE, hold the Hub client and W&B back too; call it before either is imported."""
    if is_offline():
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ.setdefault("WANDB_MODE", "offline")
