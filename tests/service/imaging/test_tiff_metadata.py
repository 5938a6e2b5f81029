"""Metadata of a TIFF: of any type and length, they never cost the photo."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import ExifTags, Image

from service.imaging import decode, encode
from tests.service.imaging.tiff_files import plain, tiff
from tests.service.peak import peak_growth
from tests.service.pictures import LIMITS


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", range(14))
@pytest.mark.parametrize("tag", [269, 282, 320, 700, 33723, 34377, 34675])
@pytest.mark.parametrize("values", [(1,), (7,) * 40])
def test_metadata_of_any_type_are_dropped_at_worst(tag, kind, values):
    data = bytearray(tiff(plain() | {tag: values}) + bytes(64 * 48 * 3))
    entry = data.index(struct.pack("<2HI", tag, 4, len(values)))
    data[entry + 2 : entry + 4] = struct.pack("<H", kind)
    photo = decode(bytes(data), LIMITS)
    assert photo.pixels.shape == (48, 64, 3)
    assert encode(photo, "png", keep_metadata=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("is_cut_off", [False, True])
@pytest.mark.parametrize("pointer", ["Exif", "GPSInfo", "Interop"])
def test_metadata_of_numbers_without_end_are_dropped_unread(pointer, is_cut_off):
    num_tags, num_numbers = 4, 999_999
    exif, tag = ExifTags.IFD.Exif, ExifTags.IFD[pointer]
    first = plain() | {tag: (0,), exif: (0,)}
    numbers_at = len(tiff(first)) + 64 * 48 * 3
    large_at = numbers_at + 4 * num_tags * num_numbers
    entries = [
        struct.pack("<2H2I", 40_000 + n, 4, num_numbers, numbers_at + 4 * n * num_numbers)
        for n in range(num_tags)
    ]
    large = struct.pack("<H", num_tags + is_cut_off) + b"".join(entries)
    large += b"" if is_cut_off else bytes(4)
    exif_at = large_at - 100
    first |= {tag: (large_at,), exif: (large_at if pointer == "Exif" else exif_at,)}
    small = struct.pack("<H2H2II", 1, ExifTags.IFD.Interop, 4, 1, large_at, 0)
    data = bytearray(np.random.default_rng(0).bytes(large_at)) + large
    data[: len(tiff(first))] = tiff(first)
    data[exif_at : exif_at + len(small)] = small
    with peak_growth() as peak:
        photo = decode(bytes(data), LIMITS)
    assert photo.pixels.shape == (48, 64, 3)
    assert peak.num_bytes < 60_000_000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("num_tags", [100, 900, 60_000])
def test_metadata_of_many_tags_are_kept_whole_or_dropped(num_tags):
    first = plain() | {ExifTags.IFD.Exif: (0,)}
    at = len(tiff(first)) + 64 * 48 * 3
    first |= {ExifTags.IFD.Exif: (at,)}
    entries = [struct.pack("<2H2I", 1_000 + n, 4, 1, 7) for n in range(num_tags)]
    exif = struct.pack("<H", num_tags) + b"".join(entries) + bytes(4)
    photo = decode(tiff(first) + bytes(64 * 48 * 3) + exif, LIMITS)
    found = Image.Exif()
    if photo.exif is not None:
        found.load(photo.exif)
    assert len(found.get_ifd(ExifTags.IFD.Exif)) == (num_tags if num_tags == 100 else 0)
