"""The maps that the network reads from a photo, shown on the page."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.service.stand_ins import decoded


def shown(tab) -> np.ndarray:
    """The right half of the figure, without its captions' row, float (h, w, 3)."""
    pixels = decoded(tab.page.locator("#compare").screenshot()).astype(float)
    return pixels[: pixels.shape[0] * 3 // 4, pixels.shape[1] * 6 // 10 :]


@pytest.fixture(scope="module")
def red_png() -> bytes:
    """A picture whose normals lean to the right: the tiny model reads them from red over blue."""
    file = io.BytesIO()
    Image.fromarray(np.full((160, 240, 3), (200, 128, 40), np.uint8)).save(file, "png")
    return file.getvalue()


def test_normals_depth_and_albedo_are_shown_and_the_relit_photo_again(
    opened, url_of_lamps, red_png
):
    tab = opened(url_of_lamps, red_png)
    relit = shown(tab)
    tab.page.get_by_role("radio", name="Normals").check()
    tab.wait_for("Normals: red")
    red, green, _ = shown(tab).mean(axis=(0, 1))
    assert red > 200  # to the right
    assert green == pytest.approx(128, abs=6)  # neither up nor down
    assert tab.page.get_by_role("img", name="Map of the photo: Normals").is_visible()
    for name in ("Depth", "Albedo", "Shading"):
        tab.page.get_by_role("radio", name=name).check()
        tab.wait_for(f"{name}: ")
        assert tab.page.get_by_role("img", name=f"Map of the photo: {name}").is_visible()
    tab.page.get_by_role("radio", name="Relit photo").check()
    tab.wait_for("Now lit from the right")
    assert np.abs(shown(tab) - relit).mean() < 4  # the full size follows the preview


def test_the_maps_are_asked_for_once_a_photo(visit, url_of_lamps, red_png, jpeg):
    tab = visit(url_of_lamps)
    asked = []
    tab.page.on("request", lambda r: asked.append(r.url) if r.url.endswith("/maps") else None)
    tab.choose("red.png", red_png)
    tab.wait_for("lit from the right")
    assert asked == []
    for name in ("Normals", "Depth", "Normals"):
        tab.page.get_by_role("radio", name=name).check()
        tab.wait_for(f"{name}: ")
    assert len(asked) == 1
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    assert tab.page.get_by_role("radio", name="Relit photo").is_checked()
    tab.page.get_by_role("radio", name="Depth").check()
    tab.wait_for("Depth: white")
    assert len(asked) == 2


def test_a_map_stays_while_the_lamp_moves(opened, url_of_lamps, red_png):
    tab = opened(url_of_lamps, red_png)
    tab.page.get_by_role("radio", name="Normals").check()
    tab.wait_for("Normals: red")
    normals = shown(tab)
    tab.page.get_by_role("spinbutton", name="Azimuth").fill("270")
    tab.wait_for("lit from the left")
    np.testing.assert_array_equal(shown(tab), normals)
    tab.page.get_by_role("radio", name="Relit photo").check()
    tab.page.get_by_role("img", name="After: the photo lit from the left").wait_for()


def test_unavailable_maps_leave_the_relit_photo(opened, url_of_lamps, red_png):
    tab = opened(url_of_lamps, red_png)
    tab.expected = ("ERR_INTERNET_DISCONNECTED",)
    tab.page.context.set_offline(True)
    tab.page.get_by_text("Normals", exact=True).click()
    tab.page.get_by_role("heading", name="The service cannot be reached").wait_for()
    assert tab.page.get_by_role("radio", name="Relit photo").is_checked()
    tab.page.context.set_offline(False)
    tab.page.get_by_role("button", name="Try again").click()
    tab.wait_for("Normals: red")
    assert not tab.page.get_by_role("alert").is_visible()


def test_a_model_without_maps_offers_none(opened, url, jpeg):
    tab = opened(url, jpeg)
    assert not tab.page.get_by_role("radio", name="Normals").is_visible()
