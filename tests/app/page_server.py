"""A server of the page as a user starts it, and a real browser for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def serving(*arguments: str, cwd: Path) -> Iterator[str]:
    """The address of ``ntt app ARGUMENTS``."""
    command = [sys.executable, "-m", "ntt", "app", *arguments, "--port", "0", "--no-browser"]
    server = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    try:
        line = server.stdout.readline()
        address = re.search(r"http://\S+", line)
        assert address, line
        yield address[0]
    finally:
        server.terminate()
        server.wait(30)
        server.stdout.close()


@contextmanager
def browsing() -> Iterator[Any]:
    """A real, headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'ntt-segment[browser]'")
    with playwright.sync_playwright() as drivers:
        browser = drivers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def shows(locator: Any, text: str) -> None:
    """Wait until an element's text holds a text. The page's own rules forbid that a test evaluates its conditions."""
    _expect(locator).to_contain_text(text, timeout=60_000)


def counts(locator: Any, count: int) -> None:
    """Wait until there are so many elements."""
    _expect(locator).to_have_count(count, timeout=60_000)


def _expect(locator: Any) -> Any:
    from playwright.sync_api import expect

    return expect(locator)
