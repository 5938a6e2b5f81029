"""What a person does with the page."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from pillow_heif import from_pillow

from tests.service.calls import wait_until
from tests.service.stand_ins import decoded, encoded

SAMPLES = ("Portrait", "Coffee", "Stone arch")


def shown(visit) -> np.ndarray:
    """What the figure looks like, uint8 (h, w, 3), without its captions' row."""
    pixels = decoded(visit.page.locator("#compare").screenshot())
    return pixels[: pixels.shape[0] * 3 // 4]


def test_a_chosen_photo_is_relit(visit, url, jpeg):
    tab = visit(url)
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    assert tab.page.get_by_role("img", name="Before: garden.jpg").is_visible()
    assert tab.page.get_by_role("img", name="After: the photo lit from the right").is_visible()
    assert "360 \u00d7 240" in tab.page.locator("#photo-facts").inner_text()
    assert re.search(r"full size in \d+ ms .*cache hit", tab.page.locator("#facts").inner_text())


def test_a_relit_photo_is_said_to_be_edited_with_ai(visit, url, jpeg):
    tab = visit(url)
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    assert "Edited with AI" in tab.page.locator("#mark").inner_text()
    tab.page.get_by_role("slider", name="Strength").press("Home")
    tab.page.locator("#mark").wait_for(state="hidden")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_relit(visit, url, name):
    tab = visit(url)
    tab.page.get_by_role("button", name=name).click()
    tab.wait_for("lit from the right")


def test_a_dropped_photo_is_relit(visit, url, jpeg):
    tab = visit(url)
    transfer = tab.page.evaluate_handle(
        """bytes => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], "dropped.jpg"));
          return transfer;
        }""",
        list(jpeg),
    )
    tab.page.dispatch_event("body", "dragover", {"dataTransfer": transfer})
    assert tab.page.get_by_text("Drop the photo").is_visible()
    tab.page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    tab.wait_for("lit from the right")
    assert tab.page.get_by_role("img", name="Before: dropped.jpg").is_visible()
    assert not tab.page.get_by_text("Drop the photo").is_visible()


def test_a_pasted_photo_is_relit(visit, url, picture):
    tab = visit(url, permissions=["clipboard-read", "clipboard-write"])
    tab.page.evaluate(
        """async bytes => {
          const blob = new Blob([new Uint8Array(bytes)], {type: "image/png"});
          await navigator.clipboard.write([new ClipboardItem({"image/png": blob})]);
        }""",
        list(encoded(picture, "png")),
    )
    tab.page.keyboard.press("ControlOrMeta+V")
    tab.wait_for("lit from the right")
    assert "PNG" in tab.page.locator("#photo-facts").inner_text()


@pytest.mark.parametrize("kind", ["tiff", "heif"])
def test_the_service_shows_photos_that_the_browser_cannot(visit, url, picture, kind):
    file = io.BytesIO()
    if kind == "heif":
        from_pillow(Image.fromarray(picture)).save(file, quality=90)
    else:
        Image.fromarray(picture).save(file, "tiff")
    tab = visit(url)
    tab.choose(f"raw.{kind}", file.getvalue())
    tab.wait_for("lit from the right")
    tab.page.get_by_role("slider", name="Before and after").press("End")
    assert shown(tab).std() > 10  # a picture, no blank
    name, data = tab.download("Download")
    expected = {"tiff": ("raw-E.tiff", "TIFF"), "heif": ("raw-E.jpg", "JPEG")}[kind]
    assert (name, Image.open(io.BytesIO(data)).format) == expected


def test_the_divider_moves_by_keyboard_and_by_drag(visit, url, picture):
    tab = visit(url)
    tab.choose("garden.png", encoded(picture, "png"))
    tab.wait_for("lit from the right")
    divider = tab.page.get_by_role("slider", name="Before and after")

    divider.press("End")
    assert divider.get_attribute("aria-valuetext") == "before 100 %, after 0 %"
    before = shown(tab).astype(float)
    divider.press("Home")
    after = shown(tab).astype(float)
    left = slice(10, before.shape[1] // 3)
    assert before[:, left].mean() > after[:, left].mean() + 10  # the light left the left side

    divider.press("ArrowRight")
    assert divider.input_value() == "1"
    box = tab.page.locator("#compare").bounding_box()
    y = box["y"] + 40
    tab.page.mouse.move(box["x"] + 20, y)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 0.7 * box["width"], y, steps=4)
    tab.page.mouse.up()
    assert float(divider.input_value()) == pytest.approx(70, abs=2)


@pytest.mark.parametrize("width_px", [360, 1440])
def test_the_lamp_is_dragged_around_the_compass(visit, url_of_eight, jpeg, width_px):
    tab = visit(url_of_eight, width_px=width_px)
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    tab.page.locator("#dial").scroll_into_view_if_needed()
    dial = tab.page.locator("#dial").bounding_box()
    x, y = dial["x"] + dial["width"] / 2, dial["y"] + dial["height"] / 2
    tab.page.mouse.move(x + 70, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x + 55, y + 50, steps=3)
    tab.page.mouse.move(x, y + 75, steps=3)
    tab.page.mouse.move(x - 60, y + 60, steps=3)
    tab.page.mouse.up()
    tab.wait_for("lit from the front, left")
    assert tab.page.get_by_role("radio", name="SW").is_checked()
    assert tab.last_options["direction"] == "SW"


def test_the_compass_is_turned_by_keyboard(visit, url_of_eight, jpeg):
    tab = visit(url_of_eight)
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    tab.page.get_by_role("radio", name="E, from the right").focus()
    tab.page.keyboard.press("ArrowDown")
    tab.wait_for("lit from the front, right")
    assert tab.page.get_by_role("radio", checked=True).get_attribute("value") == "SE"


def test_the_compass_offers_the_directions_of_the_service(visit, url, url_of_eight):
    for address, directions in (
        (url, ["E", "W"]),
        (url_of_eight, ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]),
    ):
        tab = visit(address)
        tab.page.get_by_role("button", name="Coffee").click()
        tab.wait_for("lit from")
        radios = tab.page.get_by_role("group", name="Direction").get_by_role("radio").all()
        assert [radio.get_attribute("value") for radio in radios] == directions


def test_sliders_ask_for_what_they_show(visit, url, jpeg):
    tab = visit(url)
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    temperature = tab.page.get_by_role("slider", name="Temperature")
    neutral = tab.page.locator("#panel").evaluate("e => e.style.getPropertyValue('--lamp')")
    temperature.press("Home")
    tab.wait_for("2000 K, candle")
    lamp = tab.page.locator("#panel").evaluate("e => e.style.getPropertyValue('--lamp')")
    red, _, blue = bytes.fromhex(lamp.removeprefix("#"))
    assert lamp != neutral
    assert red == 255
    assert blue < 80  # a candle's orange

    tab.page.get_by_role("slider", name="Strength").press("PageDown")
    tab.page.get_by_role("slider", name="Fill").press("PageUp")
    wait_until(lambda: tab.page.wait_for_timeout(50) or "fill" in tab.last_options)
    asked = tab.last_options
    assert (asked["temperature"], asked["strength"], asked["fill"]) == ("2000", "0.9", "0.1")

    tab.page.get_by_role("button", name="Reset the light").click()
    tab.wait_for("lit from the right")
    wait_until(lambda: tab.page.wait_for_timeout(50) or len(tab.last_options) < 3)
    assert tab.page.locator("#temperature-text").inner_text() == "6500 K, as photographed"
