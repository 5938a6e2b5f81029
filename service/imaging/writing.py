"""Encodes photos.

The file is built anew from the pixels, so that nothing slips through: the colour profile
and the resolution in print always go along, metadata only when asked.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from relight.errors import InvalidOption
from service.imaging import jpeg_writing, profiles, tiff, wide
from service.imaging.formats import FORMATS, Format, check_size
from service.imaging.jpeg_writing import Subsampling
from service.imaging.metadata import fit_exif
from service.imaging.photo import Codes, Photo
from service.imaging.provenance import Edit, after_edit

# A segment of 65533 bytes, less the name that it begins with.
_MAX_JPEG_EXIF_BYTES: Final = 65_527
_MAX_JPEG_XMP_BYTES: Final = 65_504

# Visually lossless. AVIF's scale is steeper than JPEG's.
_QUALITY: Final = {"jpeg": 92, "webp": 90, "avif": 85}
_COLONS: Final = {"444": "4:4:4", "422": "4:2:2", "420": "4:2:0"}


def encode(
    photo: Photo,
    format_name: str,
    *,
    quality: int | None = None,
    subsampling: Subsampling | None = None,
    progressive: bool | None = None,
    keep_metadata: bool = False,
    edit: Edit | None = None,
    is_compressed: bool = True,
    may_overwrite: bool = False,
) -> bytes:
    """Write an image file: lossless as PNG and TIFF, visually lossless as the others.

    PNG and TIFF keep 16 bits; the others round to 8. A format without transparency shows
    the picture on white. A grey photo is written as grey.

    Args:
        photo: the picture.
        format_name: one of `service.imaging.formats.ANSWER_FORMATS`.
        quality: 1 to 100; default 92 for JPEG, 90 for WebP, 85 for AVIF; the lossless
            formats have none, and take any.
        subsampling: how much colour JPEG and AVIF keep; default all, 444.
        progressive: whether a JPEG shows coarsely at once; default not, which is some six
            times as fast to write.
        keep_metadata: whether to write `photo.exif` and `photo.xmp`.
        edit: what a model has changed, for the file's XMP, with and without other metadata.
        is_compressed: false writes the samples of a TIFF as they are.
        may_overwrite: whether `photo.pixels` may be used up, which saves memory.

    Raises:
        InvalidOption: the format has no such option, or cannot hold so large a picture.
    """
    known = FORMATS[format_name]
    check_size(format_name, photo.width_px, photo.height_px)
    for option, value in (("subsampling", subsampling), ("progressive", progressive)):
        if value is not None and option not in known.options:
            raise InvalidOption(f"{format_name} has no option {option!r}", option=option)
    beside = _beside(photo, format_name, edit, keep_metadata=keep_metadata)
    if (
        photo.icc_profile
        and not profiles.is_rgb(photo.icc_profile)
        and not _holds_gray(photo, known)
    ):
        pixels = profiles.flatten_gray(photo.pixels, photo.icc_profile)
        photo = replace(photo, pixels=pixels, icc_profile=None)
    samples = _samples(photo, known)
    if format_name == "tiff":
        return tiff.write(
            samples,
            icc_profile=photo.icc_profile,
            dpi=photo.dpi,
            is_compressed=is_compressed,
            **beside,
        )
    if samples.dtype == np.uint16:
        return wide.write_png(samples, icc_profile=photo.icc_profile, dpi=photo.dpi, **beside)
    quality = _QUALITY.get(format_name, 0) if quality is None else quality
    if format_name == "jpeg":
        return jpeg_writing.write(
            samples,
            quality=quality,
            subsampling=subsampling or "444",
            is_progressive=bool(progressive),
            may_overwrite=may_overwrite,
            icc_profile=photo.icc_profile,
            exif=beside["exif"] or b"",
            xmp=beside["xmp"] or b"",
            **({"dpi": photo.dpi} if photo.dpi else {}),
        )
    options: dict[str, Any] = {
        # Below method 2, libwebp fails on noisy pictures of 20 megapixels and more.
        "webp": {"quality": quality, "method": 2, "xmp": beside["xmp"] or b""},
        # At speed 8 and below, twelve megapixels take seven seconds and more.
        "avif": {
            "quality": quality,
            "subsampling": _COLONS[subsampling or "444"],
            "speed": 9,
            "max_threads": 1,  # the pool's threads are the parallelism
            "xmp": beside["xmp"] or b"",
        },
        "png": {"compress_level": 1, "pnginfo": _text(beside["xmp"])},
    }[format_name]
    if photo.dpi and format_name == "png":  # the others have no field for it
        options["dpi"] = photo.dpi
    file = BytesIO()
    Image.fromarray(samples.squeeze(2) if samples.shape[2] == 1 else samples).save(
        file, format_name, icc_profile=photo.icc_profile, exif=beside["exif"] or b"", **options
    )
    return file.getvalue()


def _beside(
    photo: Photo, format_name: str, edit: Edit | None, *, keep_metadata: bool
) -> dict[str, Any]:
    """Return the metadata that the format can hold: JPEG has a segment for each kind."""
    exif, xmp = (photo.exif, photo.xmp) if keep_metadata else (None, None)
    if edit is not None:
        xmp = after_edit(xmp, edit)
    if format_name == "jpeg":
        exif = fit_exif(exif, _MAX_JPEG_EXIF_BYTES) if exif else None
        if xmp is not None and len(xmp) > _MAX_JPEG_XMP_BYTES:
            xmp = None if edit is None else after_edit(None, edit)
    return {"exif": exif, "xmp": xmp}


def _text(xmp: bytes | None) -> PngInfo:
    info = PngInfo()
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return info


def _holds_gray(photo: Photo, known: Format) -> bool:
    """Return whether the file can have one grey channel; OpenCV has no 16-bit grey with alpha."""
    is_wide = known.has_16_bit and photo.pixels.dtype == np.uint16
    return photo.is_gray and known.has_gray and not (is_wide and photo.alpha is not None)


def _samples(photo: Photo, known: Format) -> Codes:
    """Return what the file is to hold, (h, w, c): depth, grey and alpha as the format has them."""
    pixels, alpha = photo.pixels, photo.alpha
    if not known.has_16_bit:
        pixels, alpha = _8_bit(pixels), None if alpha is None else _8_bit(alpha)
    if alpha is not None and not known.has_alpha:
        picture, white = Image.fromarray(pixels), Image.new("RGB", pixels.shape[1::-1], "white")
        pixels = np.asarray(Image.composite(picture, white, Image.fromarray(alpha)))
        alpha = None
    is_gray = _holds_gray(photo, known) and not profiles.is_rgb(photo.icc_profile)
    if is_gray and alpha is not None:
        return np.dstack([pixels[..., 0], alpha])
    if alpha is not None:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)
        pixels[..., 3] = alpha
        return pixels
    return np.ascontiguousarray(pixels[..., :1]) if is_gray else pixels


def _8_bit(codes: Codes) -> Codes:
    """Round 16-bit codes to 8 bits."""
    if codes.dtype == np.uint8:
        return codes
    return np.asarray(cv2.convertScaleAbs(codes, alpha=1 / 257)).reshape(codes.shape)
