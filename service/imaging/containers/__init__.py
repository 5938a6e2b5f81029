"""Checks what a file claims against the bytes that are there, before a decoder sees it.

Decoders allocate what a container claims: a chunk's length, a tag's count, a frame's size. A
file of a few bytes can claim gigabytes. Each module here walks one container without decoding
anything, in time and memory that the file's own bytes bound. Which kinds of a format are read,
and what a file says about its colours, is for `service.imaging.{isobmff,jpeg,png,tiff}`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from relight.errors import ImageCorrupt
from service.imaging.containers import bmff, jpeg, png, tiff, webp

_WALKS: Final[Mapping[str, Callable[[bytes], tuple[int, int]]]] = MappingProxyType(
    {
        "jpeg": jpeg.walk,
        "png": png.walk,
        "webp": webp.walk,
        "avif": bmff.walk,
        "heif": bmff.walk,
        "tiff": tiff.walk,
    }
)

_MANIFESTS: Final[Mapping[str, Callable[[bytes], bool]]] = MappingProxyType(
    {
        "jpeg": jpeg.has_manifest,
        "png": png.has_manifest,
        "webp": webp.has_manifest,
        "avif": bmff.has_manifest,
        "heif": bmff.has_manifest,
        "tiff": tiff.has_manifest,
    }
)


def has_manifest(data: bytes, format_name: str) -> bool:
    """Return whether a file carries a C2PA manifest store (C2PA 2.2, section A.3).

    Args:
        data: a file that `walk` has passed.
        format_name: as for `walk`.
    """
    return _MANIFESTS[format_name](data)


def walk(data: bytes, format_name: str) -> tuple[int, int]:
    """Check every length that a file claims.

    Args:
        data: the whole file.
        format_name: a key of `service.imaging.formats.FORMATS`.

    Returns:
        Width and height in pixels of the largest picture that a decoder would make of it.

    Raises:
        ImageCorrupt: a length leads past the bytes that are there, or a part that must be
            there once is missing or repeated.
        ImageAnimated: it is a sequence of pictures.
    """
    try:
        return _WALKS[format_name](data)
    except (ImageCorrupt, struct.error, IndexError) as error:
        why = f": {error}" if isinstance(error, ImageCorrupt) else ""
        raise ImageCorrupt(f"the {format_name} data are broken or cut off{why}") from None
