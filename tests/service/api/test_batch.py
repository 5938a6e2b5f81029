"""`POST /relight/batch`, over real HTTP."""

from __future__ import annotations

import io
import json
import threading
import zipfile

import httpx
import pytest

from service.api.archive import ZipStream, member_name
from service.app import create_app
from service.imaging import ReadingCost
from service.relighting.pipeline import prepare
from service.settings import Settings
from tests import http_client as http
from tests.service.calls import metric, problem_of, relight, wait_until
from tests.service.stand_ins import decoded, serving


def post(url: str, *files: tuple[str, bytes], **options: str) -> httpx.Response:
    parts = [("image", file) for file in files]
    return http.post(f"{url}/relight/batch", files=parts, data=options)


def unpacked(answer: httpx.Response) -> tuple[zipfile.ZipFile, list[dict]]:
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive, json.loads(archive.read("manifest.json"))["images"]


def test_every_photo_comes_back_as_it_would_alone(url, png, picture):
    answer = post(url, ("a.png", png), ("b.png", png), direction="W")
    assert answer.headers["content-type"] == "application/zip"
    archive, images = unpacked(answer)
    assert [image["member"] for image in images] == ["0001-a.png", "0002-b.png"]
    alone = relight(url, png, direction="W").content
    assert all(archive.read(image["member"]) == alone for image in images)
    assert decoded(alone).shape == picture.shape
    assert images[0]["light"].startswith("W-")


def test_a_photo_that_fails_is_a_problem_in_the_manifest_and_hurts_no_other(url, png):
    answer = post(url, ("a.png", png), ("bad.png", png[:500]), ("text.png", b"hello"))
    assert answer.status_code == 200
    archive, images = unpacked(answer)
    assert archive.namelist() == ["0001-a.png", "manifest.json"]
    assert [image["file"] for image in images] == ["a.png", "bad.png", "text.png"]
    assert [image.get("problem", {}).get("code") for image in images] == [
        None,
        "image_corrupt",
        "unsupported_media_type",
    ]
    assert images[1]["problem"]["request_id"] == answer.headers["x-request-id"]


def test_a_mistake_of_the_server_on_one_photo_hurts_no_other(fake_service, png, monkeypatch):
    def break_on_gifts(data, *rest, **more):
        if data == b"gift":
            raise ZeroDivisionError("secret")
        return prepare(data, *rest, **more)

    monkeypatch.setattr("service.relighting.photo_reader.prepare", break_on_gifts)
    monkeypatch.setattr("service.relighting.relighter.sniff", lambda data: "png")
    monkeypatch.setattr(
        "service.relighting.photo_reader.reading_cost", lambda data, limits: ReadingCost(0, 0)
    )
    with fake_service(lambda n: 0.0) as (url, _):
        answer = post(url, ("a.png", png), ("b.png", b"gift"))
    _, images = unpacked(answer)
    assert images[0]["member"] == "0001-a.png"
    assert images[1]["problem"]["code"] == "internal"
    assert "secret" not in answer.text


def test_a_wrong_option_fails_the_whole_request(url, png):
    assert problem_of(post(url, ("a.png", png), colour="red"))["option"] == "colour"


def test_a_body_that_is_no_form_or_holds_no_photo_is_refused(url, png):
    raw = http.post(f"{url}/relight/batch", content=png)
    assert problem_of(raw)["code"] == "invalid_multipart"
    empty = http.post(f"{url}/relight/batch", files={"photo": ("a.png", png)})
    assert problem_of(empty)["code"] == "missing_image"


def test_more_photos_than_allowed_are_refused(fake_service, png):
    with fake_service(lambda n: 0.0, max_batch_images=2) as (url, _):
        answer = post(url, *[("a.png", png)] * 3)
    assert problem_of(answer)["code"] == "invalid_multipart"


def test_photos_are_sent_as_they_are_ready(fake_service, png):
    first_came = threading.Event()
    with fake_service(lambda n: 0.0, max_batch_size=1) as (url, engine):

        def hold_all_but_the_first(n: int) -> float:
            assert not engine.batch_sizes or first_came.wait(50), "the first photo was not sent"
            return 0.0

        engine.duration_s = hold_all_but_the_first
        files = [("image", (f"{i}.png", png)) for i in range(4)]
        with http.stream("POST", f"{url}/relight/batch", files=files) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            first_came.set()
            assert sum(map(len, pieces)) > 0  # the others come
    assert sum(engine.batch_sizes) == 4


def test_a_client_that_leaves_a_batch_frees_its_waiting_photos(fake_service, png):
    with fake_service(lambda n: 0.2, max_batch_size=1) as (url, engine):
        files = [("image", (f"{i}.png", png)) for i in range(20)]
        with http.stream("POST", f"{url}/relight/batch", files=files) as answer:
            next(answer.iter_raw())
        wait_until(lambda: metric(url, "relight_bytes_in_flight") == 0)
        waiting = 'relight_requests_outstanding{priority="bulk"}'
        wait_until(lambda: metric(url, waiting) == 0)
    assert sum(engine.batch_sizes) < 8


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("garden.JPG", "0001-garden.jpg"),
        ("../../etc/passwd", "0001-passwd.jpg"),
        ("C:\\photos\\a b.png", "0001-a_b.jpg"),
        ("", "0001-photo.jpg"),
        ("...", "0001-photo.jpg"),
    ],
)
def test_a_members_name_is_safe_for_any_file_name(given, made):
    assert member_name(1, given, "image/jpeg") == made


def test_the_archive_is_sound_when_its_pieces_are_joined():
    stream = ZipStream()
    data = b"".join([stream.add("a", b"1" * 1000), stream.add("b", b""), stream.close()])
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert (archive.read("a"), archive.read("b")) == (b"1" * 1000, b"")


def test_photos_not_begun_when_the_service_drains_are_problems_of_a_whole_manifest(models_dir, png):
    app = create_app(Settings(models_dir=models_dir))
    with serving(app) as url:
        app.state.context.lifecycle.draining = True
        _, images = unpacked(post(url, ("a.png", png), ("b.png", png)))
        app.state.context.lifecycle.draining = False
        failed = 'relight_batch_photos_failed_total{code="draining"}'
        assert metric(url, failed) == 2
    codes = [image["problem"]["code"] for image in images]
    assert codes == ["draining", "draining"]
