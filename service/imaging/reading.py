"""Bytes to pixels.

    bytes -> sniff -> header -> limits -> pixels -> RGB (+ alpha) -> upright

Nothing in a file is believed: the format is told by its first bytes, every limit is
checked on the header before memory is spent on pixels, and decoded pixels that are not
what the header said are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from relight.errors import (
    ImageAnimated,
    ImageCorrupt,
    ImageTooLarge,
    RelightError,
    UnsupportedMediaType,
)
from service.imaging import containers, faults, profiles, wide
from service.imaging.formats import sniff
from service.imaging.metadata import read_dpi, read_exif, read_orientation, read_xmp
from service.imaging.photo import Codes, ImageLimits, Photo


def _heif_file(data: BytesIO) -> ImageFile:
    try:
        import pillow_heif  # noqa: PLC0415  the extra `heif` may be absent
    except ImportError:
        raise UnsupportedMediaType(
            "this server reads no HEIF: its extra is not installed"
        ) from None
    file: ImageFile = pillow_heif.HeifImageFile(data)
    return file


# Readers by name, not `Image.open`: no other format can be reached, a phone's MPO is read
# as the JPEG that it begins with, and `ImageLimits` is the only limit on size.
_READERS: Final[Mapping[str, Callable[[BytesIO], ImageFile]]] = MappingProxyType(
    {
        "jpeg": JpegImageFile,
        "png": PngImageFile,
        "webp": WebPImageFile,
        "avif": AvifImageFile,
        "tiff": TiffImageFile,
        "heif": _heif_file,
    }
)

_EXACT: Final = frozenset({"jpeg", "png", "webp"})  # their walk returns the picture's own size
_MAX_PROFILE_BYTES: Final = 4_000_000  # press profiles have 2 MB; none that describes has more
_MAX_SCANS: Final = 100  # a progressive JPEG has some ten; thousands would take minutes

_GRAY_MODES: Final = frozenset({"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N"})
_COLOUR_MODES: Final = frozenset({"P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "LAB"})

_UPRIGHT: Final[Mapping[int, Callable[[Codes], Codes]]] = MappingProxyType(
    {
        2: lambda x: cv2.flip(x, 1),
        3: lambda x: cv2.rotate(x, cv2.ROTATE_180),
        4: lambda x: cv2.flip(x, 0),
        5: cv2.transpose,
        6: lambda x: cv2.rotate(x, cv2.ROTATE_90_CLOCKWISE),
        7: lambda x: cv2.flip(cv2.transpose(x), -1),
        8: lambda x: cv2.rotate(x, cv2.ROTATE_90_COUNTERCLOCKWISE),
    }
)


def decode(data: bytes, limits: ImageLimits, *, enough_px: int | None = None) -> Photo:
    """Read an image file.

    PNG and TIFF keep their 16 bits; the other formats' deeper samples become 8-bit. CMYK
    becomes sRGB. A broken colour profile or broken metadata are dropped: the picture is
    still good.

    Args:
        data: the whole file.
        limits: sizes to accept, checked before pixels are decoded.
        enough_px: a picture with both sides at least this long will do; a JPEG is then
            decoded at a half, a quarter or an eighth of its size where that suffices.

    Raises:
        UnsupportedMediaType: the format, or this kind of it, is not read.
        ImageTooLarge, ImageTooSmall: the size is outside `limits`.
        ImageAnimated: the file holds more than one frame or page.
        ImageCorrupt: the data are broken or cut off.
    """
    format_name = sniff(data)
    claimed = containers.walk(data, format_name)
    limits.check_largest(*claimed)
    with _broken_is_corrupt(format_name):
        file = _open(data, format_name)
        if format_name in _EXACT and file.size != claimed:
            raise ValueError("readers disagree on the size of the picture")
        is_wide = wide.is_wide(file, format_name, data)
    with file:
        with _broken_is_corrupt(format_name):
            _check_header(file, data, limits, is_wide=is_wide)
        is_gray = file.mode in _GRAY_MODES
        if is_wide and format_name == "png":
            is_gray = wide.is_gray_png(data)
        icc_profile = _sound_profile(file, is_gray)
        with _broken_is_corrupt(format_name):
            pixels: Codes
            alpha: Codes | None
            if is_wide:
                pixels, alpha = wide.read(file, data, is_gray=is_gray)
            elif isinstance(file, JpegImageFile) and file.mode != "CMYK" and enough_px is None:
                pixels, alpha = wide.read_jpeg(data, *file.size), None
            else:
                pixels, alpha = _load(file, enough_px)
        orientation = read_orientation(file)  # Pillow has turned a TIFF that it loaded
        dpi, turn = read_dpi(file), _UPRIGHT.get(orientation)
        if dpi is not None and orientation >= 5:
            dpi = dpi[::-1]
        if turn is not None:
            pixels, alpha = turn(pixels), None if alpha is None else turn(alpha)
        height_px, width_px = pixels.shape[:2]
        return Photo(
            pixels=pixels,
            alpha=alpha,
            icc_profile=icc_profile,
            exif=read_exif(file, width_px, height_px),
            xmp=read_xmp(file),
            dpi=dpi,
            format=format_name,
            is_gray=is_gray,
        )


@contextmanager
def _broken_is_corrupt(format_name: str) -> Iterator[None]:
    """Turn what the readers raise into the service's own errors."""
    try:
        yield
    except (RelightError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise ImageTooLarge("the image has too many pixels") from None
    except Exception as error:
        if faults.is_ours(error):
            raise
        raise ImageCorrupt(f"the {format_name} data are broken or cut off") from error


def _open(data: bytes, format_name: str) -> ImageFile:
    """Read the header."""
    try:
        return _READERS[format_name](BytesIO(data))
    except SyntaxError as error:
        if "unknown pixel mode" in str(error):
            raise UnsupportedMediaType("TIFF of this sample layout is not read") from None
        raise


def _check_header(file: ImageFile, data: bytes, limits: ImageLimits, *, is_wide: bool) -> None:
    """Refuse what would cost too much, or mean too little, before pixels are decoded."""
    if file.mode not in _GRAY_MODES | _COLOUR_MODES:
        raise UnsupportedMediaType(f"pictures of mode {file.mode} are not read")
    num_channels = 4 if file.has_transparency_data or file.mode == "CMYK" else 3
    width_px, height_px = file.size
    limits.check(width_px, height_px, num_channels * (2 if is_wide else 1))
    if getattr(file, "is_animated", False):
        raise ImageAnimated("the image is animated; only still images are accepted")
    if isinstance(file, JpegImageFile) and _num_scans(data) > _MAX_SCANS:
        raise ImageCorrupt(f"the JPEG has more than {_MAX_SCANS} scans")
    if len(file.info.get("icc_profile") or b"") > _MAX_PROFILE_BYTES:
        raise ImageTooLarge(f"the colour profile has more than {_MAX_PROFILE_BYTES} bytes")


def _num_scans(data: bytes) -> int:
    """Return how many scans a JPEG has; `bytes.count` takes eight times as long."""
    codes = np.frombuffer(data, np.uint8)
    return int(np.count_nonzero((codes[:-1] == 0xFF) & (codes[1:] == 0xDA)))


def _sound_profile(file: ImageFile, is_gray: bool) -> bytes | None:
    """Return the profile that the pixels are to keep; broken ones are disregarded."""
    icc_profile = file.info.get("icc_profile") or b""
    if file.mode == "CMYK" or not profiles.is_reversible(icc_profile, is_gray):
        return None
    return bytes(icc_profile)


def _load(file: ImageFile, enough_px: int | None) -> tuple[Codes, Codes | None]:
    """Return RGB and alpha as Pillow reads them, in 8 bits."""
    if enough_px is not None:
        file.draft(file.mode, (enough_px, enough_px))
    size = file.size
    file.load()
    if file.size not in {size, size[::-1]}:  # turned upright by the reader
        raise ValueError("the pixels are not what the header says")
    alpha = None
    if file.has_transparency_data:
        alpha = np.asarray(_in_mode(file, "RGBA").getchannel("A"))
    image: Image.Image = file
    if file.mode in _GRAY_MODES:
        image = file.convert("L")
    elif file.mode == "CMYK" and file.info.get("icc_profile"):
        image = profiles.flatten(file, file.info["icc_profile"]) or file
    return np.asarray(_in_mode(image, "RGB")), alpha


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert a picture; one that needs no conversion is not copied."""
    return image if image.mode == mode else image.convert(mode)
