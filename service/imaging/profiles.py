"""Applies ICC profiles: converts small pictures to sRGB and back.

A photo keeps its own space from file to file. Only the small picture that the network
sees is converted to sRGB, and only its small answer is converted back: wide gamut costs
nothing and loses nothing.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from service.imaging.photo import Codes

Pixels = npt.NDArray[np.float32]

_SPACE_FIELD: Final = slice(16, 20)  # "data colour space" in the header, ICC.1 section 7.2
_MODES: Final = {b"RGB ": "RGB", b"GRAY": "L"}
_HEADER_BYTES: Final = 128
_TAG_BYTES: Final = 12
_MAX_TAGS: Final = 100  # of LittleCMS
_ELEMENTS: Final = frozenset(b"%c2%c%d" % (a, b, n) for a, b in (b"DB", b"BD") for n in range(4))
_STRIP_ROWS: Final = 64  # memory stays that of a strip


def is_rgb(icc_profile: bytes | None) -> bool:
    """Return whether there is a profile, of an RGB space."""
    return icc_profile is not None and _mode(icc_profile) == "RGB"


def is_readable(icc_profile: bytes, is_gray: bool = False) -> bool:
    """Return whether the profile is a sound one, of the picture's kind, that leads to sRGB.

    Args:
        icc_profile: the profile.
        is_gray: whether the picture is grey: a profile of a grey space then fits as well.
    """
    mode = _mode(icc_profile)
    if mode is None or (mode == "L" and not is_gray):
        return False
    try:
        _transform(icc_profile, mode, None, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return False
    return True


def leads_back(icc_profile: bytes) -> bool:
    """Return whether a profile that `is_readable` also leads from sRGB: many scanners' do not."""
    try:
        _transform(None, "RGB", icc_profile, _MODES[icc_profile[_SPACE_FIELD]])
    except (ImageCms.PyCMSError, OSError):
        return False
    return True


def flatten(pixels: Codes, icc_profile: bytes) -> Codes:
    """Convert a whole picture to sRGB.

    Args:
        pixels: uint8 or uint16 (h, w, 3).
        icc_profile: a profile that `is_readable`.

    Returns:
        The same type and shape. The colour engine knows 8 bits; what 16 have more is added
        to its result.
    """
    if not is_rgb(icc_profile):
        return flatten_gray(pixels, icc_profile)
    transform = _transform(icc_profile, "RGB", None, "RGB")
    converted = np.empty_like(pixels)
    for top in range(0, len(pixels), _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        if pixels.dtype == np.uint8:
            converted[rows] = ImageCms.applyTransform(Image.fromarray(pixels[rows]), transform)
            continue
        strip = to_srgb(pixels[rows].astype(np.float32) / np.float32(65535), icc_profile)
        converted[rows] = np.rint(strip * 65535)
    return converted


def flatten_cmyk(image: Image.Image, icc_profile: bytes) -> Image.Image | None:
    """Convert a CMYK picture to sRGB; None when its profile is broken or of another kind."""
    try:
        transform = _transform(icc_profile, image.mode, None, "RGB")
        return ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError):
        return None


def flatten_lab(image: Image.Image) -> Image.Image:
    """Convert a CIELAB picture (D50) to sRGB."""
    lab, srgb = (ImageCms.createProfile(space) for space in ("LAB", "sRGB"))
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # as the transform is not done in place
    return converted


def flatten_gray(pixels: Codes, icc_profile: bytes) -> Codes:
    """Convert a whole grey picture to sRGB.

    Args:
        pixels: uint8 or uint16 (h, w, 3), all channels equal.
        icc_profile: a profile of a grey space that `is_readable`.

    Returns:
        The same type and shape. 16-bit codes are interpolated between the 256 that the
        colour engine knows.
    """
    white = np.iinfo(pixels.dtype).max
    ramp = np.arange(256, dtype=np.uint8)[None]
    transform = _transform(icc_profile, "L", None, "RGB")
    nodes = np.asarray(ImageCms.applyTransform(Image.fromarray(ramp), transform))[0, :, 0]
    curve = np.interp(np.linspace(0, 255, white + 1), np.arange(256), nodes * (white / 255))
    return np.asarray(np.rint(curve).astype(pixels.dtype)[pixels])


def to_srgb(pixels: Pixels, icc_profile: bytes | None) -> Pixels:
    """Convert pixels from the space of a profile to sRGB.

    Args:
        pixels: float32 (h, w, 3), 0 to 1; small, as this is the slow way.
        icc_profile: a profile that `is_readable`; None means sRGB.
    """
    if icc_profile is None:
        return pixels
    mode = _mode(icc_profile)
    assert mode is not None
    return _apply(pixels, mode, _transform(icc_profile, mode, None, "RGB"))


def from_srgb(pixels: Pixels, icc_profile: bytes | None) -> Pixels:
    """Convert pixels from sRGB to the space of a profile.

    Args:
        pixels: float32 (h, w, 3), 0 to 1; grey, where the profile is.
        icc_profile: a profile that `leads_back`; None means sRGB.
    """
    if icc_profile is None:
        return pixels
    mode = _mode(icc_profile)
    assert mode is not None
    return _apply(pixels, "RGB", _transform(None, "RGB", icc_profile, mode))


def _mode(icc_profile: bytes) -> str | None:
    return _MODES.get(icc_profile[_SPACE_FIELD])


def _transform(
    from_icc: bytes | None, from_mode: str, to_icc: bytes | None, to_mode: str
) -> ImageCms.ImageCmsTransform:
    """Build the transform from one profile to another (None: sRGB)."""
    return ImageCms.buildTransform(
        _profile(from_icc),
        _profile(to_icc),
        from_mode,
        to_mode,
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _profile(icc_profile: bytes | None) -> ImageCms.ImageCmsProfile:
    if icc_profile is None:
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return ImageCms.ImageCmsProfile(BytesIO(_without_elements(icc_profile)))


def _without_elements(icc_profile: bytes) -> bytes:
    """Return the profile without its lists of processing elements (ICC.1, 10.16).

    A list may have any number of elements, all at one place of the file: 65 kB kept the colour
    engine busy for ten seconds. Each list stands beside a table or a matrix for the same purpose.
    """
    try:
        (num_tags,) = struct.unpack_from(">I", icc_profile, _HEADER_BYTES)
    except struct.error:
        return icc_profile
    if num_tags > _MAX_TAGS:
        return icc_profile  # the colour engine refuses it
    first = _HEADER_BYTES + 4
    end = first + _TAG_BYTES * num_tags
    tags = [icc_profile[n : n + _TAG_BYTES] for n in range(first, end, _TAG_BYTES)]
    kept = [tag for tag in tags if tag[:4] not in _ELEMENTS]
    table = struct.pack(">I", len(kept)) + b"".join(kept)
    table += bytes(_TAG_BYTES * (num_tags - len(kept)))
    return icc_profile[:_HEADER_BYTES] + table + icc_profile[end:]


def _apply(pixels: Pixels, mode: str, transform: ImageCms.ImageCmsTransform) -> Pixels:
    """Transform float pixels with an engine that takes 8 bits.

    What rounding to them cuts off is added again after it, so that smooth gradients stay
    smooth.
    """
    codes = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(codes if mode == "RGB" else np.ascontiguousarray(codes[..., 0]))
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # as the transform is not done in place
    native = np.asarray(converted.convert("RGB"))
    shift = np.subtract(native, codes, dtype=np.float32) / np.float32(255)
    return np.asarray(np.clip(pixels + shift, 0, 1), np.float32)
