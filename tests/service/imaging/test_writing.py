from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from relight.errors import InvalidOption
from service.imaging import Photo, decode, encode
from tests.service.pictures import LIMITS, noise

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
