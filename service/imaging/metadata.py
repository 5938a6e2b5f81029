"""Reads, filters and writes EXIF and XMP metadata.

Both are rebuilt or checked, never copied blindly: the picture is upright now and may have
another size, thumbnails still show the old light, and a TIFF's tags describe a layout
that the answer does not have. Everything that is not kept here is gone, so that an
answer without metadata holds no position either.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from service.imaging import containers, faults, xmp
from service.imaging.png import Png

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

_EXIF_NAME: Final = b"Exif\0\0"
_MAX_EXIF_BYTES: Final = 1_000_000
# In all tags together; each takes dozens of bytes as an object. A camera writes some hundred.
_MAX_NUMBERS: Final = 5_000
_NUMBERS_OF_TAG: Final = 8  # a tag takes the time of so many, whatever it holds
_MAX_DIRECTORIES: Final = 8
_DIRECTORIES: Final = frozenset({ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop})
# TIFF 6.0, section 2: how long a value of each type is.
_TYPE_BYTES: Final = dict(enumerate((0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)))
_BYTE_TYPES: Final = frozenset({1, 2, 7})  # a value of these counts as one number
_EMPTY_DIRECTORY_BYTES: Final = 6
_HEADER_BYTES: Final = 64  # name, TIFF header, three directories, and the pointers to two
_MAX_DPI: Final = 65_535  # JFIF has 16 bits for it


@contextmanager
def _broken_is_absent() -> Iterator[None]:
    """End a block early where metadata are broken: the picture is still good."""
    try:
        yield
    except Exception as error:
        if faults.is_ours(error):
            raise


def load_exif(file: ImageFile, png: Png | None = None) -> Image.Exif:
    """Return the EXIF data of an opened file; empty where there are none, or they are broken.

    Args:
        file: what it holds is believed, but for XMP, which `take_xmp` has taken out.
        png: what a PNG says of itself: Pillow would decode its pixels to find out.
    """
    with _broken_is_absent():
        if isinstance(file, TiffImageFile):
            return file.getexif()
        data = file.info.get("exif")
        if png is not None:
            data = png.exif(file.info)
        exif = Image.Exif()
        if data and len(data) <= _MAX_EXIF_BYTES:
            exif.load(_without_unsound_tags(data))
        return exif
    return Image.Exif()


def drop_unsound_tags(file: ImageFile, data: bytes) -> None:
    """Drop a TIFF's profile that is no bytes, and directories beside its first of too many values.

    Pillow makes an object of each value, as soon as the pixels are loaded.

    Args:
        file: opened, but not loaded, and without XMP, which `take_xmp` has taken out.
        data: the whole file.
    """
    if not isinstance(file, TiffImageFile):
        return
    if not isinstance(file.info.get("icc_profile"), bytes):
        file.info.pop("icc_profile", None)
    exif = file.getexif()
    for tag in _DIRECTORIES & exif.keys():
        offset = exif[tag]
        # Of the last one, Pillow reads a place that the Exif directory gives.
        is_elsewhere = tag == ExifTags.IFD.Interop or not isinstance(offset, int)
        if is_elsewhere or _num_numbers(data, offset) > _MAX_NUMBERS:
            del exif[tag]


def _num_numbers(data: bytes, offset: int) -> int:
    """Return how many numbers the tags of a TIFF's directory take."""
    return containers.tiff.num_values(data, offset, num_of_tag=_NUMBERS_OF_TAG)


def _without_unsound_tags(data: bytes) -> bytes:
    """Give tags whose values are cut off, or too many, the type 0, which Pillow passes over.

    Else it would give up at the first one that is cut off, and read numbers without end.
    """
    start = len(_EXIF_NAME) if data.startswith(_EXIF_NAME) else 0
    order = "<" if data[start : start + 2] == b"II" else ">"
    sound = bytearray(data)
    (first,) = struct.unpack_from(f"{order}I", data, start + 4)
    directories, num_numbers = [first], 0
    for directory in directories:  # it grows
        at = start + directory
        if at + 2 > len(data) or len(directories) > _MAX_DIRECTORIES:
            continue
        num_tags = min(containers.tiff.MAX_TAGS, *struct.unpack_from(f"{order}H", data, at))
        struct.pack_into(f"{order}H", sound, at, num_tags)
        for entry in range(at + 2, min(at + 2 + 12 * num_tags, len(data) - 11), 12):
            tag, kind, count, value = struct.unpack_from(f"{order}2H2I", data, entry)
            num_bytes = _TYPE_BYTES.get(kind, 0) * count
            cost = _NUMBERS_OF_TAG + (1 if kind in _BYTE_TYPES else count)
            is_cut_off = num_bytes > 4 and start + value + num_bytes > len(data)
            if is_cut_off or num_numbers + cost > _MAX_NUMBERS:
                sound[entry + 2 : entry + 4] = bytes(2)
                continue
            num_numbers += cost
            if tag in {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo}:
                directories.append(value)
    # Values that overlap count against the length in Pillow, and cost the tags behind them.
    return bytes(sound) + bytes(3 * len(sound))


