"""What stands around and behind a JPEG, and the kinds of JPEG that are not read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from relight.errors import ImageCorrupt, UnsupportedMediaType
from service.imaging import decode
from tests.service.pictures import LIMITS, corners, noise, saved

SCAN = b"\xff\xda"


@given(st.binary(max_size=200), st.integers(0, 400), st.booleans())
def test_data_behind_the_image_do_not_matter(trailer, num_scans, progressive):
    jpeg = saved(corners(), "jpeg", progressive=progressive)
    photo = decode(jpeg + trailer + SCAN * num_scans, LIMITS)
    np.testing.assert_array_equal(photo.pixels, decode(jpeg, LIMITS).pixels)


def test_a_segment_may_hold_what_looks_like_scans():
    jpeg = saved(corners(), "jpeg", comment=SCAN * 5000)
    assert decode(jpeg, LIMITS).width_px == 48


def test_restart_markers_are_no_scans():
    jpeg = saved(Image.fromarray(noise(400, 400)), "jpeg", restart_marker_blocks=1)
    assert decode(jpeg, LIMITS).width_px == 400


def test_too_many_scans_and_segments_are_refused_at_any_position():
    jpeg = saved(Image.fromarray(noise(64, 64)), "jpeg", progressive=True)
    last = jpeg.rindex(SCAN)
    with pytest.raises(ImageCorrupt, match="more than 50 scans"):
        decode(jpeg[:-2] + jpeg[last:-2] * 50 + jpeg[-2:] + b"video", LIMITS)
    with pytest.raises(ImageCorrupt, match="more than 10000 segments"):
        decode(jpeg[:2] + b"\xff\xfe\0\2" * 20_000 + jpeg[2:], LIMITS)


@pytest.mark.parametrize(
    ("marker", "bits", "num_components", "words"),
    [
        (0xC1, 12, 3, "12 bits"),
        (0xC2, 12, 3, "12 bits"),
        (0xC3, 8, 3, "lossless"),
        (0xC3, 16, 1, "lossless"),
        (0xC5, 8, 3, "hierarchical"),
        (0xC6, 8, 3, "hierarchical"),
        (0xCB, 8, 3, "arithmetic"),
        (0xCF, 8, 3, "hierarchical, arithmetic"),
        (0xF7, 8, 3, "JPEG-LS"),
        (0xC0, 8, 2, "2 components"),
    ],
)
def test_a_kind_that_is_not_read_is_called_by_its_name(marker, bits, num_components, words):
    jpeg = bytearray(saved(corners(), "jpeg"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 1], jpeg[frame + 4], jpeg[frame + 9] = marker, bits, num_components
    with pytest.raises(UnsupportedMediaType, match=words):
        decode(bytes(jpeg), LIMITS)
