"""Reads files of 16 bits, and WebP, with OpenCV instead of Pillow; writes 16-bit PNG in strips.

Pillow can only cut samples of 16 bits to 8, and holds Python's lock longer with WebP.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from relight.errors import UnsupportedMediaType
from service.imaging import containers, tiff
from service.imaging.png import SIGNATURE, Png

Wide = npt.NDArray[np.uint16]
Bytes = npt.NDArray[np.uint8]

_WHITE: Final = 65535
_COLOUR_TYPES: Final = {1: 0, 3: 2, 4: 6}  # by the number of samples
_SUB: Final = 1
_METRE: Final = 1
_STRIP_BYTES: Final = 2**20  # memory stays that of a strip
_COMPRESSION_LEVEL: Final = 1
_UNSIGNED, _CONTIGUOUS = 1, 1  # TIFF 6.0, section 19
_PILLOW_ONLY: Final = frozenset({34925, 50000})  # compressions: LZMA, Zstandard

DEEP_GRAY_MODES: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})  # of Pillow


def is_wide(file: ImageFile, png: Png | None) -> bool:
    """Return whether `read` is to read the pixels of an opened file.

    Args:
        file: opened, but not loaded.
        png: what a PNG says of itself.

    Raises:
        UnsupportedMediaType: a TIFF has 16-bit samples in a layout that no decoder here reads.
        ValueError: the header contradicts itself.
    """
    if png is not None:
        if png.size != file.size:
            raise ValueError("the first chunk is not the header")
        return png.depth == 16
    if not isinstance(file, TiffImageFile):
        return file.mode in DEEP_GRAY_MODES
    tags = file.tag_v2
    if 16 not in tags.get(tiff.BITS_PER_SAMPLE, (1,)) or file.mode == "CMYK":
        return file.mode in DEEP_GRAY_MODES
    layout = (
        set(tags[tiff.BITS_PER_SAMPLE]) == {16}
        and set(tags.get(tiff.SAMPLE_FORMAT, (_UNSIGNED,))) == {_UNSIGNED}
        and tags.get(tiff.PLANAR_CONFIGURATION, _CONTIGUOUS) == _CONTIGUOUS
        and tags.get(tiff.PHOTOMETRIC) in {tiff.WHITE_IS_ZERO, tiff.BLACK_IS_ZERO, tiff.RGB}
        and tags.get(tiff.SAMPLES_PER_PIXEL, 1) in {1, 3, 4}
        and tiff.ASSOCIATED_ALPHA not in tags.get(tiff.EXTRA_SAMPLES, ())
    )
    if not layout:
        raise UnsupportedMediaType(
            "16-bit TIFF is read as unsigned grey, RGB or RGBA, interleaved, with plain alpha"
        )
    if tags.get(tiff.COMPRESSION) in _PILLOW_ONLY and file.mode not in DEEP_GRAY_MODES:
        raise UnsupportedMediaType(
            "16-bit RGB TIFF is read uncompressed, or compressed with deflate, LZW or PackBits"
        )
    return True


def read(file: ImageFile, data: bytes, *, is_gray: bool) -> tuple[Wide, Wide | None]:
    """Read the pixels of a file that `is_wide`.

    Args:
        file: the file, opened but not loaded.
        data: the whole file.
        is_gray: whether its samples are grey.

    Returns:
        uint16 (h, w, 3), RGB, and alpha (h, w) or None.

    Raises:
        ValueError: the data are broken.
    """
    if not isinstance(file, PngImageFile) and file.mode in DEEP_GRAY_MODES:
        return _wide(cv2.cvtColor(_deep_gray(file), cv2.COLOR_GRAY2RGB)), None
    bounded = (
        containers.tiff.with_strips_in_picture(data)
        if isinstance(file, TiffImageFile)
        else containers.png.pixels_only(data)
    )
    codes = decoded(bounded, cv2.IMREAD_UNCHANGED)
    if codes.dtype != np.uint16 or codes.shape[1::-1] != file.size:
        raise ValueError("the pixels are not what the header says")
    alpha: Wide | None = None
    if codes.ndim == 3 and codes.shape[2] == 4:
        alpha = _wide(np.ascontiguousarray(codes[..., 3]))
    if not is_gray:
        to_rgb = cv2.COLOR_BGR2RGB if alpha is None else cv2.COLOR_BGRA2RGB
        return _wide(cv2.cvtColor(codes, to_rgb)), alpha
    gray = codes if codes.ndim == 2 else np.ascontiguousarray(codes[..., 0])
    key = file.info.get("transparency")
    if alpha is None and isinstance(key, int):
        alpha = _wide(np.where(gray == key, 0, _WHITE))
    return _wide(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB)), alpha


def _deep_gray(file: ImageFile) -> Wide:
    """Return grey of 9 to 16 bits as Pillow reads it, (h, w), brought to 16 bits."""
    num_bits, is_inverted = 16, False
    if isinstance(file, TiffImageFile):
        (num_bits,) = file.tag_v2.get(tiff.BITS_PER_SAMPLE, (16,))
        is_inverted = file.tag_v2.get(tiff.PHOTOMETRIC) == tiff.WHITE_IS_ZERO
    size = file.size
    gray = np.array(file, np.uint16)
    if size not in {gray.shape, gray.shape[::-1]}:
        raise ValueError("the pixels are not what the header says")
    if not isinstance(file, TiffImageFile):  # the samples stand at the upper end of 16 bits
        num_bits = int(file.info.get("bit_depth", 16))
        gray >>= 16 - num_bits
    if num_bits < 16:  # by repetition of the upper bits, so that white is white
        gray = _wide(gray << (16 - num_bits) | gray >> (2 * num_bits - 16))
    return _wide(_WHITE - gray if is_inverted else gray)


def read_webp(
    data: bytes, width_px: int, height_px: int, *, has_alpha: bool
) -> tuple[Bytes, Bytes | None]:
    """Return RGB, uint8 (h, w, 3), and alpha, uint8 (h, w) or None, of a still WebP.

    Pillow gives the same pixels, and holds Python's lock while it copies them.

    Raises:
        ValueError: the data are broken.
    """
    as_rgb = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    codes = decoded(data, cv2.IMREAD_UNCHANGED if has_alpha else as_rgb)
    if codes.shape != (height_px, width_px, 4 if has_alpha else 3):
        raise ValueError("the pixels are not what the header says")
    if not has_alpha:
        return np.asarray(codes, np.uint8), None
    rgb = np.asarray(cv2.cvtColor(codes, cv2.COLOR_BGRA2RGB), np.uint8)
    return rgb, np.asarray(cv2.extractChannel(codes, 3), np.uint8)


def decoded(data: bytes, flags: int) -> npt.NDArray[np.uint8 | np.uint16]:
    """Return the pixels of a file as OpenCV reads it.

    Args:
        data: the whole file.
        flags: of `cv2.imdecode`.

    Raises:
        ValueError: the data are broken.
    """
    try:
        codes = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ValueError("OpenCV cannot read the data") from error
    if codes is None:
        raise ValueError("OpenCV cannot read the data")
    return np.asarray(codes)


def write_png(
    samples: Wide,
    *,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """Return a PNG file of 16 bits a sample.

    Args:
        samples: uint16 (h, w, c): grey, RGB or RGBA.
        icc_profile: the profile to embed.
        exif: EXIF data.
        xmp: an XMP packet.
        dpi: resolution in print, across and down, in dots an inch.
    """
    height_px, width_px, num_samples = samples.shape
    header = struct.pack(">2I5B", width_px, height_px, 16, _COLOUR_TYPES[num_samples], 0, 0, 0)
    file = BytesIO()  # one buffer: many small ones of odd sizes would fragment the heap
    file.write(SIGNATURE + _chunk(b"IHDR", header))
    if icc_profile:
        file.write(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc_profile)))
    if dpi:
        per_metre = (round(side / 0.0254) for side in dpi)
        file.write(_chunk(b"pHYs", struct.pack(">2IB", *per_metre, _METRE)))
    if exif:
        file.write(_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if xmp:
        file.write(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    compressor = zlib.compressobj(_COMPRESSION_LEVEL)
    rows = max(1, _STRIP_BYTES // samples[:1].nbytes)
    for top in range(0, height_px, rows):
        filtered = _filtered(samples[top : top + rows])
        file.write(_chunk(b"IDAT", compressor.compress(filtered.data)))
    file.write(_chunk(b"IDAT", compressor.flush()) + _chunk(b"IEND", b""))
    return file.getvalue()


def _filtered(strip: Wide) -> npt.NDArray[np.uint8]:
    """Return rows as PNG has them: big-endian, less their left neighbours (section 9, Sub)."""
    num_rows, pixel_bytes = strip.shape[0], 2 * strip.shape[2]
    codes = strip.astype(">u2").view(np.uint8).reshape(num_rows, -1)
    filtered = np.empty((num_rows, 1 + codes.shape[1]), np.uint8)
    filtered[:, 0] = _SUB
    filtered[:, 1 : 1 + pixel_bytes] = codes[:, :pixel_bytes]
    np.subtract(codes[:, pixel_bytes:], codes[:, :-pixel_bytes], out=filtered[:, 1 + pixel_bytes :])
    return filtered


def _chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file (W3C PNG, section 5.3)."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _wide(codes: object) -> Wide:
    return np.asarray(codes, np.uint16)
