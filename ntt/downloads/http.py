"""Download one file: resumed after every interruption, checked, and only then given its name."""

from __future__ import annotations

import http.client
import logging
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

from ntt.downloads.parts import Entity, Part
from ntt.downloads.settings import DownloadSettings
from ntt.errors import InputError
from ntt.screen.transfers import Report, format_size, track_bytes
from ntt.store.hashing import file_sha256
from ntt.store.leases import Leases

log = logging.getLogger(__name__)

_CHUNK = 1 << 18
_LONGEST_PAUSE = 60.0
_POLL = 0.2  # seconds between two looks at somebody else's lease
# New bytes that make the next failure count as the first: a long download over a bad line may fail often.
_HEADWAY = 1 << 20
# Request timeout, too early, too many requests: the same request may succeed later.
_PASSING = (408, 425, 429)
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Interrupted(Exception):
    """A transfer that ended early for a reason that may pass."""


def download(
    url: str, target: Path, settings: DownloadSettings, size: int | None = None, sha256: str | None = None
) -> str:
    """Bring ``url`` to ``target``, continuing what an earlier call left; returns the sha256 of the file.

    Until it is complete and checked the file is called NAME.part. Several processes may ask for the same target:
    one fetches, the others wait and use its file.

    Args:
        url: the official address; the mirror of ``settings`` may answer in its place.
        target: where the file comes to lie; its folder is made. A file that is already there is not fetched.
        size: bytes that the file must have, None where nobody published it.
        sha256: hex digest that the file must have, or its first digits; None where nobody published it.

    Raises:
        InputError: the network is forbidden, the server has no such file or another one, the transfer failed
            ``settings.retries`` times in a row, or the folder cannot be written.
    """
    if settings.offline and not target.is_file():
        raise InputError(
            f"{target} is not there and NTT_OFFLINE forbids fetching it: fetch it on a machine with network into "
            f"the same folder, or copy {url} there."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone_with(target):
            if target.is_file():
                return file_sha256(target)
            return _complete(Part(target), url, target.name, settings, size, sha256)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}.") from error


@contextmanager
def _alone_with(target: Path) -> Iterator[None]:
    """Hold the lease on ``target``, beside it; wait while another process, here or elsewhere, holds it."""
    leases = Leases(target.parent)
    waiting = False
    while leases.claim(target.name) is None:
        if not waiting:
            log.info("%s is being fetched by another process; waiting for it", target.name)
        waiting = True
        time.sleep(_POLL)
    try:
        yield
    finally:
        leases.release(target.name)


def _complete(part: Part, url: str, name: str, settings: DownloadSettings, size: int | None, sha256: str | None) -> str:
    failures, farthest = 0, part.size()
    with track_bytes(name) as report:
        while True:
            try:
                resumed = _transfer(part, url, settings, size, report)
                digest = file_sha256(part.path)
                if sha256 is None or digest.startswith(sha256):
                    part.publish()
                    return digest
                part.discard()
                if not resumed:
                    raise InputError(
                        f"{settings.source(url)} sent other bytes than expected: their sha256 is {digest}, "
                        f"not {sha256}; nothing was kept. Ask another mirror, or report the change."
                    )
                raise Interrupted(f"the resumed file has the sha256 {digest}, not {sha256}")
            except Interrupted as error:
                if part.size() >= farthest + _HEADWAY:
                    failures = 0
                failures, farthest = failures + 1, max(farthest, part.size())
                if failures > settings.retries:
                    raise InputError(
                        f"{settings.source(url)} could not be fetched: {error} (attempt {failures} of {failures}); "
                        f"the same command continues at {format_size(part.size())}."
                    ) from error
                pause = min(settings.backoff * 2 ** (failures - 1), _LONGEST_PAUSE)
                log.warning("%s: %s; trying again in %.3g s", name, error, pause)
                time.sleep(pause)


