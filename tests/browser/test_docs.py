"""The API's description in a real browser, under its Content-Security-Policy."""

from __future__ import annotations


def test_the_description_is_drawn_from_this_host_alone(visit, url):
    tab = visit(f"{url}/docs")
    tab.page.get_by_text("Relight a photo", exact=True).first.click()
    tab.page.get_by_role("button", name="Try it out").first.wait_for()
