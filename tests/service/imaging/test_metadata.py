from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from service.imaging import decode, encode
from service.imaging.formats import ANSWER_FORMATS
from tests.service.pictures import LIMITS, corners, saved

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6" '
    b'exif:GPSLatitude="52,31N" dc:title="Harbour"/></rdf:RDF></x:xmpmeta>'
)


def xmp_of(data: bytes) -> bytes | None:
    with Image.open(BytesIO(data)) as image:
        xmp = image.info.get("xmp")
    return xmp.encode() if isinstance(xmp, str) else xmp


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_xmp_is_kept_when_asked_and_is_upright(format_name):
    photo = decode(saved(corners(), "jpeg", xmp=XMP), LIMITS)
    kept = xmp_of(encode(photo, format_name, keep_metadata=True))
    assert kept == XMP.replace(b'Orientation="6"', b'Orientation="1"')


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_no_position_is_left_when_metadata_are_stripped(format_name):
    exif = Image.Exif()
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSMapDatum: "WGS"}
    photo = decode(saved(corners(), "jpeg", exif=exif, xmp=XMP), LIMITS)
    assert b"WGS" in encode(photo, "jpeg", keep_metadata=True)
    data = encode(photo, format_name)
    assert b"WGS" not in data
    assert b"GPS" not in data
    assert b"xmpmeta" not in data


@pytest.mark.parametrize(
    "namespace",
    [b"http://ns.google.com/photos/1.0/container/", b"http://ns.adobe.com/hdr-gain-map/1.0/"],
)
def test_xmp_about_further_pictures_in_the_file_does_not_outlive_them(namespace):
    packet = XMP.replace(b"adobe:ns:meta/", namespace)
    assert decode(saved(corners(), "jpeg", xmp=packet), LIMITS).xmp is None


def test_xmp_that_is_no_text_is_dropped():
    assert decode(saved(corners(), "jpeg", xmp=b"\xff\xfe\xfd"), LIMITS).xmp is None


def test_a_tiffs_own_tags_do_not_become_metadata():
    photo = decode(saved(corners(), "tiff", description="Harbour"), LIMITS)
    with Image.open(BytesIO(encode(photo, "jpeg", keep_metadata=True))) as image:
        assert dict(image.getexif()) == {ExifTags.Base.ImageDescription: "Harbour"}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("format_name", ["jpeg", "png", "tiff"])
def test_the_resolution_in_print_stays_and_turns_with_the_picture(format_name, dtype):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo = decode(saved(corners(), "png", dpi=(300, 150), exif=exif), LIMITS)
    photo = replace(photo, pixels=photo.pixels.astype(dtype))
    with Image.open(BytesIO(encode(photo, format_name))) as image:
        assert image.info["dpi"] == pytest.approx((150, 300), abs=0.1)


@pytest.mark.parametrize("dpi", [(0, 0), (1e9, 300)])
def test_a_resolution_that_no_printer_has_is_dropped(dpi):
    photo = decode(saved(corners(), "tiff", dpi=dpi), LIMITS)
    assert photo.dpi is None


def test_the_thumbnail_that_shows_the_old_light_is_dropped():
    exif = b"Exif\0\0MM\0*\0\0\0\x08"
    exif += struct.pack(">H2HI4sI", 1, ExifTags.Base.Make, 2, 4, b"Cam\0", 26)
    exif += struct.pack(">H2HI2HI", 1, ExifTags.Base.Compression, 3, 1, 6, 0, 0)  # of the thumbnail
    photo = decode(saved(corners(), "jpeg", exif=exif), LIMITS)
    with Image.open(BytesIO(encode(photo, "jpeg", keep_metadata=True))) as image:
        assert image.getexif()[ExifTags.Base.Make] == "Cam"
        assert not image.getexif().get_ifd(ExifTags.IFD.IFD1)


def exif_of(*entries: tuple[int, int, int, bytes], at: int = 8) -> bytes:
    """Write a directory by the specification, whatever its tags should hold."""
    directory, more, end = struct.pack("<H", len(entries)), b"", at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        directory += struct.pack("<2HI", tag, kind, count)
        if len(value) > 4:
            directory, more = directory + struct.pack("<I", end + len(more)), more + value
        else:
            directory += value.ljust(4, b"\0")
    return b"Exif\0\0II*\0\x08\0\0\0" + directory + bytes(4) + more


def exif_with(directory: int, *entries: tuple[int, int, int, bytes]) -> bytes:
    """Write a copyright, and entries into the directory of the photo or of its position."""
    first = struct.pack("<H2HI4s", 2, *COPYRIGHT[:3], struct.pack("<I", 38))
    first += struct.pack("<2H2I", directory, 4, 1, 48) + bytes(4)
    inner = exif_of(*entries, at=48)[6 + 8 :]
    return b"Exif\0\0II*\0\x08\0\0\0" + first + COPYRIGHT[3].ljust(10, b"\0") + inner


