"""What the page asks the service for, and what it leaves unasked."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from service.app import create_app
from service.inference.fake_engine import FakeEngine
from service.settings import Settings
from tests.service.calls import cancelled, wait_until
from tests.service.stand_ins import encoded, serving


def test_a_large_photo_is_previewed_small_and_downloaded_whole(visit, url):
    large = np.random.default_rng(1).integers(0, 255, (1800, 2400, 3), np.uint8)
    tab = visit(url)
    tab.choose("large.jpg", encoded(large, "jpeg"))
    tab.wait_for("lit from the right")
    sizes = [int(request.all_headers()["content-length"]) for request in tab.relights]
    assert sizes[0] < sizes[-1] / 2
    _, data = tab.download("Download JPEG")
    assert Image.open(io.BytesIO(data)).size == (2400, 1800)


def test_stale_requests_are_aborted_and_only_the_latest_is_answered(visit, tmp_path, jpeg):
    (tmp_path / "fake.onnx").touch()
    engine = FakeEngine(lambda n: 0.001)
    settings = Settings(models_dir=tmp_path, cache_bytes=0)
    with serving(create_app(settings, open_engine=lambda path: engine)) as url:
        engine.duration_s = lambda n: 1.5  # from here on; the warm-up was quick
        tab = visit(url)
        tab.choose("garden.jpg", jpeg)
        wait_until(lambda: tab.page.wait_for_timeout(20) or tab.relights)
        tab.page.get_by_role("radio", name="W, from the left").check(force=True)
        wait_until(lambda: tab.page.wait_for_timeout(20) or tab.aborted)
        assert "direction=E" in tab.aborted[0].url
        wait_until(lambda: cancelled(url) == 1)  # the service also gave up the work

        num_before = len(tab.relights)
        tab.page.get_by_role("slider", name="Temperature").evaluate(
            """slider => {
              for (let k = 0; k < 30; k++) {
                slider.stepDown();
                slider.dispatchEvent(new Event("input"));
              }
            }"""
        )
        asked = tab.page.locator("#temperature-text").inner_text().split()[0]
        tab.wait_for(f"{asked} K")
        assert len(tab.relights) - num_before <= 3  # the rest of W, a preview, the full size
        assert tab.last_options["temperature"] == asked


def test_a_slider_is_answered_while_it_moves_and_the_network_runs_once(visit, url, jpeg):
    tab = visit(url)
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    slider = tab.page.get_by_role("slider", name="Temperature")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    for share, words in ((0.6, "low sun"), (0.3, "warm bulb"), (0.01, "candle")):
        tab.page.mouse.move(box["x"] + share * box["width"], y, steps=4)
        tab.page.mouse.down()  # the first time; it is held until the end
        tab.page.get_by_role("img", name=words).wait_for()
    tab.page.mouse.up()
    tab.wait_for("candle")
    answered = [request for request in tab.relights if request not in tab.aborted]
    origins = [request.response().header_value("x-cache") for request in answered]
    assert len(origins) > 4
    assert set(origins[1:]) == {"hit"}
