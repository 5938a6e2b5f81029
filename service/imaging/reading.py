"""Decodes image files: bytes to pixels.

    bytes -> sniff -> header -> limits -> pixels -> RGB (+ alpha) -> upright

Files are not trusted: the first bytes give the format, every limit is checked on the header before
memory is used for pixels, and decoded pixels that contradict the header are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from pi_heif import HeifImageFile
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
from service.imaging import (
    cicp,
    containers,
    faults,
    isobmff,
    jpeg_reading,
    metadata,
    profiles,
    wide,
)
from service.imaging.formats import sniff
from service.imaging.limits import ImageLimits
from service.imaging.photo import Codes, Photo
from service.imaging.png import Png, inspect
from service.imaging.screening import screen, still_part


def _avif_file(file: BytesIO) -> ImageFile:
    """Open an AVIF file, also one of an encoder that did not keep to the letter."""
    try:
        return AvifImageFile(file)
    except Exception:  # Pillow's alone: nothing of ours is called
        mended = isobmff.mended(file.getvalue())
        if mended is None:
            raise
        return AvifImageFile(BytesIO(mended))


# Readers by name, not `Image.open`: no other format can be reached, a phone's MPO is read
# as the JPEG that it begins with, and `ImageLimits` is the only limit on size.
_READERS: Final[Mapping[str, Callable[[BytesIO], ImageFile]]] = MappingProxyType(
    {
        "jpeg": JpegImageFile,
        "png": PngImageFile,
        "webp": WebPImageFile,
        "avif": _avif_file,
        "tiff": TiffImageFile,
        "heif": HeifImageFile,
    }
)

_EXACT: Final = frozenset({"jpeg", "png", "webp"})  # their walk returns the picture's own size
_MAX_PROFILE_BYTES: Final = 4_000_000  # press profiles have 2 MB; none that describes has more

_GRAY_MODES: Final = frozenset({"1", "L", "LA", "La", *wide.DEEP_GRAY_MODES})
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


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """An image file whose header is read.

    Attributes:
        format_name: a key of `service.imaging.formats.FORMATS`.
        file: opened, but not loaded.
        data: the whole file, as the decoders get it.
        png: what a PNG says of itself.
        is_wide: whether its samples keep 16 bits.
    """

    format_name: str
    file: ImageFile
    data: bytes
    png: Png | None
    is_wide: bool

    @property
    def is_gray(self) -> bool:
        """Whether the picture has no colour; Pillow calls 16-bit grey with alpha RGBA."""
        return self.png.is_gray if self.png else self.file.mode in _GRAY_MODES


def decode(data: bytes, limits: ImageLimits, *, enough_px: int | None = None) -> Photo:
    """Read an image file.

    PNG, TIFF and grey HEIF keep their 16 bits, and 10 or 12 become 16; the others' deeper
    samples become 8-bit. CMYK becomes sRGB, as do pictures whose profile gives no way back.
    Broken metadata and broken colour profiles are dropped: the picture is still good.

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
    still = still_part(data, format_name)
    claimed = screen(still, format_name)
    limits.check_largest(*claimed)
    with _broken_is_corrupt(format_name):
        source = _open(still, format_name)
        if format_name in _EXACT and source.file.size != claimed:
            raise ValueError("readers disagree on the size of the picture")
    with source.file as file:
        with _broken_is_corrupt(format_name):
            xmp = metadata.take_xmp(file)
            metadata.drop_unsound_tags(file, source.data)
            _check_header(source, limits)
            icc_profile = _profile(source)
            pixels, alpha = _pixels(source, enough_px)
            is_gray = source.is_gray
            if icc_profile is not None and not profiles.leads_back(icc_profile):
                is_gray = is_gray and not profiles.is_rgb(icc_profile)
                pixels, icc_profile = profiles.flatten(pixels, icc_profile), None
        exif = metadata.load_exif(file, source.png)
        orientation = metadata.read_orientation(exif)  # Pillow has turned a TIFF that it loaded
        dpi, turn = metadata.read_dpi(file), _UPRIGHT.get(orientation)
        if dpi is not None and orientation >= 5:
            dpi = dpi[::-1]
        if turn is not None:
            pixels, alpha = turn(pixels), None if alpha is None else turn(alpha)
        height_px, width_px = pixels.shape[:2]
        return Photo(
            pixels=pixels,
            alpha=alpha,
            icc_profile=icc_profile,
            exif=metadata.read_exif(exif, width_px, height_px),
            xmp=xmp,
            dpi=dpi,
            format=format_name,
            has_manifest=containers.has_manifest(still, format_name),
            is_gray=is_gray,
        )


