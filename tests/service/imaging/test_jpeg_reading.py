"""Whatever kind of JPEG comes, its pixels are those that Pillow reads."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from relight.errors import ImageCorrupt
from service.imaging import decode
from tests.service.peak import peak_growth
from tests.service.pictures import LIMITS, noise, saved

FACTORS = st.sampled_from([0x11, 0x12, 0x14, 0x21, 0x22, 0x24, 0x31, 0x41, 0x42, 0x44])
ONE_STEP = 1  # of rounding, where Pillow has another release of libjpeg-turbo


def assert_as_pillow(jpeg: bytes) -> None:
    pixels = np.asarray(Image.open(BytesIO(jpeg)).convert("RGB"), np.int16)
    np.testing.assert_allclose(decode(jpeg, LIMITS).pixels, pixels, rtol=0, atol=ONE_STEP)


def smooth(height_px: int, width_px: int) -> Image.Image:
    return Image.fromarray(noise(8, 8)).resize((width_px, height_px))


@given(
    st.integers(4, 70),
    st.integers(4, 70),
    st.sampled_from(["RGB", "L", "CMYK"]),
    st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    st.integers(1, 100),
    st.booleans(),
    st.integers(0, 3),
)
def test_every_kind_of_jpeg_is_read_as_pillow_reads_it(
    height_px, width_px, mode, subsampling, quality, progressive, restart_marker_blocks
):
    picture = smooth(height_px, width_px).convert(mode)
    options = {"subsampling": subsampling} if mode == "RGB" else {}
    assert_as_pillow(
        saved(
            picture,
            "jpeg",
            quality=quality,
            progressive=progressive,
            restart_marker_blocks=restart_marker_blocks,
            **options,
        )
    )


@pytest.mark.parametrize("subsampling", ["440", "411"])
def test_rare_subsamplings_are_read_as_pillow_reads_them(subsampling):
    pixels = np.asarray(smooth(61, 83))
    assert_as_pillow(simplejpeg.encode_jpeg(pixels, colorsubsampling=subsampling))


@given(FACTORS, FACTORS, FACTORS)
def test_a_frame_with_any_sampling_factors_is_read_as_pillow_reads_it(first, second, third):
    jpeg = bytearray(saved(smooth(61, 83), "jpeg", subsampling="4:2:0"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 11], jpeg[frame + 14], jpeg[frame + 17] = first, second, third
    try:
        Image.open(BytesIO(jpeg)).load()
    except OSError:
        with pytest.raises(ImageCorrupt):
            decode(bytes(jpeg), LIMITS)
    else:
        assert_as_pillow(bytes(jpeg))


@given(st.binary(min_size=1, max_size=8), st.floats(0, 0.99), st.booleans())
def test_a_file_of_which_libjpeg_warns_is_read_as_pillow_reads_it(junk, at, progressive):
    jpeg = saved(smooth(61, 83), "jpeg", progressive=progressive)
    start = jpeg.rindex(b"\xff\xda") + 20
    offset = start + int(at * (len(jpeg) - 2 - start))
    damaged = jpeg[:offset] + junk.replace(b"\xff", b"\xfe") + jpeg[offset:]
    try:
        Image.open(BytesIO(damaged)).load()
    except OSError:  # the data are now a marker that Pillow does not expect
        with suppress(ImageCorrupt):
            decode(damaged, LIMITS)
    else:
        assert_as_pillow(damaged)


@given(st.floats(0.3, 1, exclude_max=True), st.booleans())
def test_a_file_that_is_cut_off_anywhere_is_corrupt(kept, progressive):
    jpeg = saved(smooth(61, 83), "jpeg", progressive=progressive)
    with pytest.raises(ImageCorrupt):
        decode(jpeg[: int(kept * len(jpeg))], LIMITS)


def test_a_sound_file_takes_the_memory_of_its_pixels_alone():
    jpeg, limits = saved(smooth(3000, 3000), "jpeg"), replace(LIMITS, max_pixels=9_000_000)
    with peak_growth() as peak:
        num_bytes = decode(jpeg, limits).pixels.nbytes
    assert peak.num_bytes < 1.3 * num_bytes
