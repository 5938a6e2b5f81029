"""The mask: brushed on the photo or loaded, and what it does to the answer."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.service.calls import wait_until
from tests.service.stand_ins import decoded, encoded


@pytest.fixture(scope="module")
def png(picture) -> bytes:
    return encoded(picture, "png")


@pytest.fixture
def left_half() -> bytes:
    """A mask for the left half, smaller than the photo."""
    mask = np.zeros((120, 180), np.uint8)
    mask[:, :90] = 255
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "png")
    return file.getvalue()


def load(tab, data: bytes, name: str = "left.png") -> None:
    with tab.page.expect_file_chooser() as chooser:
        tab.page.get_by_role("button", name="Load a mask").press("Enter")
    chooser.value.set_files([{"name": name, "mimeType": "", "buffer": data}])


def stroke(tab, *places: tuple[float, float]) -> None:
    """Lead the mouse over places: shares of the photo's width and height."""
    box = tab.page.locator("#compare").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    tab.page.mouse.move(*points[0])
    tab.page.mouse.down()
    for point in points:
        tab.page.mouse.move(*point, steps=4)
    tab.page.mouse.up()


def mask_says(tab, text: str) -> None:
    tab.page.locator("#mask-text").filter(has_text=text).wait_for()


def changed(tab, original: np.ndarray) -> np.ndarray:
    """Where the downloaded answer differs from the photo, bool (h, w)."""
    _, data = tab.download("Download PNG")
    return (decoded(data) != original).any(axis=-1)


@pytest.mark.parametrize("width_px", [360, 1440])
@pytest.mark.parametrize("touch", [False, True])
def test_the_brushed_part_is_relit_and_the_rest_stays_bit_for_bit(
    opened, url_of_lamps, png, picture, width_px, touch
):
    tab = opened(url_of_lamps, png, width_px=width_px, has_touch=touch)
    tab.page.get_by_role("button", name="Brush").click()
    stroke(tab, (0.2, 0.3), (0.4, 0.3))
    tab.wait_for("lit from the right, in ")
    relit = changed(tab, picture)
    under = relit[60:84, 72:144]
    assert under.mean() > 0.9
    assert not relit[:, 190:].any()
    assert not relit[130:].any()


def test_a_finger_brushes_and_does_not_scroll_the_page(opened, url_of_lamps, png):
    tab = opened(url_of_lamps, png, width_px=360, has_touch=True, is_mobile=True)
    tab.page.get_by_role("button", name="Brush").tap()
    box = tab.page.locator("#compare").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 0.8 * box["height"]
    before_px = tab.page.evaluate("scrollY")
    session = tab.page.context.new_cdp_session(tab.page)
    for kind, up_px in [("touchStart", 0), *(("touchMove", k) for k in range(10, 110, 10))]:
        touch = {"type": kind, "touchPoints": [{"x": x, "y": y - up_px}]}
        session.send("Input.dispatchTouchEvent", touch)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    tab.wait_for("lit from the right, in ")
    assert tab.page.evaluate("scrollY") == before_px


def test_a_stroke_is_erased_undone_and_cleared(opened, url_of_lamps, png, picture):
    tab = opened(url_of_lamps, png)
    mask_says(tab, "all of the photo is relit")
    tab.page.get_by_role("button", name="Brush").click()
    stroke(tab, (0.2, 0.5), (0.8, 0.5))
    tab.page.get_by_role("radio", name="Erase").check()
    tab.page.get_by_role("slider", name="Brush size").press("End")
    stroke(tab, (0.8, 0.5))
    relit = changed(tab, picture)
    assert relit[110:130, 80:150].mean() > 0.9
    assert not relit[:, 260:310].any()
    tab.page.get_by_role("button", name="Undo").click()
    relit = changed(tab, picture)
    assert relit[110:130, 260:285].mean() > 0.9
    tab.page.get_by_role("button", name="Clear").click()
    mask_says(tab, "all of the photo is relit")
    assert tab.page.evaluate("document.activeElement.id") == "mask-brush"  # the tools are gone
    assert changed(tab, picture).mean() > 0.9


def pressed(tab, x: float, y: float) -> None:
    """Begin a stroke and leave the button down."""
    box = tab.page.locator("#compare").bounding_box()
    tab.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + (x + 0.1) * box["width"], box["y"] + y * box["height"], steps=4)


@pytest.mark.parametrize("button", ["Undo", "Clear"])
def test_a_stroke_ends_when_a_key_takes_it_back(opened, url_of_lamps, png, button):
    tab = opened(url_of_lamps, png)
    tab.page.get_by_role("button", name="Brush").click()
    stroke(tab, (0.5, 0.2))
    pressed(tab, 0.2, 0.5)
    tab.page.get_by_role("button", name="Undo").press("Enter")
    tab.page.get_by_role("button", name=button).press("Enter")
    mask_says(tab, "all of the photo is relit")
    tab.page.mouse.move(300, 300, steps=4)
    tab.page.mouse.up()
    mask_says(tab, "all of the photo is relit")
    stroke(tab, (0.2, 0.5), (0.8, 0.5))  # the next one is drawn
    tab.wait_for("lit from the right, in ")