@contextmanager
def _broken_is_corrupt(format_name: str) -> Iterator[None]:
    """Convert errors of the readers to the service's own."""
    try:
        yield
    except (RelightError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise ImageTooLarge("the image has too many pixels") from None
    except Exception as error:
        if "has not been built in" in str(error):  # libheif has decoders for one coding
            raise UnsupportedMediaType("HEIF is read where it is coded in HEVC") from None
        if faults.is_ours(error):
            raise
        raise ImageCorrupt(f"the {format_name} data are broken or cut off") from error


def _open(data: bytes, format_name: str) -> _Source:
    """Read the header."""
    png = inspect(data) if format_name == "png" else None
    data = png.data if png else data
    try:
        file = _READERS[format_name](BytesIO(data))
    except SyntaxError as error:
        if "unknown pixel mode" in str(error):
            raise UnsupportedMediaType("TIFF of this sample layout is not read") from None
        raise
    return _Source(format_name, file, data, png, wide.is_wide(file, png))


def _check_header(source: _Source, limits: ImageLimits) -> None:
    """Refuse expensive or unsupported files before pixels are decoded."""
    file = source.file
    if file.mode not in _GRAY_MODES | _COLOUR_MODES:
        raise UnsupportedMediaType(f"pictures of mode {file.mode} are not read")
    num_channels = 4 if file.has_transparency_data or file.mode == "CMYK" else 3
    width_px, height_px = file.size
    limits.check(width_px, height_px, num_channels * (2 if source.is_wide else 1))
    # Further images of a HEIF file stand beside the primary one, which is read.
    if source.format_name != "heif" and getattr(file, "is_animated", False):
        raise ImageAnimated("the image is animated; only still images are accepted")


def _profile(source: _Source) -> bytes | None:
    """Return the profile of the pixels, embedded or made of what the file says; None for sRGB.

    Broken ones, and those of another kind of picture, are disregarded.

    Raises:
        ImageTooLarge: the profile is too long.
        UnsupportedMediaType: the picture has high dynamic range.
    """
    info, png = source.file.info, source.png
    if source.file.mode == "CMYK":
        return None
    if png is not None and png.has_codes:
        return png.described_profile()
    embedded = png.embedded_profile(_MAX_PROFILE_BYTES) if png else info.get("icc_profile")
    if embedded and len(embedded) > _MAX_PROFILE_BYTES:
        raise ImageTooLarge(f"the colour profile has more than {_MAX_PROFILE_BYTES} bytes")
    if embedded and profiles.is_readable(embedded, source.is_gray):
        return bytes(embedded)
    if png is not None:
        return png.described_profile()
    codes = isobmff.colour_codes(source.data) if source.format_name in {"avif", "heif"} else None
    if codes is None:
        return None
    return cicp.profile_of_codes(*codes, is_gray=source.is_gray, is_video=True)


def _pixels(source: _Source, enough_px: int | None) -> tuple[Codes, Codes | None]:
    """Return RGB and alpha."""
    file = source.file
    if source.is_wide:
        return wide.read(file, source.data, is_gray=source.is_gray)
    if isinstance(file, JpegImageFile) and file.mode != "CMYK" and enough_px is None:
        return jpeg_reading.read(source.data, *file.size), None
    has_alpha = file.mode == "RGBA"
    if isinstance(file, WebPImageFile) and containers.webp.agrees(source.data, has_alpha=has_alpha):
        return wide.read_webp(source.data, *file.size, has_alpha=has_alpha)
    if enough_px is not None:
        file.draft(file.mode, (enough_px, enough_px))
    size = file.size
    file.load()
    if file.size not in {size, size[::-1]}:  # turned upright by the reader
        raise ValueError("the pixels are not what the header says")
    return _rgb(source), _alpha(source)


def _rgb(source: _Source) -> Codes:
    """Return RGB as Pillow reads it, in 8 bits."""
    file = source.file
    image: Image.Image = file.convert("LA") if file.mode == "La" else file
    if source.is_gray:
        image = _in_mode(image, "L")
    elif file.mode == "CMYK" and file.info.get("icc_profile"):
        image = profiles.flatten_cmyk(file, file.info["icc_profile"]) or file
    elif file.mode == "LAB":
        image = profiles.flatten_lab(file)
    return np.asarray(_in_mode(image, "RGB"))


def _alpha(source: _Source) -> Codes | None:
    """Return alpha in 8 bits; None where there is none."""
    file, png = source.file, source.png
    key = png.gray_key() if png else None
    if png is not None and key is not None:
        # Pillow brings the samples to 8 bits, and leaves the key as the file has it.
        gray = np.asarray(_in_mode(file, "L"))
        return np.where(gray == key * 255 // ((1 << png.depth) - 1), np.uint8(0), np.uint8(255))
    if not file.has_transparency_data:
        return None
    colour = file.info.get("transparency")
    if isinstance(colour, tuple):  # 16 bits for each sample of 8: the upper ones mean nothing
        file.info["transparency"] = tuple(sample & 0xFF for sample in colour)
    image = file.convert("LA") if file.mode == "La" else file
    return np.asarray(_in_mode(image, "RGBA").getchannel("A"))


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert a picture; one that needs no conversion is not copied."""
    return image if image.mode == mode else image.convert(mode)
