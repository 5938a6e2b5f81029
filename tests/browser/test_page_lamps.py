"""The lamps on the dome, for a model that computes the light."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.service.calls import wait_until
from tests.service.stand_ins import decoded

RIM_SHARE = 0.42  # of the dome's side: where a lamp stands on the horizon


def dome_of(tab):
    """The dome's centre and the radius of its horizon, in px."""
    tab.page.locator("#dome").evaluate("dome => dome.scrollIntoView({block: 'end'})")
    box = tab.page.locator("#dome").bounding_box()
    centre = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    return *centre, RIM_SHARE * box["width"]


def asked(tab, **values: str) -> None:
    """Wait until the newest request has these options."""
    wait_until(
        lambda: tab.page.wait_for_timeout(50) or values.items() <= tab.last_options.items(),
    )


def ball(tab) -> np.ndarray:
    """What the ball looks like, float (h, w, 3)."""
    tab.page.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    pixels = decoded(tab.page.locator("#dome").screenshot()).astype(float)
    inset = round(pixels.shape[0] * 0.33)
    return pixels[inset:-inset, inset:-inset]


@pytest.mark.parametrize("width_px", [360, 1440])
@pytest.mark.parametrize("touch", [False, True])
def test_the_lamp_is_dragged_over_the_dome(opened, url_of_lamps, jpeg, width_px, touch):
    tab = opened(url_of_lamps, jpeg, width_px=width_px, has_touch=touch)
    x, y, rim = dome_of(tab)
    tab.page.mouse.move(x + rim * 60 / 90, y)  # where the lamp stands: east, 30 degrees high
    tab.page.mouse.down()
    tab.page.mouse.move(x, y + rim * 0.7, steps=4)
    tab.page.mouse.move(x - rim * 0.5, y, steps=4)
    tab.page.mouse.up()
    lamp = tab.page.get_by_role("slider", name="Lamp 1")
    assert float(lamp.get_attribute("aria-valuenow")) == pytest.approx(270, abs=2)
    elevation = tab.page.get_by_role("spinbutton", name="Elevation").input_value()
    assert float(elevation) == pytest.approx(45, abs=2)
    asked(tab, elevation=elevation)
    tab.wait_for("lit from the left")
    tab.page.mouse.move(x, y)  # not held: it stays
    assert tab.page.get_by_role("spinbutton", name="Elevation").input_value() == elevation


