"""What a file says about its picture beside the pixels: EXIF and XMP.

Both are rebuilt or checked, never copied blindly: the picture is upright now and may have
another size, thumbnails still show the old light, and a TIFF's tags describe a layout
that the answer does not have. Everything that is not kept here is gone, so that an
answer without metadata holds no position either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import ExifTags, Image

from service.imaging import faults

_Tag = ExifTags.Base

# What describes the picture and not the file. All else of the first directory is dropped.
_KEPT_TAGS: Final = frozenset(
    {
        _Tag.ImageDescription,
        _Tag.Make,
        _Tag.Model,
        _Tag.XResolution,
        _Tag.YResolution,
        _Tag.ResolutionUnit,
        _Tag.Software,
        _Tag.DateTime,
        _Tag.Artist,
        _Tag.HostComputer,
        _Tag.Rating,
        _Tag.Copyright,
    }
)

# JPEG holds either in one segment of 65533 bytes, behind a name of up to 29 bytes.
_MAX_EXIF_BYTES: Final = 65_527
_MAX_XMP_BYTES: Final = 65_504
_MAX_SOURCE_BYTES: Final = 2_000_000  # as text, twice a megabyte
_MAX_DPI: Final = 65_535  # JFIF has 16 bits for it

_XMP_ORIENTATION: Final = re.compile(
    rb"(tiff:Orientation\s*=\s*[\"']|<tiff:Orientation>\s*)[2-8](?=\s*[\"'<])"
)
# Packets about further pictures in the file, such as HDR gain maps and motion photos.
_CONTAINER_NAMESPACES: Final = (b"ns.google.com/photos/1.0/container", b"ns.adobe.com/hdr-gain-map")


@contextmanager
def _broken_is_absent() -> Iterator[None]:
    """End a block early where metadata are broken: the picture is still good."""
    try:
        yield
    except Exception as error:
        if faults.is_ours(error):
            raise


def _directory(image: Image.Image) -> Image.Exif:
    """Return the EXIF data of an opened file.

    Raises:
        ValueError: they are longer than any that mean something; each number in them takes
            dozens of bytes as an object.
    """
    for name in ("exif", "Raw profile type exif"):
        if len(image.info.get(name) or b"") > _MAX_SOURCE_BYTES:
            raise ValueError("the EXIF data are too long")
    return image.getexif()


def read_orientation(image: Image.Image) -> int:
    """Return how to turn the picture, 1 to 8 as EXIF has it; 1 where it does not say."""
    with _broken_is_absent():
        orientation = _directory(image).get(_Tag.Orientation, 1)
        if orientation in range(1, 9):
            return int(orientation)
    return 1


def read_exif(image: Image.Image, width_px: int, height_px: int) -> bytes | None:
    """Return the EXIF data to keep; None where there are none, or they are broken or too long.

    Args:
        image: an opened file.
        width_px: width of the upright picture, which the data are made to say.
        height_px: its height.
    """
    with _broken_is_absent():
        found = _directory(image)
        kept = Image.Exif()
        for tag in _KEPT_TAGS & found.keys():
            kept[tag] = found[tag]
        photo = dict(found.get_ifd(ExifTags.IFD.Exif))
        if _Tag.ExifImageWidth in photo:
            photo |= {_Tag.ExifImageWidth: width_px, _Tag.ExifImageHeight: height_px}
        photo.pop(_Tag.ExifInteroperabilityOffset, None)
        position = dict(found.get_ifd(ExifTags.IFD.GPSInfo))
        for directory, tags in ((ExifTags.IFD.Exif, photo), (ExifTags.IFD.GPSInfo, position)):
            if tags:
                kept[directory] = tags
        exif = kept.tobytes() if len(kept) else b""
        if 0 < len(exif) <= _MAX_EXIF_BYTES:
            return exif
    return None


def read_dpi(image: Image.Image) -> tuple[float, float] | None:
    """Return the resolution in print, across and down, in dots an inch; None where none is told."""
    with _broken_is_absent():
        across, down = (float(side) for side in image.info["dpi"])
        if all(1 <= side <= _MAX_DPI for side in (across, down)):
            return across, down
    return None


def read_xmp(image: Image.Image) -> bytes | None:
    """Return the XMP packet to keep; None where there is none, or it cannot stay true."""
    xmp = image.info.get("xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode()
    if not isinstance(xmp, bytes) or not 0 < len(xmp) <= _MAX_XMP_BYTES:
        return None
    if any(namespace in xmp for namespace in _CONTAINER_NAMESPACES):
        return None
    try:
        xmp.decode()
    except UnicodeDecodeError:
        return None
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
