"""What the page says when something goes wrong, and how it goes on."""

from __future__ import annotations

import threading

import pytest

from service.app import create_app
from service.inference.fake_engine import FakeEngine
from service.settings import Settings
from service.traffic.keys import digest_of
from tests import http_client as http
from tests.service.calls import metric, wait_until
from tests.service.stand_ins import held, serving, write_model

KEY = "the-key-of-the-test"


@pytest.mark.parametrize(
    ("data", "title", "status"),
    [
        (b"\xff\xd8\xff\xe0 this is no photo", "Image is corrupt", 422),
        (b"nothing that anybody reads", "Unsupported image format", 415),
    ],
)
def test_a_broken_file_is_reported_in_the_services_words(visit, url, jpeg, data, title, status):
    tab = visit(url, expected=(f"status of {status}",))
    tab.choose("broken.jpg", data)
    alert = tab.page.get_by_role("alert")
    alert.get_by_role("heading", name=title).wait_for()
    assert not tab.page.get_by_role("button", name="Try again").is_visible()  # it would not help
    tab.page.get_by_role("button", name="Close").click()
    assert not alert.is_visible()
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")


def test_a_cut_off_photo_is_reported_and_the_next_one_works(visit, url, jpeg):
    tab = visit(url, expected=("status of 422",))
    tab.choose("cut.jpg", jpeg[: len(jpeg) // 2])
    tab.page.get_by_role("heading", name="Image is corrupt").wait_for()
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    assert not tab.page.get_by_role("alert").is_visible()


def test_a_file_over_the_limit_is_not_sent(visit, tmp_path, jpeg):
    write_model(tmp_path / "tiny-E-4500.onnx")
    with serving(create_app(Settings(models_dir=tmp_path, max_body_bytes=1000))) as url:
        tab = visit(url)
        tab.choose("garden.jpg", jpeg)
        tab.page.get_by_role("heading", name="The file is too large").wait_for()
        assert "takes up to 1 kB" in tab.page.get_by_role("alert").inner_text()
        assert tab.relights == []


def test_a_lost_connection_is_reported_and_tried_again(visit, url, jpeg):
    tab = visit(url, expected=("ERR_INTERNET_DISCONNECTED",))
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    tab.page.context.set_offline(True)
    tab.page.get_by_role("radio", name="W, from the left").check(force=True)
    tab.page.get_by_role("heading", name="The service cannot be reached").wait_for()
    tab.page.context.set_offline(False)
    tab.page.get_by_role("button", name="Try again").click()
    tab.wait_for("lit from the left")


def test_a_key_is_asked_for_used_and_kept_out_of_the_code(visit, tmp_path, jpeg):
    write_model(tmp_path / "tiny-E-4500.onnx")
    settings = Settings(models_dir=tmp_path, api_keys=(f"editor:{digest_of(KEY)}",))
    with serving(create_app(settings)) as url:
        tab = visit(url, expected=("status of 401",))
        dialog = tab.page.get_by_role("dialog", name="This service asks for a key")
        dialog.get_by_label("API key").fill("a-wrong-one")
        dialog.get_by_role("button", name="Use this key").click()
        dialog.get_by_text("The key is unknown.").wait_for()
        tab.keep_screenshot("key-1280")
        dialog.get_by_label("API key").fill(KEY)
        dialog.get_by_role("button", name="Use this key").click()
        dialog.wait_for(state="hidden")
        tab.choose("garden.jpg", jpeg)
        tab.wait_for("lit from the right")
        for language in ("curl", "python"):
            code = tab.page.locator(f"#{language}").text_content()
            assert "X-Api-Key" in code
            assert KEY not in code

        tab.page.reload()  # the tab keeps it
        tab.page.get_by_role("button", name="Change key").wait_for()
        assert not dialog.is_visible()


def test_a_key_that_is_not_given_can_be_given_later(visit, tmp_path, jpeg):
    write_model(tmp_path / "tiny-E-4500.onnx")
    settings = Settings(models_dir=tmp_path, api_keys=(f"editor:{digest_of(KEY)}",))
    with serving(create_app(settings)) as url:
        tab = visit(url, expected=("status of 401",))
        tab.page.get_by_role("button", name="Cancel").click()
        tab.page.get_by_role("heading", name="A key is needed").wait_for()
        tab.page.get_by_role("button", name="Enter a key").click()
        tab.page.get_by_label("API key").fill(KEY)
        tab.page.get_by_label("API key").press("Enter")
        tab.choose("garden.jpg", jpeg)
        tab.wait_for("lit from the right")


def test_a_refusal_is_counted_down_and_tried_again_by_itself(visit, tmp_path, jpeg):
    (tmp_path / "fake.onnx").touch()
    settings = Settings(
        models_dir=tmp_path,
        cache_bytes=0,
        api_keys=(f"editor:{digest_of(KEY)}",),
        max_requests_per_key=1,
        max_queue_wait_ms=60_000,
    )
    engine = FakeEngine(lambda n: 0.01)
    with serving(create_app(settings, open_engine=lambda path: engine)) as url:
        tab = visit(url, expected=("status of 401", "status of 429"))
        tab.page.get_by_label("API key").fill(KEY)
        tab.page.get_by_label("API key").press("Enter")
        tab.page.get_by_text("megapixels").wait_for()

        other = threading.Thread(  # of the same key: it takes the only place, and stays
            target=http.post,
            args=(f"{url}/relight",),
            kwargs={"content": jpeg, "headers": {"X-Api-Key": KEY}, "timeout": 60},
        )
        waiting = 'relight_requests_outstanding{priority="interactive"}'
        with held(engine):
            other.start()
            wait_until(lambda: metric(url, waiting) == 1)
            tab.choose("garden.jpg", jpeg)
            tab.page.get_by_role("heading", name="Too many requests from this caller").wait_for()
            tab.page.get_by_text("Trying again in").wait_for()
            tab.keep_screenshot("refused-1280")
        tab.wait_for("lit from the right")
        assert not tab.page.get_by_role("alert").is_visible()
        other.join()
