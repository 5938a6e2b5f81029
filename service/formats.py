"""The closed list of image formats: how each is recognised, asked for and answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from service.errors import InvalidOption, UnsupportedMediaType


@dataclass(frozen=True, slots=True)
class Format:
    """One image format.

    Attributes:
        media_type: its IANA media type.
        magic: (offset, bytes) pairs, all of which a file of this format has.
        has_alpha: whether it can hold transparency.
        max_side_px: longest side that it can hold.
    """

    media_type: str
    magic: tuple[tuple[int, bytes], ...]
    has_alpha: bool
    max_side_px: int


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "jpeg": Format("image/jpeg", ((0, b"\xff\xd8\xff"),), False, 65_500),
        "png": Format("image/png", ((0, b"\x89PNG\r\n\x1a\n"),), True, 2**31 - 1),
        "webp": Format("image/webp", ((0, b"RIFF"), (8, b"WEBP")), True, 16_383),
    }
)


def sniff(data: bytes) -> str:
    """Tell the format, a key of `FORMATS`, by the first bytes; names and headers can lie.

    Raises:
        UnsupportedMediaType: the bytes are of no format in the list.
    """
    for name, known in FORMATS.items():
        if all(data.startswith(magic, offset) for offset, magic in known.magic):
            return name
    raise UnsupportedMediaType(f"the image is none of {', '.join(FORMATS)}")


def choose_format(asked: str | None, accept: str | None, own: str) -> str:
    """Choose the format of the answer: what was asked, else `Accept`, else the input's own.

    Among equally welcome formats the input's own wins, then the list's order. When
    `Accept` allows no image format at all it is disregarded (RFC 9110, section 12.5.1).

    Args:
        asked: value of the option `format`, if given.
        accept: value of the header `Accept`, if given.
        own: format of the input, a key of `FORMATS`.

    Raises:
        InvalidOption: `asked` is not in the list.
    """
    if asked is not None:
        if asked not in FORMATS:
            allowed = tuple(FORMATS)
            raise InvalidOption(
                f"format {asked!r} is not one of {', '.join(allowed)}",
                option="format",
                allowed=allowed,
            )
        return asked
    welcome = _parse_accept(accept or "")
    ranked = sorted(FORMATS, key=lambda name: name != own)
    best = max(ranked, key=lambda name: _quality(FORMATS[name].media_type, welcome))
    return best if _quality(FORMATS[best].media_type, welcome) > 0 else own


def _parse_accept(accept: str) -> dict[str, float]:
    """Read `image/webp, image/*;q=0.8` as range -> weight; malformed ranges are skipped."""
    welcome: dict[str, float] = {}
    for item in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in item.split(";"))
        weights = [value for key, _, value in (p.partition("=") for p in parameters) if key == "q"]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            continue
        if media_range and 0 <= weight <= 1:
            welcome[media_range] = weight
    return welcome


def _quality(media_type: str, welcome: Mapping[str, float]) -> float:
    """Return the weight of the most specific range that matches (RFC 9110, 12.5.1)."""
    for media_range in (media_type, "image/*", "*/*"):
        if media_range in welcome:
            return welcome[media_range]
    return 0.0