def read_orientation(exif: Image.Exif) -> int:
    """Return the EXIF orientation of the picture, 1 to 8; 1 if it is missing.

    As in browsers, XMP does not turn a picture: editors that have turned the pixels leave it.
    """
    with _broken_is_absent():
        orientation = exif.get(_Tag.Orientation, 1)
        if orientation in range(1, 9):
            return int(orientation)
    return 1


def read_exif(exif: Image.Exif, width_px: int, height_px: int) -> bytes | None:
    """Return the EXIF data to keep; None where there are none. A broken tag costs that tag.

    Args:
        exif: of the file.
        width_px: width of the upright picture, which the data are made to say.
        height_px: its height.
    """
    kept = _sound_tags(_kept_tags(exif))
    photo = _directory(exif, ExifTags.IFD.Exif)
    if _Tag.ExifImageWidth in photo:
        photo |= {_Tag.ExifImageWidth: width_px, _Tag.ExifImageHeight: height_px}
    photo.pop(_Tag.ExifInteroperabilityOffset, None)
    position = _sound_tags(_directory(exif, ExifTags.IFD.GPSInfo), ExifTags.IFD.GPSInfo)
    return _written(kept, _sound_tags(photo, ExifTags.IFD.Exif), position, _MAX_EXIF_BYTES)


def fit_exif(exif: bytes, max_bytes: int) -> bytes | None:
    """Return EXIF data of at most so many bytes: without the maker's note, then the longest tags.

    Args:
        exif: from `read_exif`.
        max_bytes: what the format holds.
    """
    if len(exif) <= max_bytes:
        return exif
    found = Image.Exif()
    found.load(exif)
    kept, photo = _kept_tags(found), _directory(found, ExifTags.IFD.Exif)
    return _written(kept, photo, _directory(found, ExifTags.IFD.GPSInfo), max_bytes)


def _kept_tags(exif: Image.Exif) -> dict[int, Any]:
    kept: dict[int, Any] = {}
    for tag in _KEPT_TAGS & exif.keys():
        with _broken_is_absent():
            kept[int(tag)] = exif[tag]
    return kept


def _directory(exif: Image.Exif, number: int) -> dict[int, Any]:
    with _broken_is_absent():
        return dict(exif.get_ifd(number))
    return {}


def _sound_tags(tags: dict[int, Any], group: int | None = None) -> dict[int, Any]:
    """Return the tags that can be written into a directory, the first one or that of a tag."""
    return {tag: value for tag, value in tags.items() if _num_bytes(tag, value, group) is not None}


def _num_bytes(tag: int, value: Any, group: int | None) -> int | None:
    """Return how many bytes a tag takes; None if it cannot be written, or has too many numbers.

    A number means another tag, of another type, in each directory.
    """
    if isinstance(value, tuple) and len(value) > _MAX_NUMBERS:
        return None
    directory = ImageFileDirectory_v2(group=group)
    with _broken_is_absent():
        directory[tag] = value
        return len(directory.tobytes()) - _EMPTY_DIRECTORY_BYTES
    return None


def _written(
    kept: dict[int, Any], photo: dict[int, Any], position: dict[int, Any], max_bytes: int
) -> bytes | None:
    directories: dict[int | None, dict[int, Any]] = {
        None: kept,
        ExifTags.IFD.Exif: photo,
        ExifTags.IFD.GPSInfo: position,
    }
    _drop_longest(directories, max_bytes - _HEADER_BYTES)
    exif = Image.Exif()
    for tag, value in kept.items():
        exif[tag] = value
    for number, tags in directories.items():
        if number is not None and tags:
            exif[number] = tags
    return exif.tobytes() if len(exif) else None


def _drop_longest(directories: Mapping[int | None, dict[int, Any]], max_bytes: int) -> None:
    """Drop the maker's note, then the longest tags, until the others take at most so many bytes."""
    sizes = [
        (tag == _Tag.MakerNote, _num_bytes(tag, value, group) or 0, tag, directory)
        for group, directory in directories.items()
        for tag, value in directory.items()
    ]
    total = sum(num_bytes for _, num_bytes, _, _ in sizes)
    for _, num_bytes, tag, directory in sorted(sizes, key=lambda size: size[:2], reverse=True):
        if total <= max_bytes:
            return
        del directory[tag]
        total -= num_bytes


def read_dpi(file: ImageFile) -> tuple[float, float] | None:
    """Return the print resolution, across and down, in dots per inch, if the file gives one."""
    with _broken_is_absent():
        across, down = (float(side) for side in file.info["dpi"])
        if all(1 <= side <= _MAX_DPI for side in (across, down)):
            return across, down
    return None


def take_xmp(file: ImageFile) -> bytes | None:
    """Take the XMP packet out of an opened file: Pillow would turn the picture by it.

    Returns:
        What of it is to be kept; None where there is none, or it cannot stay true.
    """
    file.info.pop("XML:com.adobe.xmp", None)
    found = file.info.pop("xmp", None)
    packet = found.encode() if isinstance(found, str) else found
    return xmp.still_true(packet if isinstance(packet, bytes) else None)  # a TIFF may have numbers
