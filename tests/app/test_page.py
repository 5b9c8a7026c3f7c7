"""The page in a real browser, on the demo's networks: what a person does with it, from the folder to the export."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import log_of, ntt
from pycocotools import mask as coco_mask

from ntt.drawn.dataset import write_world

from .page_server import browsing, counts, serving, shows

pytestmark = pytest.mark.integration
IMAGES = 4


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page") / "world"
    write_world(root, 1, IMAGES, seed=1)
    return root


@pytest.fixture(scope="module")
def address(world: Path) -> Iterator[str]:
    options = ["--networks", "demo", "device=cpu", "store.root=store"]
    with serving(str(world / "val"), *options, cwd=world.parent) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as found:
        yield found


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    told: list[str] = []
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(address)
    opened.wait_for_selector("#list button")
    yield opened
    assert [text for text in told if "status of 400" not in text] == []  # a refusal, which the page shows itself
    assert [url for url in asked if not url.startswith((address, "blob:", "data:"))] == []
    context.close()


@pytest.fixture(scope="module")
def objects(world: Path) -> list[dict[str, Any]]:
    """The objects of the first photograph, largest first, with the place that a person would click."""
    truth = json.loads((world / "annotations" / "instances_val.json").read_text())
    names = {category["id"]: category["name"] for category in truth["categories"]}
    found = [one for one in truth["annotations"] if one["image_id"] == 1]
    for one in found:
        rows, columns = np.nonzero(coco_mask.decode(one["segmentation"]))
        middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
        one["place"], one["name"] = (columns[middle] + 0.5, rows[middle] + 0.5), names[one["category_id"]]
    return sorted(found, key=lambda one: -one["area"])


def open_photograph(page: Any, place: int = 1) -> None:
    page.click(f"#list li:nth-child({place}) button")
    shows(page.locator("#hint"), "draw a box")


def click(page: Any, place: tuple[float, float]) -> None:
    area = page.locator("#canvas").bounding_box()
    scale = area["width"] / 320
    page.mouse.click(area["x"] + place[0] * scale, area["y"] + place[1] * scale)
    page.wait_for_selector("#naming:not([hidden])")


def refer(page: Any, one: dict[str, Any]) -> None:
    click(page, one["place"])
    page.fill("#name", one["name"])
    page.click("#refer")
    page.wait_for_selector("#naming", state="hidden")


def all_looked_at(page: Any) -> None:
    shows(page.locator("#progress"), f"{IMAGES} of {IMAGES}")


def objects_listed(page: Any) -> int:
    return page.locator("#hits .what").count()


def exported(page: Any) -> zipfile.ZipFile:
    with page.expect_download() as download:
        page.click("#export button[type=submit]")
    return zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))


def test_one_clicked_object_is_found_everywhere_and_exported_as_predict_does(
    page: Any, world: Path, objects: list[dict[str, Any]]
) -> None:
    open_photograph(page)
    click(page, objects[0]["place"])
    assert page.locator("#choices input").count() >= 2  # a mask to begin with, and others
    page.fill("#name", objects[0]["name"])
    page.click("#refer")
    page.wait_for_selector("#hits .what")
    other = next(one for one in objects if one["name"] != objects[0]["name"])
    refer(page, other)
    counts(page.locator("#references li"), 2)
    all_looked_at(page)

    page.check("#formats input[value=labelme]")
    archive = exported(page)

    (world / "refs.json").write_bytes(archive.read("references.json"))
    photographs = str(world / "val")
    done = ntt(
        *["predict", "--references", str(world / "refs.json"), "--reference-images", photographs],
        *["--images", photographs, "--out", str(world / "found"), "--networks", "demo", "--export", "labelme"],
        *["device=cpu", f"store.root={world.parent / 'store'}", "report.pictures=0"],
        cwd=world.parent,
    )
    log_of(done)
    for name in ("detections.json", "predictions.json"):
        assert json.loads(archive.read(name)) == json.loads((world / "found" / name).read_text()), name
    assert len(json.loads(archive.read("predictions.json"))) > 10
    files = [name for name in archive.namelist() if name.startswith("exports/labelme/") and name.endswith(".json")]
    assert len(files) == IMAGES
    for name in files:
        assert json.loads(archive.read(name)) == json.loads((world / "found" / name).read_text()), name


def test_the_threshold_shows_less_and_exports_less(page: Any, objects: list[dict[str, Any]]) -> None:
    open_photograph(page)
    refer(page, objects[0])
    all_looked_at(page)
    page.wait_for_selector("#hits .what")
    many = objects_listed(page)

    page.locator("#threshold").fill("0.6")

    few = objects_listed(page)
    assert 0 < few < many
    archive = exported(page)
    found = json.loads(archive.read("detections.json"))["annotations"]
    assert found
    assert min(one["score"] for one in found) >= 0.6
    assert min(one["score"] for one in json.loads(archive.read("predictions.json"))) < 0.6


def test_corrections_are_kept_until_they_are_undone(page: Any, objects: list[dict[str, Any]]) -> None:
    open_photograph(page)
    refer(page, objects[0])
    page.wait_for_selector("#hits .what")
    all_looked_at(page)
    before = page.locator("#hits .what").all_inner_texts()

    page.locator("#hits button", has_text="Delete").first.click()
    counts(page.locator("#hits .what"), len(before) - 1)
    page.on("dialog", lambda dialog: dialog.accept("something else"))
    page.locator("#hits button", has_text="Rename").first.click()
    page.wait_for_selector("#hits .what:has-text('something else')")
    click(page, objects[1]["place"])
    page.fill("#name", "drawn by hand")
    page.click("#add")
    page.wait_for_selector("#hits .what:has-text('drawn by hand')")
    archive = exported(page)
    page.click("#restore")
    page.wait_for_selector("#restore", state="hidden")

    names = [one["name"] for one in json.loads(archive.read("detections.json"))["categories"]]
    assert names[0] == objects[0]["name"]
    assert set(names[1:]) == {"something else", "drawn by hand"}
    assert page.locator("#hits .what").all_inner_texts() == before


def test_a_reference_that_is_removed_changes_what_is_found(page: Any, objects: list[dict[str, Any]]) -> None:
    open_photograph(page)
    refer(page, objects[0])
    page.wait_for_selector("#hits .what")
    all_looked_at(page)
    before = page.locator("#hits .what").all_inner_texts()
    other = next(one for one in objects if one["name"] != objects[0]["name"])
    refer(page, other)
    page.wait_for_selector(f"#hits .what:has-text('{other['name']}')")

    page.click(f"#references button[aria-label='Remove this reference of {other['name']}']")

    counts(page.locator("#references li"), 1)
    assert page.locator("#hits .what").all_inner_texts() == before


def test_a_saved_model_begins_another_window(page: Any, objects: list[dict[str, Any]], tmp_path: Path) -> None:
    open_photograph(page)
    refer(page, objects[0])
    page.wait_for_selector("#hits .what")
    all_looked_at(page)
    before = page.locator("#hits .what").all_inner_texts()
    with page.expect_download() as download:
        page.click("#save-model")
    download.value.save_as(tmp_path / "one.ntt")

    page.click("#references button")
    counts(page.locator("#hits .what"), 0)
    page.set_input_files("#load-model", tmp_path / "one.ntt")

    page.wait_for_selector("#hits .what")
    assert page.locator("#hits .what").all_inner_texts() == before


def test_two_windows_do_not_mix(page: Any, objects: list[dict[str, Any]]) -> None:
    open_photograph(page)
    refer(page, objects[0])
    page.wait_for_selector("#references li")

    with page.context.expect_page() as opened:  # a window that this one opens inherits its session
        page.evaluate("window.open('/')")
    second = opened.value
    second.wait_for_selector("#list button")
    second.wait_for_timeout(300)

    assert second.locator("#references li").count() == 0
    assert second.evaluate("sessionStorage.getItem('ntt-window')") != page.evaluate(
        "sessionStorage.getItem('ntt-window')"
    )


def test_the_keyboard_alone_suffices(page: Any, objects: list[dict[str, Any]]) -> None:
    def tab_to(wanted: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({wanted!r})"):
                return
        raise AssertionError(f"the keyboard does not reach {wanted}")

    tab_to("#list button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#canvas:focus")
    # The cross begins in the middle, 160, 160, and moves by 6.4 pixels.
    arrows = (("ArrowLeft", "ArrowRight"), ("ArrowUp", "ArrowDown"))
    for middle, wanted, keys in zip((160, 160), objects[0]["place"], arrows, strict=True):
        steps = round((wanted - middle) / 6.4)
        for _ in range(abs(steps)):
            page.keyboard.press(keys[steps > 0])
    page.keyboard.press("Enter")
    page.wait_for_selector("#naming:not([hidden])")
    tab_to("#name")
    page.keyboard.type(objects[0]["name"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#hits .what")
    tab_to("#hits button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#restore:not([hidden])")
    tab_to("#threshold")
    page.keyboard.press("ArrowRight")

    assert page.input_value("#threshold") == "0.01"


def test_nobody_is_left_out(page: Any, objects: list[dict[str, Any]]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install 'ntt-segment[browser]'")
    open_photograph(page)
    refer(page, objects[0])
    page.wait_for_selector("#hits .what")
    click(page, objects[1]["place"])

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for view in ("runs", "photos"):
            page.click(f"#show-{view}")
            found = axe.Axe().run(page)
            assert found.violations_count == 0, found.generate_report()


def test_hostile_pictures_are_refused_in_a_sentence(page: Any, tmp_path: Path) -> None:
    photographs = page.locator("#list li").count()
    hostile = tmp_path / "picture.png"
    hostile.write_bytes(b"\x89PNG\r\n\x1a\n" + b"no picture" * 100)

    page.set_input_files("#drop", hostile)

    page.wait_for_selector("#message:not([hidden])")
    assert "is no picture that can be dropped" in page.inner_text("#message")
    assert page.locator("#list li").count() == photographs
