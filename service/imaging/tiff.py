"""Reads a TIFF's directory before its pixels are decoded, and writes TIFF (revision 6.0).

Pillow cannot hold 16-bit colour, so its writer is no use here; its directories are.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from relight.errors import UnsupportedMediaType
from service.imaging.containers.tiff import MAX_TAGS

# Section 8; section 14 for the predictor, the supplements for ICC and XMP.
WIDTH: Final = 256
HEIGHT: Final = 257
BITS_PER_SAMPLE: Final = 258
COMPRESSION: Final = 259
PHOTOMETRIC: Final = 262
STRIP_OFFSETS: Final = 273
SAMPLES_PER_PIXEL: Final = 277
ROWS_PER_STRIP: Final = 278
STRIP_BYTE_COUNTS: Final = 279
X_RESOLUTION: Final = 282
Y_RESOLUTION: Final = 283
PLANAR_CONFIGURATION: Final = 284
RESOLUTION_UNIT: Final = 296
PREDICTOR: Final = 317
EXTRA_SAMPLES: Final = 338
SAMPLE_FORMAT: Final = 339
XMP: Final = 700
ICC_PROFILE: Final = 34675

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA = 1, 2
_NONE, _DEFLATE = 1, 8
_HORIZONTAL: Final = 2
_INCH: Final = 2

# Of previews and camera raw files: section 8, TIFF/EP and DNG 1.7.
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE = 254, 255
_REDUCED_RESOLUTION, _OLD_REDUCED_RESOLUTION = 1, 2
_SUB_DIRECTORIES: Final = 330
_DNG_VERSION: Final = 50706
_COLOR_FILTER_ARRAY, _LINEAR_RAW = 32803, 34892

_WHOLE_NUMBERS: Final = MappingProxyType({1: "B", 3: "H", 4: "I", 13: "I"})  # section 2
_TELLING_TAGS: Final = frozenset(
    {
        COMPRESSION,
        PHOTOMETRIC,
        SAMPLES_PER_PIXEL,
        EXTRA_SAMPLES,
        _NEW_SUBFILE_TYPE,
        _SUBFILE_TYPE,
        _SUB_DIRECTORIES,
        _DNG_VERSION,
    }
)
_MAX_SUB_DIRECTORIES: Final = 8  # cameras write up to five; each costs time
_MAX_NUMBERS: Final = 64  # more are offsets of strips, which are no matter here
_NUM_COLOURS: Final = MappingProxyType({0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3})
# None, fax, LZW, JPEG, deflate, PackBits, LZMA, Zstandard: what the decoders are built with.
_COMPRESSIONS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000})

_STRIP_BYTES: Final = 2**20
_COMPRESSION_LEVEL: Final = 1  # higher ones take several times as long for a few per cent


@dataclass(frozen=True, slots=True)
class _Directory:
    """Whole numbers of a directory, by tag; the offset of the next directory, or 0."""

    numbers: Mapping[int, tuple[int, ...]]
    next_offset: int

    def first(self, tag: int, default: int) -> int:
        """Return the first number of a tag."""
        return next(iter(self.numbers.get(tag, ())), default)


def check(data: bytes) -> None:
    """Refuse camera raw files, and layouts that are not read.

    Whether the directory is sound, and the only one, is for `containers.walk`.

    Raises:
        UnsupportedMediaType: it is a camera raw file, its first picture is a preview of
            another, a channel has no meaning, or the compression is not read.
    """
    order = "<" if data.startswith(b"II") else ">"
    with contextlib.suppress(struct.error):
        (offset,) = struct.unpack_from(f"{order}I", data, 4)
        first = _read_directory(data, order, offset)
        _refuse_raw(data, order, first)
        if not first.next_offset:
            _check_layout(first)


def _read_directory(data: bytes, order: str, offset: int) -> _Directory:
    """Read the tags that say of what kind a picture is.

    Raises:
        struct.error: the directory is cut off, or so long that no picture has it.
    """
    (num_tags,) = struct.unpack_from(f"{order}H", data, offset)
    if num_tags > MAX_TAGS:
        raise struct.error(f"a directory has more than {MAX_TAGS} tags")
    numbers: dict[int, tuple[int, ...]] = {}
    for entry in range(offset + 2, offset + 2 + 12 * num_tags, 12):
        tag, kind, count = struct.unpack_from(f"{order}2HI", data, entry)
        code = _WHOLE_NUMBERS.get(kind)
        if tag not in _TELLING_TAGS or code is None or not 0 < count <= _MAX_NUMBERS:
            continue
        values = struct.Struct(f"{order}{count}{code}")
        (at,) = (
            (entry + 8,) if values.size <= 4 else struct.unpack_from(f"{order}I", data, entry + 8)
        )
        if at + values.size <= len(data):
            numbers[tag] = values.unpack_from(data, at)
    (next_offset,) = struct.unpack_from(f"{order}I", data, offset + 2 + 12 * num_tags)
    return _Directory(numbers, next_offset)


def _refuse_raw(data: bytes, order: str, first: _Directory) -> None:
    """Refuse camera raw files: what their first directory shows is a preview."""
    name = "DNG" if _DNG_VERSION in first.numbers else "CR2" if data[8:10] == b"CR" else None
    directories = [first]
    sub_directories = first.numbers.get(_SUB_DIRECTORIES, ())[:_MAX_SUB_DIRECTORIES]
    for offset in (*sub_directories, first.next_offset):
        with contextlib.suppress(struct.error):  # no reader looks at one that is cut off
            directories.append(_read_directory(data, order, offset))
    photometrics = {directory.first(PHOTOMETRIC, BLACK_IS_ZERO) for directory in directories}
    if name is None and photometrics & {_COLOR_FILTER_ARRAY, _LINEAR_RAW}:
        name = "such as DNG, NEF, ARW or PEF"
    if name is not None:
        raise UnsupportedMediaType(raw_is_not_read(name))
    if (
        first.first(_NEW_SUBFILE_TYPE, 0) & _REDUCED_RESOLUTION
        or first.first(_SUBFILE_TYPE, 0) == _OLD_REDUCED_RESOLUTION
    ):
        raise UnsupportedMediaType(
            "the first picture of the TIFF is a preview of another one, as in camera raw files: "
            "send the finished photo as JPEG, or as TIFF of one page"
        )


def raw_is_not_read(name: str) -> str:
    """Return what to say of a camera raw file.

    Args:
        name: of its format.
    """
    return (
        f"camera raw files ({name}) are not read: "
        "develop the photo, and send it as JPEG, or as TIFF or PNG of 16 bits"
    )


def _check_layout(directory: _Directory) -> None:
    """Refuse compressions that are not read, and channels that may be transparency or not."""
    compression = directory.first(COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        raise UnsupportedMediaType(f"TIFF of the compression {compression} is not read")
    num_samples = directory.first(SAMPLES_PER_PIXEL, 1)
    num_colours = _NUM_COLOURS.get(directory.first(PHOTOMETRIC, BLACK_IS_ZERO), num_samples)
    extra_samples = directory.numbers.get(EXTRA_SAMPLES, ())
    num_extra = max(len(extra_samples), num_samples - num_colours)
    if num_extra > 0 and extra_samples not in {(ASSOCIATED_ALPHA,), (UNASSOCIATED_ALPHA,)}:
        raise UnsupportedMediaType(
            "the TIFF has a channel beside its colours that is not marked as transparency "
            "(ExtraSamples 1 or 2): mark it, or leave it out"
        )


def write(
    samples: npt.NDArray[Any],
    *,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    is_compressed: bool = True,
) -> bytes:
    """Return a TIFF file: one page, lossless.

    Args:
        samples: uint8 or uint16 (h, w, c): grey or RGB, with unassociated alpha or without.
        icc_profile: the profile to embed.
        exif: EXIF data.
        xmp: an XMP packet.
        dpi: resolution in print, across and down, in dots an inch.
        is_compressed: with deflate and horizontal differences; else not at all.
    """
    height_px, width_px, num_samples = samples.shape
    pack = _compress if is_compressed else _little_endian
    rows = max(1, _STRIP_BYTES // samples[:1].nbytes)
    body = BytesIO()  # one buffer: many small ones of odd sizes would fragment the heap
    tops = range(0, height_px, rows)
    sizes = [body.write(pack(samples[top : top + rows])) for top in tops]
    directory = _describe(exif)
    directory[WIDTH], directory[HEIGHT] = width_px, height_px
    directory[BITS_PER_SAMPLE] = (samples.dtype.itemsize * 8,) * num_samples
    directory[COMPRESSION] = _DEFLATE if is_compressed else _NONE
    if is_compressed:
        directory[PREDICTOR] = _HORIZONTAL
    directory[PHOTOMETRIC] = RGB if num_samples >= 3 else BLACK_IS_ZERO
    directory[SAMPLES_PER_PIXEL] = num_samples
    if num_samples in {2, 4}:
        directory[EXTRA_SAMPLES] = UNASSOCIATED_ALPHA
    directory[ROWS_PER_STRIP] = rows
    # Relative to the end of the directory: it adds its own length.
    directory[STRIP_OFFSETS] = tuple(np.cumsum([0, *sizes[:-1]]).tolist())
    directory[STRIP_BYTE_COUNTS] = tuple(sizes)
    if dpi:
        directory[X_RESOLUTION], directory[Y_RESOLUTION] = dpi
        directory[RESOLUTION_UNIT] = _INCH
    for tag, value in ((ICC_PROFILE, icc_profile), (XMP, xmp)):
        if value:
            directory[tag] = value
    file = BytesIO()
    directory.save(file)
    file.write(body.getbuffer())
    return file.getvalue()


def _describe(exif: bytes | None) -> ImageFileDirectory_v2:
    """Return a little-endian directory that holds the EXIF data."""
    directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    if exif:
        tags = Image.Exif()
        tags.load(exif)
        for tag, value in tags.items():
            directory[tag] = value
        for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if group in tags:
                directory[group] = dict(tags.get_ifd(group))
    return directory


def _little_endian(strip: npt.NDArray[Any]) -> bytes:
    return strip.astype(strip.dtype.newbyteorder("<"), copy=False).tobytes()


def _compress(strip: npt.NDArray[Any]) -> bytes:
    differences = strip.astype(strip.dtype.newbyteorder("<"))
    differences[:, 1:] -= strip[:, :-1]  # modulo 2**bits, as section 14 wants it
    return zlib.compress(differences.tobytes(), _COMPRESSION_LEVEL)
