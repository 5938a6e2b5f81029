"""Forms that are made to cost much: refused as malformed, in time and memory of their bytes."""

from __future__ import annotations

import pytest

from tests import http_client as http
from tests.service.calls import problem_of

FORM = {"Content-Type": "multipart/form-data; boundary=X"}
PHOTO = b'Content-Disposition: form-data; name="image"; filename="a.png"\r\n'
FIELD = b'Content-Disposition: form-data; name="quality"\r\n'
END = b"\r\n--X--\r\n"
MILLION = 1_000_000


def part(headers: bytes, data: bytes = b"9") -> bytes:
    return b"--X\r\n" + headers + b"\r\n" + data + b"\r\n"


FLOODS = {
    "parts of one byte": part(FIELD) * 20_000 + END,
    "parts without a name": part(b"", b"") * 100_000 + END,
    "files of one byte": part(PHOTO) * 20_000 + END,
    "headers in a part": b"--X\r\n" + b"a:\r\n" * 250_000 + PHOTO + b"\r\nx" + END,
    "a header's name": b"--X\r\n" + b"a" * MILLION + b": b\r\n" + PHOTO + b"\r\nx" + END,
    "a header's value": b"--X\r\na: " + b"b" * MILLION + b"\r\n" + PHOTO + b"\r\nx" + END,
    "a part's name": part(b'Content-Disposition: form-data; name="' + b"a" * MILLION + b'"\r\n')
    + END,
    "a file's name": part(PHOTO.replace(b"a.png", b"a" * MILLION)) + END,
    "text in one field": part(FIELD, b"9" * 100_000) + part(PHOTO) + END,
    "text in many fields": part(FIELD, b"9" * 10_000) * 16 + part(PHOTO) + END,
    "lines like the boundary": part(PHOTO, b"\r\n--Xa" * 200_000) + END,
    "lines after the end": part(PHOTO) + END + b"\r\n--X\r\n" * 200_000,
    "text before the first part": b"preamble\r\n" * 100_000 + part(PHOTO) + END,
}


@pytest.mark.parametrize("path", ["/relight", "/relight/batch"])
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_a_form_is_refused_as_malformed(url, path, name):
    answer = http.post(f"{url}{path}", content=FLOODS[name], headers=FORM)
    problem = problem_of(answer)
    assert (answer.status_code, problem["code"]) == (400, "invalid_multipart")
    assert len(answer.content) < 2_000


def test_a_few_lines_like_the_boundary_belong_to_the_photo(url):
    lines = b"\r\n--Xa" * 30 + b"x" * MILLION
    answer = http.post(f"{url}/relight", content=part(PHOTO, lines) + END, headers=FORM)
    assert problem_of(answer)["code"] == "unsupported_media_type"  # it was read as a photo


def test_a_form_may_have_text_behind_its_end_and_every_option(url, png):
    fields = part(FIELD, b"90") + part(FIELD.replace(b"quality", b"format"), b"jpeg")
    body = b"\r\n" + fields + part(PHOTO, png) + END + b"epilogue" * 1000
    answer = http.post(f"{url}/relight", content=body, headers=FORM)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


CODECS = [
    *("undefined", "punycode", "idna", "utf-7", "utf-16", "unicode_escape", "hex", "rot13"),
    *("no-such-codec", "", "a" * 5_000, "\xff\xfe"),
]


@pytest.mark.parametrize("charset", CODECS)
@pytest.mark.parametrize("text", [b"90", b"caf\xe9-", b"-" + b"9" * 60_000, b"\\ud800+2AA-"])
def test_the_text_of_a_form_is_utf_8_whatever_charset_it_names(url, png, charset, text):
    body = part(FIELD, text) + part(PHOTO, png) + END
    named = {
        "Content-Type": FORM["Content-Type"].encode() + b"; charset=" + charset.encode("latin1")
    }
    answer = http.post(f"{url}/relight?format=jpeg", content=body, headers=named)
    plain = http.post(f"{url}/relight?format=jpeg", content=body, headers=FORM)
    assert answer.status_code == plain.status_code < 500
    if plain.status_code != 200:
        differing = {"instance", "request_id"}
        assert {k: v for k, v in problem_of(answer).items() if k not in differing} == {
            k: v for k, v in problem_of(plain).items() if k not in differing
        }


@pytest.mark.parametrize("boundary", ["X", '"X"', '"a b"', r'"a\"b\\c"', '"a; charset=idna"'])
def test_a_boundary_may_be_quoted(url, png, boundary):
    bare = boundary.strip('"').replace(r"\"", '"').replace("\\\\", "\\").encode()
    body = (part(PHOTO, png) + END).replace(b"--X", b"--" + bare)
    headers = {"Content-Type": f"multipart/form-data; charset=undefined; boundary={boundary}"}
    assert http.post(f"{url}/relight", content=body, headers=headers).status_code == 200
