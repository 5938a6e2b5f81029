"""ICC profiles: what the numbers of a picture mean, and small pictures in sRGB.

A photo keeps its own RGB space from file to file. Only the small picture that the
network sees is converted to sRGB, and only its small answer is converted back: wide
gamut costs nothing and loses nothing.
"""

from __future__ import annotations

from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_RGB_SPACE: Final = b"RGB "
_SPACE_FIELD: Final = slice(16, 20)  # "data colour space" in the header, ICC.1 section 7.2


def is_reversible(icc_profile: bytes) -> bool:
    """Tell whether the profile is a sound one of an RGB space, usable in both directions."""
    if icc_profile[_SPACE_FIELD] != _RGB_SPACE:
        return False
    try:
        _transform(icc_profile, None, "RGB")
        _transform(None, icc_profile, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return False
    return True


def flatten(image: Image.Image, icc_profile: bytes) -> Image.Image | None:
    """Convert a whole picture to sRGB; None when its profile is broken or of another kind.

    For what can not be kept: CMYK, grey with a profile of its own, scanner profiles.
    """
    try:
        return ImageCms.applyTransform(image, _transform(icc_profile, None, image.mode))
    except (ImageCms.PyCMSError, OSError):
        return None


def to_srgb(pixels: npt.NDArray[np.uint8], icc_profile: bytes | None) -> npt.NDArray[np.uint8]:
    """Convert pixels, uint8 (h, w, 3), from the RGB space of a profile to sRGB.

    Args:
        pixels: the picture; small, as this is the slow way.
        icc_profile: a profile that `is_reversible`; None means sRGB.
    """
    if icc_profile is None:
        return pixels
    return _apply(pixels, _transform(icc_profile, None, "RGB"))


def from_srgb(
    pixels: npt.NDArray[np.float32], icc_profile: bytes | None
) -> npt.NDArray[np.float32]:
    """Convert pixels, float32 (h, w, 3), 0 to 1, from sRGB to the RGB space of a profile.

    The colour engine takes 8 bits. What rounding to them cuts off is added again after
    it, so that smooth gradients stay smooth.
    """
    if icc_profile is None:
        return pixels
    codes = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    native = _apply(codes, _transform(None, icc_profile, "RGB"))
    shift = np.subtract(native, codes, dtype=np.float32) / np.float32(255)
    return np.clip(pixels + shift, 0, 1)


def _transform(
    from_icc: bytes | None, to_icc: bytes | None, mode: str
) -> ImageCms.ImageCmsTransform:
    """Build the transform from one profile to another (None: sRGB), giving RGB."""
    return ImageCms.buildTransform(
        _profile(from_icc),
        _profile(to_icc),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _profile(icc_profile: bytes | None) -> ImageCms.ImageCmsProfile:
    if icc_profile is None:
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return ImageCms.ImageCmsProfile(BytesIO(icc_profile))


def _apply(
    pixels: npt.NDArray[np.uint8], transform: ImageCms.ImageCmsTransform
) -> npt.NDArray[np.uint8]:
    converted = ImageCms.applyTransform(Image.fromarray(pixels), transform)
    return np.asarray(converted)