def test_a_mask_that_is_loaded_during_a_stroke_ends_it(opened, url_of_lamps, png, left_half):
    tab = opened(url_of_lamps, png)
    tab.page.get_by_role("button", name="Brush").click()
    pressed(tab, 0.8, 0.5)
    load(tab, left_half)
    mask_says(tab, "50 % is relit")
    box = tab.page.locator("#compare").bounding_box()
    tab.page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 5, steps=4)
    tab.page.mouse.up()
    mask_says(tab, "50 % is relit")


def test_a_stroke_has_a_soft_edge(opened, url_of_lamps, png):
    tab = opened(url_of_lamps, png)
    tab.page.get_by_role("button", name="Brush").click()
    stroke(tab, (0.3, 0.5), (0.7, 0.5))
    name, data = tab.download("Save")
    assert name == "garden-mask.png"
    mask = decoded(data)[..., 0]
    column = mask[:, mask.shape[1] // 2]
    assert column.max() == 255
    assert column.min() == 0
    assert ((column > 20) & (column < 235)).sum() > 4


def test_a_mask_is_loaded_by_keyboard_alone(opened, url_of_lamps, png, picture, left_half):
    tab = opened(url_of_lamps, png)
    load(tab, left_half)
    mask_says(tab, "50 % is relit")
    tab.wait_for("lit from the right, in 50 % of the photo")
    relit = changed(tab, picture)
    assert relit[:, :175].mean() > 0.9
    assert not relit[:, 185:].any()
    tab.page.get_by_role("checkbox", name="Show the mask").press("Space")
    assert tab.page.locator("#mask-canvas").is_visible()
    tab.page.get_by_role("checkbox", name="Show the mask").press("Space")
    assert not tab.page.locator("#mask-canvas").is_visible()
    tab.page.get_by_role("button", name="Undo").press("Enter")
    tab.wait_for("Now lit from the right")
    mask_says(tab, "all of the photo is relit")


def test_a_loaded_mask_counts_by_luminance_and_transparency(opened, url_of_lamps, png):
    tab = opened(url_of_lamps, png)
    mask = np.full((240, 360, 4), 255, np.uint8)
    mask[:, 180:, 3] = 0  # transparent white is black
    mask[120:, :180, :3] = 0
    load(tab, encoded(mask, "png"))
    mask_says(tab, "25 % is relit")


def test_strokes_go_over_a_loaded_mask(opened, url_of_lamps, png, picture, left_half):
    tab = opened(url_of_lamps, png)
    load(tab, left_half)
    tab.page.get_by_role("button", name="Brush").click()
    stroke(tab, (0.75, 0.5))
    relit = changed(tab, picture)
    assert relit[:, :170].mean() > 0.9
    assert relit[110:130, 265:275].all()
    assert not relit[:80, 190:].any()


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (encoded(np.zeros((100, 100, 3), np.uint8), "png"), "The mask does not fit the photo"),
        (b"no picture", "The mask cannot be used"),
    ],
)
def test_a_file_that_is_no_mask_for_the_photo_changes_nothing(
    opened, url_of_lamps, png, left_half, data, title
):
    tab = opened(url_of_lamps, png)
    load(tab, data)
    tab.page.get_by_role("heading", name=title).wait_for()
    mask_says(tab, "all of the photo is relit")
    load(tab, left_half)
    tab.wait_for("in 50 % of the photo")
    assert not tab.page.get_by_role("alert").is_visible()


def test_another_photo_begins_without_a_mask(opened, url_of_lamps, png, jpeg, left_half):
    tab = opened(url_of_lamps, png)
    load(tab, left_half)
    tab.page.get_by_role("button", name="Brush").click()
    tab.choose("other.jpg", jpeg)
    wait_until(lambda: tab.page.locator("#photo-facts").inner_text().startswith("other.jpg"))
    mask_says(tab, "all of the photo is relit")
    assert not tab.page.locator("#mask-canvas").is_visible()


def test_the_mask_stays_while_the_lamp_moves(opened, url_of_lamps, png, picture, left_half):
    tab = opened(url_of_lamps, png)
    load(tab, left_half)
    tab.page.get_by_role("spinbutton", name="Azimuth").fill("270")
    tab.wait_for("lit from the left, in 50 % of the photo")
    relit = changed(tab, picture)
    assert relit[:, :175].mean() > 0.9
    assert not relit[:, 185:].any()


@pytest.mark.parametrize("language", ["curl", "Python"])
def test_the_copied_code_sends_the_mask(visit, url, png, left_half, tmp_path, language):
    tab = visit(url, permissions=["clipboard-read", "clipboard-write"])
    (tmp_path / "garden, mine.png").write_bytes(png)
    (tmp_path / 'left "half"; 1.png').write_bytes(left_half)
    tab.choose("garden, mine.png", png)
    tab.wait_for("lit from the right")
    load(tab, left_half, 'left "half"; 1.png')
    tab.wait_for("in 50 % of the photo")
    tab.page.get_by_role("button", name=f"Copy as {language}").click()
    tab.page.get_by_role("button", name="Copied").wait_for()
    code = tab.page.evaluate("navigator.clipboard.readText()")
    name, data = tab.download("Download PNG")
    runner = ["bash", "-euo", "pipefail"] if language == "curl" else [sys.executable]
    subprocess.run([*runner, "-c", code], cwd=tmp_path, check=True, timeout=30)
    np.testing.assert_array_equal(decoded((tmp_path / name).read_bytes()), decoded(data))
