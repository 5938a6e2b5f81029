"""How the page looks and reads, at every size, with the model in the repository."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from service.app import create_app
from service.settings import Settings
from tests.service.stand_ins import serving


@pytest.fixture(scope="module")
def shipped_url() -> Iterator[str]:
    with serving(create_app(Settings())) as address:
        yield address


def assert_fits(tab):
    for box in ("html", "#panel"):
        scroll_px, client_px = tab.page.locator(box).evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert scroll_px <= client_px


def assert_accessible(tab):
    results = Axe().run(tab.page)
    assert results.violations_count == 0, results.generate_report()


# Text wraps by width, and the scheme changes nothing but colours.
@pytest.mark.parametrize(
    ("width_px", "scheme", "audited"),
    [(360, "light", True), (768, "light", False), (1440, "dark", True)],
)
def test_it_fits_and_is_accessible(visit, shipped_url, width_px, scheme, audited):
    tab = visit(shipped_url, width_px=width_px, color_scheme=scheme)
    tab.page.get_by_text("megapixels").wait_for()
    assert_fits(tab)
    if audited:
        assert_accessible(tab)
    tab.keep_screenshot(f"welcome-{width_px}-{scheme}")

    tab.page.get_by_role("button", name="Stone arch").click()
    tab.wait_for("lit from the right")
    tab.page.get_by_role("spinbutton", name="Azimuth").fill("270")
    for _ in range(4):
        tab.page.get_by_role("slider", name="Temperature").press("PageDown")
    tab.wait_for("tungsten")
    tab.keep_screenshot(f"relit-{width_px}-{scheme}")
    tab.page.get_by_role("button", name="Add a lamp").click()
    tab.wait_for("and from the right")
    tab.keep_screenshot(f"lamps-{width_px}-{scheme}")
    tab.page.get_by_label("Lamp colour").fill("#2060ff")
    tab.page.get_by_role("button", name="Brush").click()
    tab.page.locator("#mask-canvas").click()
    tab.wait_for(" of the photo")
    tab.keep_screenshot(f"mask-{width_px}-{scheme}")
    tab.page.get_by_text("Show the code").click()
    assert_fits(tab)
    if audited:
        assert_accessible(tab)


def test_it_is_usable_by_keyboard_alone(visit, shipped_url):
    tab = visit(shipped_url)
    tab.page.get_by_text("megapixels").wait_for()
    names = []
    for _ in range(4):
        tab.page.keyboard.press("Tab")
        names.append(tab.page.evaluate("document.activeElement.textContent.trim()"))
    assert names == ["Choose a photo", "Portrait", "Coffee", "Stone arch"]
    tab.page.keyboard.press("Enter")
    tab.wait_for("lit from the right")
    assert tab.page.evaluate("document.activeElement.id") == "split"  # the button is gone


def test_less_motion_is_respected(visit, shipped_url):
    tab = visit(shipped_url, reduced_motion="reduce")
    tab.page.get_by_role("button", name="Coffee").click()
    tab.wait_for("lit from the right")
    durations = tab.page.evaluate(
        "[...document.querySelectorAll('*')].map(e => getComputedStyle(e).transitionDuration)"
    )
    assert set(durations) == {"0s"}
    assert tab.page.evaluate("document.getAnimations().length") == 0
