"""Refuses files before a decoder sees them: kinds that are not read, and false claims.

Kinds come first: a camera raw file is called by its name, not animated because of its previews.
"""

from __future__ import annotations

from relight.errors import ImageAnimated
from service.imaging import containers, isobmff, jpeg, tiff


def still_part(data: bytes, format_name: str) -> bytes:
    """Return the file without what a phone has put behind the picture: the decoders' input.

    Args:
        data: the whole file.
        format_name: a key of `service.imaging.formats.FORMATS`.
    """
    return isobmff.without_trailer(data) if format_name in {"avif", "heif"} else data


def screen(data: bytes, format_name: str) -> tuple[int, int]:
    """Refuse kinds of a format that are not read, and hold every length against the bytes.

    Args:
        data: from `still_part`.
        format_name: a key of `service.imaging.formats.FORMATS`.

    Returns:
        Width and height in pixels of the largest picture that a decoder would make of it.

    Raises:
        UnsupportedMediaType: this kind of the format is not read.
        ImageAnimated: the file holds more than one frame or page.
        ImageTooLarge: a part is much larger than the picture.
        ImageCorrupt: a length leads past the bytes that are there.
    """
    if format_name == "tiff":
        tiff.check(data)
    elif format_name == "jpeg":
        jpeg.check(data)
    elif format_name == "heif" and isobmff.is_sequence(data):
        raise ImageAnimated("the HEIF file is a sequence; only still images are accepted")
    return containers.walk(data, format_name)
