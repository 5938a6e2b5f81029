from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from service.contract.buckets import buckets_for
from service.imaging import ImageLimits, Photo, decode, encode
from service.relighting.options import RelightOptions
from service.relighting.pipeline import Prepared, Rendered, finish, prepare
from service.telemetry.stage_timings import Timings
from tests.service.icc_profiles import gray_profile
from tests.service.pictures import P3, saved

LIMITS = ImageLimits(max_pixels=4_000_000, max_side_px=4000, min_side_px=4)
BUCKETS = buckets_for(64)


def relit(data: bytes, format_name: str = "png", light=None, **options: str) -> bytes:
    """Relight a file with a network that dims, or that answers what `light` makes of its input."""
    chosen = RelightOptions.parse(options.items())
    timings = Timings()
    full_size = chosen.detail == "full"
    prepared = prepare(data, LIMITS, BUCKETS, timings, full_size=full_size)
    image = (light or dim)(prepared.image / np.float32(255))
    rendered = Rendered(image.astype(np.float32), 4500, 0.0) if chosen.strength > 0 else None
    return finish(prepared, rendered, chosen, format_name, timings)


def dim(image):
    return image * np.linspace(0.4, 0.8, image.shape[1], dtype=np.float32)[:, None]


def paint_red(image):
    return dim(image) * np.array([1, 0.5, 0.3], np.float32)


def ramp(height_px=90, width_px=120, dtype=np.uint16, low=0.2, high=0.9):
    white = np.iinfo(dtype).max
    row = np.linspace(low * white, high * white, width_px)
    return np.broadcast_to(row[None, :, None], (height_px, width_px, 3)).astype(dtype)


def file_of(pixels, format_name="png", **more) -> bytes:
    return encode(Photo(pixels=pixels, format="png", **more), format_name, keep_metadata=True)


@pytest.mark.parametrize("format_name", ["png", "tiff"])
def test_16_bits_go_through_the_whole_request_path_without_bands(format_name):
    photo = decode(relit(file_of(ramp(width_px=400)), format_name, color="model"), LIMITS)
    assert photo.pixels.dtype == np.uint16
    row = photo.pixels[45, 20:-20, 1].astype(int)
    assert len(np.unique(row)) > 350  # in 8 bits some 90 codes would be left
    assert np.abs(np.diff(row, 2)).max() < 257  # no step of an 8-bit code


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("format_name", ["png", "tiff"])
@pytest.mark.parametrize("icc_profile", [None, P3])
def test_strength_0_gives_every_pixel_back(dtype, format_name, icc_profile):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, np.iinfo(dtype).max, (50, 70, 3), dtype, endpoint=True)
    alpha = rng.integers(0, np.iinfo(dtype).max, (50, 70), dtype, endpoint=True)
    data = file_of(pixels, icc_profile=icc_profile, alpha=alpha)
    photo = decode(relit(data, format_name, strength="0"), LIMITS)
    np.testing.assert_array_equal(photo.pixels, pixels)
    np.testing.assert_array_equal(photo.alpha, alpha)
    assert photo.icc_profile == icc_profile


@pytest.mark.parametrize("strength", ["0", "1e-4"])
def test_a_phones_portrait_comes_back_upright_in_p3_with_its_exif(strength):
    """Strength 0 and nearly 0 must not differ: the effect is continuous."""
    upright = cv2.resize(ramp(8, 6, np.uint8), (600, 800), interpolation=cv2.INTER_CUBIC)
    upright[:400, :, 0] //= 2
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "Phone"
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(upright)))
    data = saved(stored, "jpeg", quality=95, exif=exif, icc_profile=P3)
    answer = relit(data, "jpeg", strength=strength)
    with Image.open(BytesIO(answer)) as image:
        assert image.size == (600, 800)
        assert image.info["icc_profile"] == P3
        assert image.getexif()[ExifTags.Base.Model] == "Phone"
        assert ExifTags.Base.Orientation not in image.getexif()
        assert np.abs(np.asarray(image).astype(int) - upright).mean() < 2
    assert b"Phone" not in relit(data, "jpeg", strength=strength, metadata="strip")


