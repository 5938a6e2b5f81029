"""AVIF and HEIF as other encoders, and phones, put them together."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from relight.errors import ImageCorrupt, ImageError, UnsupportedMediaType
from service.imaging import decode, encode, isobmff
from tests.service.imaging.test_heif import heic, large_corners
from tests.service.pictures import LIMITS, noise, saved


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def avif_with(associations: list[tuple[int, list[int]]], num_boxes: int) -> tuple[bytes, bytes]:
    """Return a sound AVIF with alpha, and the same with these property associations.

    Only `ipma` grows; what is behind it moves, and the offsets of the two items with it.
    """
    pixels = np.dstack([noise(64, 64), np.full((64, 64), 200, np.uint8)])
    sound = saved(Image.fromarray(pixels), "avif", quality=90)
    at = sound.index(b"ipma") - 4
    size = int.from_bytes(sound[at : at + 4])
    items = [
        struct.pack(">HB", item, len(numbers)) + bytes(numbers) for item, numbers in associations
    ]
    groups = [items] if num_boxes == 1 else [[item] for item in items]
    boxes = b"".join(
        box(b"ipma", bytes(4) + struct.pack(">I", len(group)) + b"".join(group)) for group in groups
    )
    data = bytearray(sound[:at] + boxes + sound[at + size :])
    grown = len(boxes) - size
    for kind in (b"iprp", b"meta"):
        start = data.index(kind) - 4
        data[start : start + 4] = struct.pack(">I", int.from_bytes(data[start : start + 4]) + grown)
    offset = data.index(b"iloc") + 12
    for _ in range(2):  # item, (construction method,) reference, number of extents, one extent
        extent = offset + 6
        moved = int.from_bytes(data[extent : extent + 4]) + grown
        data[extent : extent + 4] = struct.pack(">I", moved)
        offset = extent + 8
    return sound, bytes(data)


def test_the_unchanged_file_is_that_of_the_encoder():
    sound, same = avif_with(own_associations(), 1)
    assert same == sound


def own_associations() -> list[tuple[int, list[int]]]:
    pixels = np.dstack([noise(64, 64), np.full((64, 64), 200, np.uint8)])
    data = saved(Image.fromarray(pixels), "avif", quality=90)
    offset, found = data.index(b"ipma") + 12, []
    for _ in range(2):
        item, number = struct.unpack_from(">HB", data, offset)
        found.append((item, list(data[offset + 3 : offset + 3 + number])))
        offset += 3 + number
    return found


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("num_boxes", [1, 2])
def test_a_box_for_each_item_in_any_order_is_read(order, num_boxes):
    own = own_associations()
    sound, odd = avif_with([own[i] for i in order], num_boxes)
    expected, photo = decode(sound, LIMITS), decode(odd, LIMITS)
    np.testing.assert_array_equal(photo.pixels, expected.pixels)
    np.testing.assert_array_equal(photo.alpha, expected.alpha)


@pytest.mark.parametrize("num_boxes", [1, 2])
def test_an_alpha_image_without_a_size_has_the_size_of_the_colours(num_boxes):
    colour, (item, numbers) = own_associations()
    sound, odd = avif_with([colour, (item, numbers[1:])], num_boxes)  # the first one is `ispe`
    np.testing.assert_array_equal(decode(odd, LIMITS).alpha, decode(sound, LIMITS).alpha)


def test_a_sound_file_is_not_touched():
    assert isobmff.mended(saved(Image.fromarray(noise(64, 64)), "avif")) is None
    assert isobmff.mended(heic(large_corners())) is None


FILES = {"avif": saved(Image.fromarray(noise(64, 64)), "avif"), "heic": heic(large_corners())}


@given(st.binary(max_size=300), st.integers(0, 500), st.sampled_from(["avif", "heic"]))
def test_damaged_boxes_are_handled(noise_bytes, offset, kind):
    data = bytearray(FILES[kind])
    data[offset : offset + len(noise_bytes)] = noise_bytes
    isobmff.is_sequence(bytes(data))
    isobmff.colour_codes(bytes(data))
    isobmff.mended(bytes(data))


def test_a_video_behind_a_still_image_is_no_matter():
    video = box(b"ftyp", b"mp42" + bytes(12)) + box(b"moov", bytes(100))
    no_box = b"\0\0\x30\x0aSEFT"  # claims more bytes than follow
    for trailer in (video, box(b"mpvd", video), bytes(1000), no_box, b"\xff" * 100):
        photo = decode(heic(large_corners()) + trailer, LIMITS)
        assert photo.pixels.shape == (128, 192, 3)


@pytest.mark.parametrize(
    ("primaries", "transfer", "keeps"),
    [(1, 13, False), (1, 1, False), (2, 2, False), (12, 13, True), (9, 14, True), (1, 8, True)],
)
def test_avif_describes_its_colours_in_code_points(primaries, transfer, keeps):
    data = bytearray(saved(Image.fromarray(noise(64, 64)), "avif"))
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = struct.pack(">2H", primaries, transfer)
    photo = decode(bytes(data), LIMITS)
    assert (photo.icc_profile is not None) == keeps
    assert decode(encode(photo, "avif"), LIMITS).icc_profile == photo.icc_profile


@pytest.mark.parametrize(("transfer", "words"), [(16, "PQ"), (18, "HLG"), (9, "code points")])
def test_avif_of_curves_that_no_profile_has_is_refused(transfer, words):
    data = bytearray(saved(Image.fromarray(noise(64, 64)), "avif"))
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = struct.pack(">2H", 9, transfer)
    with pytest.raises(UnsupportedMediaType, match=words):
        decode(bytes(data), LIMITS)


def test_heif_of_another_coding_is_unsupported_and_not_broken():
    data = saved(Image.fromarray(noise(64, 64)), "avif")
    length = int.from_bytes(data[:4])
    heif = data[:length].replace(b"avif", b"mif1") + data[length:]
    with pytest.raises(UnsupportedMediaType, match="HEVC"):
        decode(heif, LIMITS)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.95])
def test_a_truncated_file_with_odd_boxes_is_corrupt(kept):
    _, odd = avif_with(own_associations(), 2)
    with pytest.raises((ImageCorrupt, ImageError)):
        decode(odd[: int(len(odd) * kept)], LIMITS)
