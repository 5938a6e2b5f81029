from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from relight.errors import ImageCorrupt
from service.imaging import decode
from tests.service.pictures import LIMITS, P3, noise, saved

FLAGS = 20  # of VP8X, where it is there
ALPHA, ANIMATION = 0x10, 0x02


def with_alpha() -> Image.Image:
    picture = Image.fromarray(noise(37, 53)).convert("RGBA")
    picture.putalpha(Image.fromarray(noise(37, 53, seed=1)[..., 0]))
    return picture


def kinds() -> dict[str, bytes]:
    opaque, hidden = Image.fromarray(noise(37, 53)), with_alpha()
    hidden.putalpha(0)
    files = {
        "lossy": saved(opaque, "webp"),
        "lossless": saved(opaque, "webp", lossless=True),
        "lossy with alpha": saved(with_alpha(), "webp"),
        "lossy with coarse alpha": saved(with_alpha(), "webp", quality=0, alpha_quality=5),
        "lossless with alpha": saved(with_alpha(), "webp", lossless=True),
        "colours below full transparency": saved(hidden, "webp", lossless=True, exact=True),
        "with a profile": saved(with_alpha(), "webp", icc_profile=P3),
        "opaque with a profile": saved(opaque, "webp", icc_profile=P3),
        "lossless with a profile": saved(opaque, "webp", lossless=True, icc_profile=P3),
    }
    for name in ("with a profile", "opaque with a profile", "lossless with a profile"):
        liar = bytearray(files[name])
        liar[FLAGS] ^= ALPHA
        files[f"{name}, wrong about alpha"] = bytes(liar)
    return files


KINDS = kinds()


@pytest.mark.parametrize("name", KINDS)
def test_a_webp_has_the_pixels_and_the_alpha_that_its_own_library_gives(name):
    photo = decode(KINDS[name], LIMITS)
    with Image.open(BytesIO(KINDS[name])) as expected:
        assert (photo.alpha is not None) == (expected.mode == "RGBA")
        np.testing.assert_array_equal(photo.pixels, np.asarray(expected.convert("RGB")))
        if photo.alpha is not None:
            np.testing.assert_array_equal(photo.alpha, np.asarray(expected.getchannel("A")))


@pytest.mark.parametrize("name", ["lossy", "lossless", "lossy with alpha"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_webp_whose_picture_is_cut_off_is_corrupt(name, share):
    data = bytearray(KINDS[name][: int(len(KINDS[name]) * share)])
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    last = max(data.rfind(name) for name in (b"VP8 ", b"VP8L", b"ALPH"))
    data[last + 4 : last + 8] = (len(data) - last - 8).to_bytes(4, "little")
    with pytest.raises(ImageCorrupt):
        decode(bytes(data), LIMITS)


def test_a_still_picture_marked_as_an_animation_is_corrupt():
    data = bytearray(KINDS["with a profile"])
    data[FLAGS] ^= ANIMATION
    with pytest.raises(ImageCorrupt):
        decode(bytes(data), LIMITS)
