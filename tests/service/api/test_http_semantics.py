"""HTTP as monitors, browsers and readers of streams expect it: HEAD, Accept, forms, ZIP."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.archive import ZipStream
from tests import http_client as http
from tests.service.calls import metric, problem_of, relight
from tests.service.stand_ins import encoded

# --- HEAD -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/livez", "/readyz", "/metrics", "/models", "/problems", "/problems/image_corrupt", "/"],
)
def test_head_has_the_headers_of_get_and_no_body(url, path):
    head, get = http.head(f"{url}{path}"), http.get(f"{url}{path}")
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    for name in ("content-type", "cache-control"):
        assert head.headers.get(name) == get.headers.get(name)


def test_head_is_counted_on_its_route_and_is_no_get_elsewhere(url):
    http.head(f"{url}/models")
    labels = 'relight_http_requests_total{code="200",method="HEAD",route="/models"}'
    assert metric(url, labels) >= 1
    assert http.head(f"{url}/relight").status_code == 405
    assert http.head(f"{url}/nowhere").status_code == 404


# --- Accept ---------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["image/webp", "image/webp,*/*;q=0.8"])
def test_accept_is_met_where_the_picture_can_be_held(url, accept):
    wide = encoded(np.zeros((33, 16_384, 3), np.uint8), "jpeg")
    answer = http.post(
        f"{url}/relight", content=wide, params={"strength": 0}, headers={"Accept": accept}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


def test_a_format_that_cannot_be_is_refused_before_inference(fake_service):
    wide = encoded(np.zeros((33, 16_384, 3), np.uint8), "jpeg")
    with fake_service(lambda n: 0.0) as (url, engine):
        problem = problem_of(relight(url, wide, format="webp"))
        assert (problem["code"], problem["option"]) == ("invalid_option", "format")
        assert not engine.batch_sizes
        assert relight(url, wide, format="webp", detail="model").status_code == 200


# --- multipart ------------------------------------------------------------------------


def post(url: str, body: bytes, path: str = "/relight") -> httpx.Response:
    return http.post(
        f"{url}{path}?strength=0",
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=B"},
    )


def part(disposition: str, body: bytes, *headers: str) -> bytes:
    head = "\r\n".join([f"Content-Disposition: form-data; {disposition}", *headers])
    return b"--B\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n"


END = b"--B--\r\n"


@pytest.mark.parametrize("size", [0, 1_100_000])
@pytest.mark.parametrize("path", ["/relight", "/relight/batch"])
def test_a_photo_without_a_filename_is_refused_with_that_reason(url, png, size, path):
    body = part('name="image"', png + bytes(size), "Content-Type: image/png") + END
    problem = problem_of(post(url, body, path))
    assert (problem["status"], problem["code"]) == (400, "missing_image")
    assert "'image' has no filename" in problem["detail"]


def test_a_field_that_is_too_long_is_named(url, png):
    body = part('name="temperature"', bytes(1_100_000)) + part('name="image"; filename=a', png)
    problem = problem_of(post(url, body + END))
    assert problem["code"] == "invalid_multipart"
    assert "'temperature'" in problem["detail"]


@pytest.mark.parametrize("path", ["/relight", "/relight/batch"])
def test_a_form_without_its_last_boundary_is_cut_off(url, png, path):
    body = part('name="image"; filename="a.png"', png) + END
    for length in (0, 10, 40, 100, len(body) - 12, len(body) - 8, len(body) - 4):
        problem = problem_of(post(url, body[:length], path))
        assert problem["code"] == "invalid_multipart", (length, problem)
    assert post(url, body[:-2], path).status_code == 200  # the last line's end is no matter


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("name=\"image\"; filename*=utf-8''%D1%84.jpg", "\u0444.jpg"),
        ("name=\"image\"; filename*=UTF-8'en'a%20b.jpg", "a b.jpg"),
        ("name=\"image\"; filename*=utf-8''%22%0D%0A.jpg", ".jpg"),
        ("name=\"image\"; filename*=latin-1''%E4.jpg", ""),
        ('name="image"; filename="a.jpg"; filename*=utf-8\'\'b.jpg', "a.jpg"),
    ],
)
def test_an_extended_filename_alone_makes_a_file_of_a_part(url, png, disposition, name):
    answer = post(url, part(disposition, png) + END, "/relight/batch")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert f'"file": "{name}"' in archive.read("manifest.json").decode("unicode-escape")


# --- archives -------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_every_member_can_be_read_as_it_comes(bodies):
    stream = ZipStream()
    pieces = [stream.add(f"{number}", body) for number, body in enumerate(bodies)]
    for piece, body in zip(pieces, bodies, strict=True):
        signature, _, flags, method, _, _, crc, packed, size, name, extra = struct.unpack_from(
            "<4s5H3I2H", piece
        )
        assert (signature, method) == (b"PK\3\4", zipfile.ZIP_STORED)
        assert not flags & 8  # no sizes behind the data
        assert (crc, packed, size) == (zlib.crc32(body), len(body), len(body))
        assert piece[30 + name + extra :] == body
    with zipfile.ZipFile(io.BytesIO(b"".join([*pieces, stream.close()]))) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()] == bodies