COPYRIGHT = (ExifTags.Base.Copyright, 2, 9, b"Somebody\0")
_TAGS = sorted({ExifTags.Base.XResolution, ExifTags.Base.YResolution, ExifTags.Base.DateTime})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
@given(
    st.lists(
        st.tuples(st.sampled_from(_TAGS), st.integers(1, 12), st.integers(0, 9), st.binary()),
        max_size=3,
        unique_by=lambda entry: entry[0],
    )
)
def test_a_tag_that_cannot_be_written_costs_that_tag_alone(format_name, entries):
    data = saved(corners(), "jpeg", exif=exif_of(*entries, COPYRIGHT))
    with Image.open(
        BytesIO(encode(decode(data, LIMITS), format_name, keep_metadata=True))
    ) as image:
        assert image.getexif().get(ExifTags.Base.Copyright) == "Somebody"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("directory", [ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo])
@given(
    st.lists(
        st.tuples(st.integers(0, 31), st.integers(1, 12), st.integers(0, 9), st.binary()),
        max_size=4,
        unique_by=lambda entry: entry[0],
    )
)
@example([(0, 3, 1, b"\xe1\xff")])
@example([(0, 2, 1, b"\0"), (2, 5, 3, bytes(24))])
def test_a_tag_that_cannot_be_written_costs_no_other_directory(directory, entries):
    data = saved(corners(), "jpeg", exif=exif_with(directory, *entries))
    with Image.open(BytesIO(encode(decode(data, LIMITS), "jpeg", keep_metadata=True))) as image:
        assert image.getexif().get(ExifTags.Base.Copyright) == "Somebody"


@pytest.mark.filterwarnings("ignore")
def test_a_broken_position_affects_the_position_alone():
    gps = (ExifTags.IFD.GPSInfo, 4, 1, b"\xff\xff\0\0")
    photo = decode(saved(corners(), "jpeg", exif=exif_of(COPYRIGHT, gps)), LIMITS)
    with Image.open(BytesIO(encode(photo, "jpeg", keep_metadata=True))) as image:
        assert image.getexif()[ExifTags.Base.Copyright] == "Somebody"


def test_xmp_too_long_for_jpeg_is_kept_where_it_can_be():
    xmp = XMP.replace(b"Harbour", b"x" * 100_000)
    photo = decode(saved(corners(), "webp", xmp=xmp), LIMITS)
    assert xmp_of(encode(photo, "jpeg", keep_metadata=True)) is None
    assert b"x" * 100_000 in (xmp_of(encode(photo, "webp", keep_metadata=True)) or b"")


SHORT = 3


@pytest.mark.filterwarnings("ignore")
def test_a_tag_of_too_many_numbers_costs_that_tag_alone():
    endless = (ExifTags.Base.TransferFunction, SHORT, 30_000, bytes(60_000))
    exif = exif_of((ExifTags.Base.XResolution, SHORT, 30_000, bytes(60_000)), endless, COPYRIGHT)
    photo = decode(saved(corners(), "webp", exif=exif), LIMITS)
    with Image.open(BytesIO(encode(photo, "webp", keep_metadata=True))) as image:
        assert dict(image.getexif()) == {ExifTags.Base.Copyright: "Somebody"}


@pytest.mark.filterwarnings("ignore")
def test_too_many_tags_are_kept_up_to_a_limit():
    tags = [(tag, SHORT, 1, b"\1\0") for tag in range(40_000, 65_000)]
    body = exif_of(*tags)[len(b"Exif\0\0") :]
    # The directory's own place is 8; a second one at the end points to it as the Exif directory.
    first = struct.pack("<H2HI", 1, ExifTags.IFD.Exif, 4, 1) + struct.pack("<2I", 8, 0)
    exif = b"Exif\0\0" + body[:4] + struct.pack("<I", len(body)) + body[8:] + first
    photo = decode(saved(corners(), "webp", exif=exif), LIMITS)
    assert photo.exif is not None
    assert len(photo.exif) < 10_000


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=5))
def test_metadata_kept_in_a_jpeg_fit_into_one_segment(sizes):
    texts = (0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F)
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "Somebody"
    exif[ExifTags.IFD.Exif] = {
        **{tag: b"x" * size for tag, size in zip(texts, sizes, strict=False)},
        ExifTags.Base.MakerNote: bytes(30_000),
    }
    photo = decode(saved(corners(), "webp", exif=exif.tobytes()), LIMITS)
    answer = encode(photo, "jpeg", keep_metadata=True)  # Pillow refuses what does not fit
    with Image.open(BytesIO(answer)) as image:
        kept = image.getexif()
        assert kept[ExifTags.Base.Copyright] == "Somebody"
        photo_tags = kept.get_ifd(ExifTags.IFD.Exif)
        if sum(sizes) + 30_000 > 65_533:
            assert ExifTags.Base.MakerNote not in photo_tags
        elif sum(sizes) + 30_000 < 65_000:
            assert len(photo_tags) == len(sizes) + 1