def test_a_click_on_the_dome_places_the_lamp(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    x, y, rim = dome_of(tab)
    tab.page.mouse.click(x, y - rim)
    asked(tab, azimuth="0", elevation="0")
    tab.wait_for("lit from behind the scene, low")
    tab.page.mouse.click(x, y + rim / 45)
    asked(tab, elevation="88")
    tab.wait_for("lit from above")


def test_the_lamp_is_moved_by_keys(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    lamp = tab.page.get_by_role("slider", name="Lamp 1")
    lamp.press("ArrowRight")
    lamp.press("ArrowUp")
    lamp.press("Shift+ArrowUp")
    asked(tab, azimuth="95", elevation="36")
    assert lamp.get_attribute("aria-valuetext") == "from the right (azimuth 95°, elevation 36°)"
    lamp.press("PageUp")
    tab.wait_for("lit from the front, right")
    for _ in range(20):
        lamp.press("ArrowDown")
    asked(tab, azimuth="140", elevation="0")
    for _ in range(30):
        lamp.press("ArrowLeft")
    asked(tab, azimuth="350")


def test_the_lamp_is_placed_by_numbers(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    azimuth = tab.page.get_by_role("spinbutton", name="Azimuth")
    azimuth.fill("181")
    tab.page.get_by_role("spinbutton", name="Elevation").fill("12")
    asked(tab, azimuth="181", elevation="12")
    num_before = len(tab.relights)
    for refused in ("720", "-1", ""):
        azimuth.fill(refused)
    azimuth.blur()
    assert azimuth.input_value() == "181"
    tab.wait_for("lit from the camera, low")
    assert all("azimuth=181" in request.url for request in tab.relights[num_before:])


def test_the_ball_is_lit_as_the_lamp_stands(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    lamp = tab.page.get_by_role("slider", name="Lamp 1")

    def sides() -> tuple[float, float, float]:
        seen = ball(tab)
        third = seen.shape[1] // 3
        return seen[:, :third].mean(), seen[:, -third:].mean(), seen.mean()

    left, right, _ = sides()
    assert right > left + 40
    tab.page.get_by_role("slider", name="Softness").press("End")
    soft_left, soft_right, _ = sides()
    assert soft_right - soft_left < 0.85 * (right - left)
    tab.page.get_by_role("slider", name="Softness").press("Home")
    tab.page.get_by_role("spinbutton", name="Azimuth").fill("270")
    left, right, mean = sides()
    assert left > right + 40
    tab.page.get_by_role("slider", name="Intensity").press("Home")
    assert sides()[2] < 0.7 * mean
    tab.page.get_by_role("slider", name="Temperature").press("Home")
    red, _, blue = ball(tab).mean(axis=(0, 1))
    assert red > 1.4 * blue  # before a grey ground
    assert lamp.evaluate("lamp => getComputedStyle(lamp).backgroundColor").startswith("rgb(255")


def test_softness_intensity_and_temperature_are_the_lamps(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    tab.page.get_by_role("slider", name="Softness").press("End")
    tab.page.get_by_role("slider", name="Intensity").press("End")
    tab.page.get_by_role("slider", name="Temperature").press("Home")
    asked(tab, azimuth="90", softness="1", intensity="2", temperature="2000")
    tab.wait_for("2000 K, candle")
    values = [
        tab.page.get_by_role("slider", name=name).get_attribute("aria-valuetext")
        for name in ("Softness", "Intensity")
    ]
    assert values == ["100 %, overcast", "+2 stops"]
    tab.page.get_by_role("button", name="Reset the light").click()
    wait_until(lambda: tab.page.wait_for_timeout(50) or "softness" not in tab.last_options)
    assert "intensity" not in tab.last_options


def test_a_second_lamp_is_added_changed_and_removed(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    tab.page.get_by_role("button", name="Add a lamp").click()
    tab.wait_for("lit from the right, and from the left")
    assert tab.page.evaluate("document.activeElement.ariaLabel") == "Lamp 2"
    tab.page.get_by_role("slider", name="Temperature").press("Home")
    tab.page.get_by_role("radio", name="Lamp 1").check()
    tab.page.get_by_role("spinbutton", name="Azimuth").fill("45")
    tab.wait_for("lit from behind, right, and from the left, 2000 K, candle")
    assert json.loads(tab.last_options["lights"]) == [
        {"azimuth": 45},
        {"azimuth": 270, "temperature": 2000},
    ]
    assert "temperature" not in tab.last_options

    x, y, rim = dome_of(tab)  # the other lamp is picked up where it stands
    tab.page.mouse.move(x - rim * 60 / 90, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x, y + rim * 60 / 90, steps=4)
    tab.page.mouse.up()
    assert tab.page.get_by_role("radio", name="Lamp 2").is_checked()
    tab.wait_for("lit from behind, right, and from the camera, 2000 K, candle")
    name, _ = tab.download("Download JPEG")
    assert name == "garden-2-lamps.jpg"

    tab.page.get_by_role("button", name="Remove lamp 2").click()
    asked(tab, azimuth="45")
    assert not tab.page.get_by_role("radio", name="Lamp 1").is_visible()
    assert tab.page.evaluate("document.activeElement.ariaLabel") == "Lamp 1"


def test_up_to_four_lamps_are_offered(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    add = tab.page.get_by_role("button", name="Add a lamp")
    for _ in range(3):
        add.click()
    assert not add.is_visible()
    wait_until(
        lambda: (
            tab.page.wait_for_timeout(50)
            or len(json.loads(tab.last_options.get("lights", "[]"))) == 4
        )
    )
    tab.wait_for("lit from")
    places = [lamp["azimuth"] for lamp in json.loads(tab.last_options["lights"])]
    assert len(set(places)) == 4


def test_while_the_lamp_moves_one_preview_is_in_flight(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    in_flight = most = 0

    def begin(request):
        nonlocal in_flight, most
        in_flight += "/relight?" in request.url
        most = max(most, in_flight)

    def end(request):
        nonlocal in_flight
        in_flight -= "/relight?" in request.url

    tab.page.on("request", begin)
    tab.page.on("requestfinished", end)
    tab.page.on("requestfailed", end)
    num_before = len(tab.relights)
    x, y, rim = dome_of(tab)
    tab.page.mouse.move(x + rim * 60 / 90, y)
    tab.page.mouse.down()
    for turn in np.linspace(0, 2 * np.pi, 60):
        tab.page.mouse.move(x + rim * np.cos(turn), y + rim * np.sin(turn))
    tab.page.mouse.up()
    tab.wait_for("lit from the right, low")
    assert most == 1
    frames = [r for r in tab.relights[num_before:] if r not in tab.aborted]
    assert len(frames) > 2  # the picture followed the lamp
    origins = {request.response().header_value("x-cache") for request in frames}
    assert "miss" not in origins  # the photo's scene was read once


def test_a_lamp_has_a_colour_instead_of_a_temperature(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    tab.page.get_by_role("slider", name="Softness").press("Home")  # the ball's far side is dark
    tab.page.get_by_label("Lamp colour").fill("#2060ff")
    asked(tab, lamp_color="#2060ff")
    tab.wait_for("lit from the right, in the colour #2060ff")
    assert "temperature" not in tab.last_options
    assert tab.page.get_by_role("slider", name="Temperature").get_attribute("aria-valuetext") == (
        "replaced by the colour"
    )
    red, _, blue = ball(tab).mean(axis=(0, 1))
    assert blue > 1.4 * red
    name, _ = tab.download("Download JPEG")
    assert name == "garden-az90-el30-2060ff.jpg"
    tab.page.get_by_role("button", name="Use temperature").click()
    wait_until(lambda: tab.page.wait_for_timeout(50) or "lamp_color" not in tab.last_options)
    assert tab.page.evaluate("document.activeElement.id") == "temperature"
    tab.page.get_by_label("Lamp colour").fill("#2060ff")
    tab.page.get_by_role("slider", name="Temperature").press("Home")
    asked(tab, temperature="2000")
    assert "lamp_color" not in tab.last_options


def test_each_lamp_has_its_own_colour(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    tab.page.get_by_label("Lamp colour").fill("#ff4010")
    tab.page.get_by_role("button", name="Add a lamp").click()
    assert tab.page.get_by_label("Lamp colour").input_value() != "#ff4010"
    tab.page.get_by_label("Lamp colour").fill("#1040ff")
    tab.page.get_by_role("radio", name="Lamp 1").check()
    assert tab.page.get_by_label("Lamp colour").input_value() == "#ff4010"
    tab.wait_for("in the colour #ff4010, and from the left, in the colour #1040ff")
    assert json.loads(tab.last_options["lights"]) == [
        {"azimuth": 90, "lamp_color": "#ff4010"},
        {"azimuth": 270, "lamp_color": "#1040ff"},
    ]


def test_black_is_no_colour_of_a_lamp(opened, url_of_lamps, jpeg):
    tab = opened(url_of_lamps, jpeg)
    tab.expected = ("422",)
    tab.page.get_by_label("Lamp colour").fill("#000000")
    tab.page.get_by_role("alert").filter(has_text="black").wait_for()
    tab.page.get_by_label("Lamp colour").fill("#ff8800")
    tab.wait_for("in the colour #ff8800")
    assert not tab.page.get_by_role("alert").is_visible()