def _transfer(part: Part, url: str, settings: DownloadSettings, size: int | None, report: Report) -> bool:
    """One request, until the part is complete; whether it continued an earlier one.

    Raises:
        Interrupted: worth another attempt.
        InputError: not worth one.
    """
    known, start = part.entity(), part.size()
    if known is None or known.url != url or known.validator is None:
        known, start = None, 0
    if known and start and start == known.length:
        return True  # complete, but the process died before it could be checked
    request = urllib.request.Request(settings.source(url), headers={"User-Agent": "ntt", "Accept-Encoding": "identity"})
    if known and known.validator and start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", known.validator)
    with closing(_ask(request, part, settings.timeout)) as response:
        start = _accept(part, response, url, settings, size, start)
        _receive(part, response, start, settings.timeout, report)
    return start > 0


def _ask(request: urllib.request.Request, part: Part, timeout: float) -> http.client.HTTPResponse:
    try:
        # A fresh opener reads the proxy variables as they are now.
        response: http.client.HTTPResponse = urllib.request.build_opener().open(request, timeout=timeout)
        return response
    except urllib.error.HTTPError as error:
        with closing(error):
            _explain_status(part, error.code, request.full_url)
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(_reason(error, timeout)) from error


def _accept(
    part: Part, response: http.client.HTTPResponse, url: str, settings: DownloadSettings, size: int | None, asked: int
) -> int:
    """Look at the answer's head; the byte at which its body starts. Refuses what cannot be the file."""
    source = settings.source(url)
    sent = response.headers.get("Content-Length")
    if response.status == 206:
        span = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        known = part.entity()
        if span is None or int(span[1]) != asked or known is None or span[3] not in ("*", str(known.length)):
            part.discard()
            raise Interrupted("the server sent another range than asked for")
        return asked
    if "text/html" in response.headers.get("Content-Type", ""):
        raise InputError(
            f"{source} answered with a web page instead of the file: look whether a proxy or a login stands between."
        )
    length = int(sent) if sent and sent.isdigit() else None
    if size is not None and length is not None and length != size:
        raise InputError(
            f"{source} is another file than expected: it has {length} bytes, not {size}; nothing was kept. "
            "Ask another mirror, or report the change."
        )
    part.begin(Entity(url, _validator(response.headers), size if length is None else length))
    return 0


def _validator(headers: http.client.HTTPMessage) -> str | None:
    tag = headers.get("ETag")
    # A weak tag promises the same meaning, not the same bytes.
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")


def _receive(part: Part, response: http.client.HTTPResponse, start: int, timeout: float, report: Report) -> None:
    entity = part.entity()
    total = entity.length if entity else None
    done = start
    report(done, total)
    with part.path.open("ab") as file:
        while piece := _read(response, timeout):
            file.write(piece)
            done += len(piece)
            report(done, total)
    if total is not None and done > total:
        part.discard()
        raise Interrupted(f"{done} bytes came, more than the {total} announced")
    if total is not None and done < total:
        raise Interrupted(f"the connection ended after {format_size(done)} of {format_size(total)}")


def _read(response: http.client.HTTPResponse, timeout: float) -> bytes:
    # Apart from the writing, whose errors (a full disk) no further attempt mends.
    try:
        return response.read1(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(_reason(error, timeout)) from error


def _explain_status(part: Part, status: int, source: str) -> NoReturn:
    if status == 416:
        part.discard()
        raise Interrupted("the server does not have the rest that was asked for")
    if status >= 500 or status in _PASSING:
        raise Interrupted(f"the server answered {status} {http.client.responses.get(status, '')}".rstrip())
    if status in (401, 403):
        raise InputError(f"{source} may not be read ({status}): look whether it wants a login or a licence accepted.")
    if status in (404, 410):
        raise InputError(f"{source} does not exist ({status}): check the address, or the mirror if one is set.")
    raise InputError(f"{source} was refused with status {status}.")


def _reason(error: Exception, timeout: float) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no byte came for {timeout:g} s"
    return str(cause) or type(cause).__name__
