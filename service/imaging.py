"""Bytes to pixels to bytes: what a photo is, whatever file it came in.

    bytes -> sniff -> header -> limits -> pixels -> upright -> 8-bit RGB (+ alpha)
    pixels (+ alpha, profile, metadata) -> bytes

Nothing in a file is believed: the format is told by its first bytes, and every limit is
checked on the header before memory is spent on pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from service import profiles
from service.errors import (
    ImageAnimated,
    ImageCorrupt,
    ImageTooLarge,
    ImageTooSmall,
    InvalidOption,
)
from service.formats import FORMATS, choose_format, sniff

__all__ = ["ImageLimits", "Photo", "choose_format", "decode", "encode", "sniff"]

Codes = npt.NDArray[np.uint8]

# Readers by name, not `Image.open`: no other format can be reached, a phone's MPO is read
# as the JPEG that it begins with, and `ImageLimits` is the only limit on size.
_READERS: Final[Mapping[str, Callable[[BytesIO], ImageFile.ImageFile]]] = MappingProxyType(
    {"jpeg": JpegImageFile, "png": PngImageFile, "webp": WebPImageFile}
)

# What Pillow's readers raise on broken data.
_BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
)

_MAX_EXIF_BYTES: Final = 65_533  # what a JPEG segment holds; no camera writes more

_UPRIGHT: Final[Mapping[int, Image.Transpose]] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What sizes are accepted.

    Attributes:
        max_pixels: most pixels in all.
        max_side_px: longest side.
        min_side_px: shortest side.
    """

    max_pixels: int
    max_side_px: int
    min_side_px: int

    def check(self, width_px: int, height_px: int) -> None:
        """Refuse a picture of another size.

        Raises:
            ImageTooLarge: it has too many pixels or too long a side.
            ImageTooSmall: it has too short a side.
        """
        size = f"the image has {width_px} x {height_px} pixels"
        if width_px * height_px > self.max_pixels:
            raise ImageTooLarge(f"{size}; at most {self.max_pixels} in all are accepted")
        if max(width_px, height_px) > self.max_side_px:
            raise ImageTooLarge(f"{size}; a side may have at most {self.max_side_px}")
        if min(width_px, height_px) < self.min_side_px:
            raise ImageTooSmall(f"{size}; a side must have at least {self.min_side_px}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Photo:
    """A picture, upright, in 8 bits.

    Attributes:
        pixels: uint8 (h, w, 3), in the RGB space of `icc_profile`.
        format: the file's format, a key of `service.formats.FORMATS`.
        alpha: uint8 (h, w), or None when the file has no transparency.
        icc_profile: the profile of an RGB space; None means sRGB.
        exif: EXIF data without orientation and thumbnail, at most 64 KiB, or None.
        is_gray: whether the file held no colour.
    """

    pixels: Codes
    format: str
    alpha: Codes | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    is_gray: bool = False

    @property
    def width_px(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height_px(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])


def decode(data: bytes, limits: ImageLimits) -> Photo:
    """Read an image file.

    16-bit samples become 8-bit. CMYK, and grey with a profile of its own, become sRGB.
    A broken colour profile or broken metadata are dropped: the picture is still good.

    Args:
        data: the whole file.
        limits: sizes to accept, checked before pixels are decoded.

    Raises:
        UnsupportedMediaType: the format is not in `service.formats.FORMATS`.
        ImageTooLarge, ImageTooSmall: the size is outside `limits`.
        ImageAnimated: the file holds more than one frame.
        ImageCorrupt: the data are broken or cut off.
    """
    format_name = sniff(data)
    with _broken_is_corrupt(format_name):
        file = _READERS[format_name](BytesIO(data))
    with file:
        limits.check(*file.size)
        if getattr(file, "is_animated", False):
            raise ImageAnimated("the image is animated; only still images are accepted")
        with _broken_is_corrupt(format_name):
            file.load()
        upright, exif = _upright(file)
        rgb, alpha, icc_profile = _split(upright, file.info.get("icc_profile"))
    return Photo(
        pixels=np.asarray(rgb),
        alpha=alpha,
        icc_profile=icc_profile,
        exif=exif,
        format=format_name,
        is_gray=_has_no_colour(upright),
    )


def encode(
    photo: Photo, format_name: str, *, quality: int | None = None, keep_metadata: bool = False
) -> bytes:
    """Write an image file: lossless as PNG, visually lossless as JPEG and WebP.

    The file is built anew from the pixels, so that nothing slips through: the colour
    profile always goes along, EXIF data only when asked. A format without transparency
    shows the picture on white. A grey photo that is still grey is written as grey.

    Args:
        photo: the picture.
        format_name: a key of `service.formats.FORMATS`.
        quality: 1 to 100; default 92 for JPEG, 90 for WebP; PNG has none.
        keep_metadata: whether to write `photo.exif`.

    Raises:
        InvalidOption: the picture has a side longer than the format can hold.
    """
    limit_px = FORMATS[format_name].max_side_px
    if max(photo.width_px, photo.height_px) > limit_px:
        raise InvalidOption(f"{format_name} holds at most {limit_px} px a side", option="format")
    file = BytesIO()
    _join(photo, FORMATS[format_name].has_alpha).save(
        file,
        format_name,
        icc_profile=photo.icc_profile,
        exif=photo.exif if keep_metadata and photo.exif else b"",
        **_save_options(format_name, quality),
    )
    return file.getvalue()


def _save_options(format_name: str, quality: int | None) -> dict[str, int | str]:
    if format_name == "jpeg":
        return {"quality": 92 if quality is None else quality, "subsampling": "4:4:4"}
    if format_name == "webp":
        # Below method 2, libwebp fails on noisy pictures of 20 megapixels and more.
        return {"quality": 90 if quality is None else quality, "method": 2}
    return {"compress_level": 1}


@contextmanager
def _broken_is_corrupt(format_name: str) -> Iterator[None]:
    """Turn what the readers raise into the service's own errors."""
    try:
        yield
    except Image.DecompressionBombError:
        raise ImageTooLarge("the image has too many pixels") from None
    except _BROKEN as error:
        raise ImageCorrupt(f"the {format_name} data are broken or cut off") from error


def _upright(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """Apply the EXIF orientation; return the picture and its EXIF data without it."""
    try:
        exif = image.getexif()
        turn = _UPRIGHT.get(exif.pop(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return image, None
    upright = image if turn is None else image.transpose(turn)
    try:
        photo_tags = exif.get_ifd(ExifTags.IFD.Exif)
        if ExifTags.Base.ExifImageWidth in photo_tags:
            photo_tags[ExifTags.Base.ExifImageWidth] = upright.width
            photo_tags[ExifTags.Base.ExifImageHeight] = upright.height
        rest = exif.tobytes() if len(exif) else b""
        return upright, rest if 0 < len(rest) <= _MAX_EXIF_BYTES else None
    except _BROKEN:
        return upright, None


def _split(
    image: Image.Image, icc_profile: bytes | None
) -> tuple[Image.Image, Codes | None, bytes | None]:
    """Split any mode into RGB, alpha, and the profile that still describes the RGB."""
    alpha = None
    if image.mode.startswith("I"):
        image, alpha = _split_16_bit_gray(image)
    elif image.has_transparency_data:
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    if image.mode != "CMYK":
        image = _as(image, "L" if _has_no_colour(image) else "RGB")
        if icc_profile is not None and profiles.is_reversible(icc_profile):
            return _as(image, "RGB"), alpha, icc_profile
    if icc_profile is not None:
        image = profiles.flatten(image, icc_profile) or image
    return _as(image, "RGB"), alpha, None


def _has_no_colour(image: Image.Image) -> bool:
    return image.mode.startswith(("1", "L", "I"))


def _as(image: Image.Image, mode: str) -> Image.Image:
    """Convert, but do not copy what already is in the mode."""
    return image if image.mode == mode else image.convert(mode)


def _split_16_bit_gray(image: Image.Image) -> tuple[Image.Image, Codes | None]:
    """Scale 16-bit grey to 8 bits, which Pillow would clip; split off a transparent value."""
    wide = np.asarray(image).astype(np.uint32)
    key = image.info.get("transparency")
    alpha = None if key is None else np.where(wide == key, 0, 255).astype(np.uint8)
    return Image.fromarray(((wide + 128) // 257).astype(np.uint8)), alpha


def _join(photo: Photo, with_alpha: bool) -> Image.Image:
    """Put pixels and alpha together, in the mode that the file is to have."""
    image = Image.fromarray(photo.pixels)
    mask = None if photo.alpha is None else Image.fromarray(photo.alpha)
    if mask is not None and not with_alpha:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), mask)
    if photo.is_gray and photo.icc_profile is None and _is_gray(photo.pixels):
        image = image.getchannel(0)
    if mask is not None and with_alpha:
        image.putalpha(mask)
    return image


def _is_gray(pixels: Codes) -> bool:
    red = pixels[..., 0]
    return np.array_equal(red, pixels[..., 1]) and np.array_equal(red, pixels[..., 2])
