"""A local web server with faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ntt.downloads.settings import DownloadSettings


@dataclass
class Behaviour:
    """What the server does, and what it was asked.

    A fault is called with the handler before it answers, and sets its `status` (an error instead of the file) or its
    `cut` (bytes after which the body ends, and seconds that it stalls first). Each is used once.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    etag: str | None = '"one"'
    headers: dict[str, str] = field(default_factory=dict)
    send_length: bool = True
    faults: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    requests: list[tuple[str, str | None, int]] = field(default_factory=list)
    url: str = ""

    def ranges_asked(self) -> list[str | None]:
        """The Range header of each request in order."""
        return [asked for _, asked, _ in self.requests]

    def bytes_sent(self) -> list[int]:
        """The bytes of the body that each request was sent, in order."""
        return [sent for _, _, sent in self.requests]


@pytest.fixture
def server() -> Iterator[Behaviour]:
    behaviour = Behaviour()

    class Handler(BaseHTTPRequestHandler):
        status: int | None = None
        cut: tuple[int, float] | None = None

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if behaviour.faults:
                behaviour.faults.pop(0)(self)
            body = behaviour.files.get(self.path)
            start = self._start()
            if body is None:
                self.status = 404
            elif start is not None and start >= len(body):
                self.status = 416
            rest = b"" if self.status or body is None else body[start or 0 :]
            sent = rest if self.cut is None else rest[: self.cut[0]]
            # Before the answer: the client may look at the record as soon as it has one.
            behaviour.requests.append((self.path, self.headers.get("Range"), len(sent)))
            if self.status or body is None:
                self.send_error(self.status or 404)
                return
            self.send_response(200 if start is None else 206)
            if start is not None:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            if behaviour.send_length:
                self.send_header("Content-Length", str(len(rest)))
            if behaviour.etag:
                self.send_header("ETag", behaviour.etag)
            for name, value in behaviour.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)
            self.wfile.flush()
            if self.cut is not None:
                time.sleep(self.cut[1])

        def _start(self) -> int | None:
            asked = self.headers.get("Range")
            current = self.headers.get("If-Range") in (None, behaviour.etag)
            if asked is None or not behaviour.ranges or not current:
                return None
            return int(asked.removeprefix("bytes=").removesuffix("-"))

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Clients that hang up are part of these tests."""

    running = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    behaviour.url = f"http://127.0.0.1:{running.server_port}"
    yield behaviour
    running.shutdown()
    running.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies do not lead to this server."""
    for name in ("http_proxy", "HTTP_PROXY", "NTT_OFFLINE", "NTT_MIRROR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hasty() -> DownloadSettings:
    """Settings that do not pause between attempts."""
    return DownloadSettings(timeout=10.0, retries=2, backoff=0.001)
