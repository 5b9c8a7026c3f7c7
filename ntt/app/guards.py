"""What stands before every request: who may ask, from which page, and how much may come in.

The server reads photographs of a folder and takes pictures, so it must not serve other pages of the same browser:

    Host            one of the server's own names, or a page of another name that was pointed at 127.0.0.1 could read
                    everything (DNS rebinding)
    Origin          of requests that change something, and Sec-Fetch-Site of all: our own page, nobody else's
    X-Ntt-Window    on everything below /api that answers with data: a header that no form and no image can set
    token           where the server is reachable from other machines: once in the address, then in a cookie
    length          of what is sent, counted while it comes
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from ntt.app.photos import MOST_BYTES

COOKIE = "ntt_token"
WINDOW = "x-ntt-window"
_MOST_TEXT = 2 * 2**20  # bytes of a request that brings no picture
_UPLOADS = ("/api/photos", "/api/model")
_CHANGING = ("POST", "PUT", "DELETE", "PATCH")
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class _TooMuch(Exception):
    """More was sent than may be."""


class Guards:
    """Refuses what must not come in; an ASGI application around another one.

    Args:
        application: behind the guards.
        hosts: values of the Host header that are ours, such as 127.0.0.1:8000.
        token: that every request has to show; None on loopback.
    """

    def __init__(self, application: Application, hosts: Collection[str], token: str | None = None) -> None:
        self._application = application
        self._hosts = {host.lower() for host in hosts}
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._application(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused:
            await _answer(send, *refused)
            return
        most = MOST_BYTES if scope["path"] in _UPLOADS else _MOST_TEXT
        counted, started = 0, False

        async def counting() -> MutableMapping[str, Any]:
            nonlocal counted
            message = await receive()
            counted += len(message.get("body", b""))
            if counted > most:
                raise _TooMuch
            return message

        async def guarded(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = {name.lower() for name, _ in message["headers"]}
                more = [(k.encode(), v.encode()) for k, v in _HEADERS.items() if k.encode() not in own]
                message = {**message, "headers": [*message["headers"], *more, *self._cookie(scope)]}
            await send(message)

        try:
            await self._application(scope, counting, guarded)
        except _TooMuch:
            if not started:
                await _answer(send, 413, f"More than {most // 2**20} MB: that is too much.")

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return 421, "This server is not called so: use the address that it printed."
        if self._token is not None and not self._shows_token(scope, headers):
            return 401, "Open the address with the token that `ntt app` printed."
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "Requests of other pages are refused."
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host:
            return 403, "Requests of other pages are refused."
        if scope["method"] in _CHANGING and WINDOW not in headers:
            return 403, f"Requests that change something need the header {WINDOW}."
        try:
            length = int(headers.get("content-length", "0"))
        except ValueError:
            return 400, "The request's length is no number."
        if length > (MOST_BYTES if scope["path"] in _UPLOADS else _MOST_TEXT):
            return 413, f"More than {MOST_BYTES // 2**20} MB: that is too much."
        return None

    def _shows_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        shown = [*parse_qs(scope["query_string"].decode("latin-1")).get("token", [])]
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        if COOKIE in cookies:
            shown.append(cookies[COOKIE].value)
        return any(hmac.compare_digest(one.encode(), str(self._token).encode()) for one in shown)

    def _cookie(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        if self._token is None or scope["path"] != "/":
            return []
        return [(b"set-cookie", f"{COOKIE}={self._token}; HttpOnly; SameSite=Strict; Path=/".encode())]


async def _answer(send: Send, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    headers += [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})
