from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relight.errors import InvalidOption, UnsupportedMediaType
from service.api.negotiation import parse_accept
from service.imaging.formats import (
    ANSWER_FORMATS,
    FORMATS,
    check_size,
    choose_format,
    rank_formats,
    sniff,
)


def chosen_for(asked, accept, own, size=(640, 480), *, has_alpha=False):
    return choose_format(rank_formats(asked, parse_accept(accept), own), *size, has_alpha=has_alpha)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\xd8\xff\xe0....", "jpeg"),
        (b"\x89PNG\r\n\x1a\n....", "png"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "webp"),
        (b"II*\0\x08\0\0\0", "tiff"),
        (b"MM\0*\0\0\0\x08", "tiff"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "avif"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0avifmiaf", "avif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heif"),
    ],
)
def test_formats_are_recognised_by_their_first_bytes(data, name):
    assert sniff(data) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"GIF89a",
        b"RIFF\x10\0\0\0WAVE",
        b"<svg/>",
        b"\0\0\0\x20ftypisom\0\0\0\0mp42",
    ],
)
def test_other_bytes_are_refused_with_the_list_of_formats(data):
    with pytest.raises(UnsupportedMediaType, match="jpeg, png, webp, avif, tiff, heif"):
        sniff(data)


@pytest.mark.parametrize(
    ("asked", "accept", "own", "chosen"),
    [
        (None, None, "png", "png"),
        (None, "", "webp", "webp"),
        (None, "*/*", "webp", "webp"),
        ("jpeg", "image/png", "webp", "jpeg"),
        (None, "image/png", "jpeg", "png"),
        (None, "IMAGE/PNG ; q=0.5", "jpeg", "png"),
        (None, "image/png;q=0.5, image/webp;q=0.9", "jpeg", "webp"),
        (None, "image/jpeg;q=0, image/*;q=0.1", "jpeg", "png"),
        (None, "image/webp;q=0.5, image/*", "png", "png"),
        (None, "image/avif,image/webp,image/*,*/*;q=0.8", "jpeg", "jpeg"),
        (None, "image/avif,image/png;q=0.9", "jpeg", "avif"),
        (None, None, "tiff", "tiff"),
        (None, None, "heif", "jpeg"),
        (None, "image/heif", "heif", "jpeg"),
        (None, "image/heif, image/png;q=0.5", "heif", "png"),
        (None, "text/html, application/json", "jpeg", "jpeg"),
        (None, "image/png;q=much, image/webp;q=0.2", "jpeg", "webp"),
        (None, "image/png;level=1;q=0.3, image/webp;q=0.2", "jpeg", "png"),
    ],
)
def test_the_answer_has_the_most_preferred_format(asked, accept, own, chosen):
    assert chosen_for(asked, accept, own) == chosen


def test_an_unknown_format_is_refused_with_the_list():
    with pytest.raises(InvalidOption, match="'gif' is not one of") as caught:
        rank_formats("gif", {}, "png")
    assert caught.value.option == "format"
    assert caught.value.allowed == ANSWER_FORMATS


HUGE, WIDE = (5200, 5200), (16_384, 64)  # more than AVIF, and WebP, are written with


@pytest.mark.parametrize(
    ("accept", "own", "size", "has_alpha", "chosen"),
    [
        ("image/avif,*/*;q=0.8", "jpeg", HUGE, False, "jpeg"),
        ("image/avif,*/*;q=0.8", "png", HUGE, True, "png"),
        ("image/avif,image/webp;q=0.9", "jpeg", HUGE, False, "webp"),
        ("image/webp,image/png;q=0.5", "jpeg", WIDE, False, "png"),
        ("image/webp", "jpeg", WIDE, False, "jpeg"),  # disregarded, as nothing else is allowed
        ("image/avif", "png", HUGE, True, "png"),
        (None, "avif", HUGE, False, "jpeg"),
        (None, "avif", HUGE, True, "png"),
        ("*/*", "webp", WIDE, True, "png"),
        ("image/avif", "jpeg", (5000, 5000), False, "avif"),
    ],
)
def test_accept_chooses_no_format_that_cannot_hold_the_picture(
    accept, own, size, has_alpha, chosen
):
    assert chosen_for(None, accept, own, size, has_alpha=has_alpha) == chosen


@pytest.mark.parametrize(("asked", "size"), [("avif", HUGE), ("webp", WIDE)])
def test_a_format_that_was_asked_for_and_cannot_be_is_refused_with_those_that_can(asked, size):
    with pytest.raises(InvalidOption, match=asked) as caught:
        chosen_for(asked, "image/png", "jpeg", size)
    assert caught.value.option == "format"
    assert asked not in caught.value.allowed
    assert {"jpeg", "png", "tiff"} <= set(caught.value.allowed)


@given(
    st.text(alphabet="image/jpgwebnvf*;q=01.,-e ", max_size=60),
    st.sampled_from(sorted(FORMATS)),
    st.tuples(st.integers(1, 16_384), st.integers(1, 16_384)),
    st.booleans(),
)
def test_any_accept_header_and_size_get_some_format(accept, own, size, has_alpha):
    check_size(chosen_for(None, accept, own, size, has_alpha=has_alpha), *size)
