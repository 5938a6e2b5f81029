from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
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
