from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from relight.errors import InvalidOption
from service.imaging import Photo, decode, encode
from tests.service.pictures import LIMITS, P3, noise

EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"  # an empty directory
SAMPLING = {"444": (1, 1), "422": (2, 1), "420": (2, 2)}  # of luminance, as JPEG counts it


def test_a_picture_that_the_encoder_cannot_take_in_bounded_memory_is_refused():
    photo = Photo(pixels=np.broadcast_to(np.uint8(9), (5000, 5001, 3)), format="png")
    with pytest.raises(InvalidOption, match="25000000") as refusal:
        encode(photo, "avif")
    assert refusal.value.allowed == ("jpeg", "png", "webp", "tiff")


@pytest.mark.parametrize("subsampling", SAMPLING)
def test_subsampling_is_as_asked(subsampling):
    data = encode(Photo(pixels=noise(), format="png"), "jpeg", subsampling=subsampling)
    with Image.open(BytesIO(data)) as image:
        assert image.layer[0][1:3] == SAMPLING[subsampling]


def test_avif_keeps_more_colour_with_444():
    photo = Photo(pixels=noise(64, 64), format="png")
    errors = {}
    for subsampling in ("444", "420"):
        again = decode(encode(photo, "avif", quality=95, subsampling=subsampling), LIMITS)
        errors[subsampling] = abs(again.pixels.astype(int) - photo.pixels).mean()
    assert errors["444"] < 0.5 * errors["420"]


def test_a_jpeg_is_progressive_when_asked():
    data = encode(Photo(pixels=noise(), format="png"), "jpeg", progressive=True)
    with Image.open(BytesIO(data)) as image:
        assert image.info["progressive"]


@pytest.mark.parametrize("is_gray", [False, True])
@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize("subsampling", SAMPLING)
def test_a_jpeg_is_the_file_that_pillow_writes_of_the_same_pixels(
    subsampling, is_progressive, is_gray
):
    pixels = noise(37, 53)
    if is_gray:
        pixels = np.repeat(pixels[..., :1], 3, axis=-1)
    photo = Photo(
        pixels=pixels,
        format="png",
        is_gray=is_gray,
        icc_profile=None if is_gray else P3,
        exif=EXIF,
        dpi=(300, 240),
    )
    kept = Image.fromarray(pixels[..., 0] if is_gray else pixels)
    file = BytesIO()
    kept.save(
        file,
        "jpeg",
        quality=92,
        subsampling=-1 if is_gray else ":".join(subsampling),  # grey has no colour to lose
        progressive=is_progressive,
        icc_profile=photo.icc_profile,
        exif=EXIF,
        dpi=photo.dpi,
    )
    options = {"subsampling": subsampling, "progressive": is_progressive, "keep_metadata": True}
    assert encode(photo, "jpeg", **options) == file.getvalue()


@pytest.mark.parametrize("is_progressive", [False, True])
def test_a_profile_of_two_segments_goes_along_with_a_small_jpeg(is_progressive):
    long_profile = P3 + bytes(66_000)
    photo = Photo(pixels=noise(), format="png", icc_profile=long_profile)
    with Image.open(BytesIO(encode(photo, "jpeg", progressive=is_progressive))) as image:
        assert image.info["icc_profile"] == long_profile


def test_pixels_are_used_up_only_if_they_may_be():
    photo = Photo(pixels=noise(37, 53), format="png")
    file = encode(photo, "jpeg")
    assert np.array_equal(photo.pixels, noise(37, 53))
    assert encode(photo, "jpeg", may_overwrite=True) == file


@pytest.mark.parametrize(
    ("format_name", "options"),
    [
        ("png", {"subsampling": "444"}),
        ("webp", {"subsampling": "420"}),
        ("tiff", {"progressive": True}),
        ("avif", {"progressive": False}),
    ],
)
def test_an_option_that_the_format_does_not_have_is_refused(format_name, options):
    with pytest.raises(InvalidOption, match="has no option") as refusal:
        encode(Photo(pixels=noise(), format="png"), format_name, **options)
    assert refusal.value.option in options
