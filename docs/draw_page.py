"""Draws the page in its states into docs/app/: a real server, a real browser, drawn scenes.

python docs/draw_page.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

from ntt.drawn.dataset import write_world

FOLDER = Path(__file__).parent / "app"
PLACES = {"button": (67, 262), "tree": (243, 69)}  # of two objects in the first scene, in pixels


def main() -> None:
    """Serve twelve scenes and take the pictures."""
    chromium = shutil.which("chromium") or sys.exit("there is no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_world(root / "world", 1, 12, seed=1)
        command = [sys.executable, "-m", "ntt", "app", str(root / "world" / "val"), "--networks", "demo", "--port", "0"]
        server = subprocess.Popen(
            [*command, "--no-browser", "device=cpu", "store.root=store"], cwd=root, stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout
            address = re.search(r"http://\S+", server.stdout.readline())
            assert address
            with sync_playwright() as drivers:
                browser = drivers.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                take(browser.new_page(viewport={"width": 1280, "height": 860}), address[0])
        finally:
            server.terminate()
            server.wait()


def take(page: Any, address: str) -> None:
    """Go through the states."""
    FOLDER.mkdir(exist_ok=True)
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector("#list button")
    page.wait_for_timeout(500)
    shoot(page, "1-opened")
    page.click("#list button")
    page.wait_for_selector("#canvas:focus")
    click(page, "button")
    shoot(page, "2-clicked")
    page.fill("#name", "button")
    page.click("#refer")
    page.wait_for_selector("#hits .what")
    click(page, "tree")
    page.fill("#name", "tree")
    page.click("#refer")
    expect(page.locator("#references li")).to_have_count(2)
    expect(page.locator("#progress")).to_contain_text("12 of 12", timeout=60_000)
    page.locator("#threshold").fill("0.4")
    page.mouse.move(1270, 600)
    page.wait_for_timeout(300)
    shoot(page, "3-found")
    page.emulate_media(color_scheme="dark")
    shoot(page, "4-dark")
    page.set_viewport_size({"width": 400, "height": 860})
    page.wait_for_timeout(300)
    shoot(page, "5-narrow")


def click(page: Any, name: str) -> None:
    """Click an object of the first scene."""
    area = page.locator("#canvas").bounding_box()
    x, y = (place * area["width"] / 320 for place in PLACES[name])
    page.mouse.click(area["x"] + x, area["y"] + y)
    page.wait_for_selector("#naming:not([hidden])")


def shoot(page: Any, name: str) -> None:
    """Take a picture of what is in view."""
    page.screenshot(path=FOLDER / f"{name}.jpg", type="jpeg", quality=72)


if __name__ == "__main__":
    main()