@pytest.mark.parametrize("format_name", ["png", "jpeg", "tiff"])
@pytest.mark.parametrize("icc_profile", [None, gray_profile(1.8)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_stays_gray_even_if_the_network_paints_colour(format_name, icc_profile, dtype):
    data = file_of(ramp(dtype=dtype), icc_profile=icc_profile, is_gray=True)
    with Image.open(BytesIO(relit(data, format_name, light=paint_red))) as image:
        assert image.mode in {"L", "I;16"}
        assert image.info.get("icc_profile") == icc_profile


@pytest.mark.parametrize("options", [{"temperature": "3000"}, {"color": "model"}])
@pytest.mark.parametrize("icc_profile", [None, gray_profile(1.8), P3])
def test_gray_takes_colour_when_it_is_asked_for(options, icc_profile):
    data = file_of(ramp(dtype=np.uint8), icc_profile=icc_profile, is_gray=True)
    photo = decode(relit(data, light=paint_red, **options), LIMITS)
    assert not photo.is_gray
    assert photo.icc_profile == (P3 if icc_profile == P3 else None)
    red, _, blue = photo.pixels.reshape(-1, 3).mean(axis=0)
    assert red > blue + 10


def test_gray_of_another_profile_is_as_bright_in_colour_as_in_gray():
    gray = file_of(ramp(dtype=np.uint8), icc_profile=gray_profile(1.0), is_gray=True)
    own = decode(relit(gray), LIMITS)
    coloured = decode(relit(gray, temperature="6500"), LIMITS)
    linear = own.pixels[..., 1].astype(float) / 255
    srgb = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(coloured.pixels[..., 1] / 255, srgb, atol=0.02)


def test_the_models_resolution_is_decoded_from_a_part_of_the_jpeg():
    large = saved(Image.fromarray(ramp(1200, 1600, np.uint8)), "jpeg")
    timings = Timings()
    small = prepare(large, LIMITS, BUCKETS, timings, full_size=False)
    whole = prepare(large, LIMITS, BUCKETS, timings)
    assert small.photo.pixels.shape == (150, 200, 3)
    assert whole.photo.pixels.shape == (1200, 1600, 3)
    assert np.abs(small.image.astype(int) - whole.image).max() <= 3
    with Image.open(BytesIO(relit(large, detail="model"))) as image:
        assert image.size[0] / image.size[1] == pytest.approx(4 / 3, rel=0.02)


def test_a_large_16_bit_picture_is_given_at_the_models_resolution_in_16_bits():
    data = file_of(ramp(300, 400), alpha=ramp(300, 400)[..., 0])
    photo = decode(relit(data, detail="model"), LIMITS)
    assert photo.pixels.dtype == np.uint16
    assert photo.alpha is not None
    assert max(photo.pixels.shape) < 120


def test_the_calibrated_softness_is_used():
    noise = np.random.default_rng(0).integers(60, 200, (256, 256, 3), np.uint8)
    prepared = prepare(file_of(noise), LIMITS, BUCKETS, Timings())
    blurred = cv2.GaussianBlur(prepared.srgb, (0, 0), 1.5)

    def answer(softness_px: float | None) -> Photo:
        rendered = Rendered(blurred, 4500, softness_px)
        options = RelightOptions.parse([("color", "model")])
        return decode(finish(prepared, rendered, options, "png", Timings()), LIMITS)

    def error(photo: Photo) -> float:
        return float(np.abs(photo.pixels.astype(int) - noise).mean())

    assert error(answer(1.5)) < 0.5 * error(answer(0.0))
    assert error(answer(None)) < 0.7 * error(answer(0.0))  # estimated


def test_prepared_pictures_are_small():
    prepared = prepare(file_of(ramp(300, 400)), LIMITS, BUCKETS, Timings())
    assert isinstance(prepared, Prepared)
    assert prepared.image.dtype == np.uint8
    assert prepared.image.shape == prepared.srgb.shape == prepared.native.shape


@pytest.mark.parametrize("size", [(300, 400), (301, 400), (300, 401), (60, 70)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_photo_and_its_mirror_image_are_read_alike(size, dtype):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (*size, 3), dtype)
    one, other = (
        prepare(file_of(np.ascontiguousarray(each)), LIMITS, BUCKETS, Timings(), canonical=True)
        for each in (pixels, pixels[:, ::-1])
    )
    np.testing.assert_array_equal(one.image, other.image)
    assert one.mirrored != other.mirrored
