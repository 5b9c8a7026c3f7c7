from __future__ import annotations

import pytest

from ntt.app.guards import COOKIE, Guards
from ntt.app.photos import MOST_BYTES

from .asgi import ask

OURS = {"host": "127.0.0.1:7860"}
WINDOW = {"x-ntt-window": "abcdefgh"}


async def behind(scope, receive, send):  # type: ignore[no-untyped-def]
    """Reads everything, says how much it was."""
    assert scope["type"] == "http"
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


GUARDS = Guards(behind, {"127.0.0.1:7860", "localhost:7860"})


def test_our_own_page_is_let_in_and_told_to_load_nothing_from_elsewhere() -> None:
    status, headers, body = ask(GUARDS, "GET", "/", OURS)

    assert (status, body) == (200, b"0")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert "set-cookie" not in headers


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"host": "evil.example"}, 421),  # a name that was pointed at this machine
        ("GET", {"host": "127.0.0.1:80"}, 421),
        ("GET", {}, 421),
        ("GET", {**OURS, "sec-fetch-site": "cross-site"}, 403),
        ("GET", {**OURS, "sec-fetch-site": "same-site"}, 403),
        ("GET", {**OURS, "origin": "http://evil.example"}, 403),
        ("GET", {**OURS, "origin": "null"}, 403),
        ("POST", {**OURS, "origin": "http://127.0.0.1:7860"}, 403),  # no window: a form of another page could do that
        ("POST", {**OURS, **WINDOW, "origin": "http://127.0.0.1:8000"}, 403),
        ("DELETE", OURS, 403),
        ("POST", {**OURS, **WINDOW, "origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}, 200),
        ("GET", {**OURS, "sec-fetch-site": "none"}, 200),  # typed by hand
        ("GET", {"host": "LOCALHOST:7860"}, 200),
        ("POST", {**OURS, **WINDOW, "content-length": "lots"}, 400),
        ("POST", {**OURS, **WINDOW, "content-length": str(2**40)}, 413),
    ],
)
def test_who_may_ask(method: str, headers: dict[str, str], status: int) -> None:
    assert ask(GUARDS, method, "/api/state", headers)[0] == status


def test_what_is_sent_is_counted_while_it_comes() -> None:
    headers, part = {**OURS, **WINDOW}, b"x" * 2**20

    assert ask(GUARDS, "PUT", "/api/photos", headers, [part] * (MOST_BYTES // 2**20))[2] == str(MOST_BYTES).encode()
    assert ask(GUARDS, "PUT", "/api/photos", headers, [part] * (MOST_BYTES // 2**20 + 1))[0] == 413
    assert ask(GUARDS, "POST", "/api/prompt", headers, [part] * 3)[0] == 413


def test_other_machines_show_the_token_once_and_then_a_cookie() -> None:
    guards = Guards(behind, {"box:7860"}, token="secret")
    headers = {"host": "box:7860"}

    assert ask(guards, "GET", "/", headers)[0] == 401
    assert ask(guards, "GET", "/?token=guess", headers)[0] == 401
    assert ask(guards, "GET", "/", {**headers, "cookie": f"{COOKIE}=guess"})[0] == 401
    status, found, _ = ask(guards, "GET", "/?token=secret", headers)
    assert status == 200
    assert found["set-cookie"] == f"{COOKIE}=secret; HttpOnly; SameSite=Strict; Path=/"
    assert ask(guards, "GET", "/api/state", {**headers, "cookie": f"other=1; {COOKIE}=secret"})[0] == 200
