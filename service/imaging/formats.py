"""The closed list of image formats: how each is recognised, asked for and answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from relight.errors import InvalidOption, UnsupportedMediaType
from service.imaging.tiff import raw_is_not_read


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One image format.

    Attributes:
        media_type: its IANA media type.
        signature: what its files begin with.
        has_alpha: whether it can hold transparency.
        has_gray: whether it can hold a single channel.
        has_16_bit: whether answers keep 16 bits a sample.
        max_side_px: longest side that it can hold.
        max_answer_pixels: most pixels that its encoder takes in bounded memory.
        answer: the format that answers such an input where nothing else is asked; itself,
            but for formats that are only read.
        options: the encoding options that it has.
    """

    media_type: str
    signature: re.Pattern[bytes]
    has_alpha: bool = True
    has_gray: bool = False
    has_16_bit: bool = False
    max_side_px: int = 2**31 - 1
    max_answer_pixels: int = 2**62
    answer: str
    options: frozenset[str] = frozenset()


def _starts(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


# AVIF and HEIF name themselves in the list of brands that opens the file (ISO 14496-12, 4.3).
FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "jpeg": Format(
            media_type="image/jpeg",
            signature=_starts(rb"\xff\xd8\xff"),
            has_alpha=False,
            has_gray=True,
            max_side_px=65_500,
            answer="jpeg",
            options=frozenset({"quality", "subsampling", "progressive"}),
        ),
        "png": Format(
            media_type="image/png",
            signature=_starts(rb"\x89PNG\r\n\x1a\n"),
            has_gray=True,
            has_16_bit=True,
            answer="png",
        ),
        "webp": Format(
            media_type="image/webp",
            signature=_starts(rb"RIFF.{4}WEBP"),
            max_side_px=16_383,
            answer="webp",
            options=frozenset({"quality"}),
        ),
        "avif": Format(
            media_type="image/avif",
            signature=_starts(rb".{4}ftyp(?:.{4}){0,12}?avi[fs]"),
            max_side_px=16_384,
            max_answer_pixels=25_000_000,  # libaom takes some 40 bytes a pixel
            answer="avif",
            options=frozenset({"quality", "subsampling"}),
        ),
        "tiff": Format(
            media_type="image/tiff",
            signature=_starts(rb"II\*\0|MM\0\*"),
            has_gray=True,
            has_16_bit=True,
            answer="tiff",
        ),
        "heif": Format(
            media_type="image/heif",
            signature=_starts(rb".{4}ftyp(?:.{4}){0,12}?(?:hei[cxms]|hev[cxms]|mif1|msf1)"),
            answer="jpeg",
        ),
    }
)
ANSWER_FORMATS: Final = tuple(name for name, known in FORMATS.items() if known.answer == name)


# Camera raw files that do not begin as TIFF does; `tiff.check` knows the others.
_RAW_SIGNATURES: Final = MappingProxyType(
    {
        "CR3": _starts(rb".{4}ftypcrx "),
        "CRW": _starts(rb"II.{4}HEAPCCDR"),
        "RAF": _starts(rb"FUJIFILMCCD-RAW"),
        "ORF": _starts(rb"IIR[OS]|MMOR"),
        "RW2": _starts(rb"IIU\0"),
        "X3F": _starts(rb"FOVb"),
        "MRW": _starts(rb"\0MRM"),
    }
)


def sniff(data: bytes) -> str:
    """Tell the format, a key of `FORMATS`, by the first bytes; names and headers can lie.

    Raises:
        UnsupportedMediaType: the bytes are of no format in the list.
    """
    for name, known in FORMATS.items():
        if known.signature.match(data):
            return name
    for name, signature in _RAW_SIGNATURES.items():
        if signature.match(data):
            raise UnsupportedMediaType(raw_is_not_read(name))
    raise UnsupportedMediaType(f"the image is none of {', '.join(FORMATS)}")


def choose_format(asked: str | None, accept: str | None, own: str) -> str:
    """Choose the format of the answer: what was asked, else `Accept`, else the input's own.

    Among equally welcome formats the input's own wins, then the list's order. When
    `Accept` allows no image format at all it is disregarded (RFC 9110, section 12.5.1).

    Args:
        asked: value of the option `format`, if given.
        accept: value of the header `Accept`, if given.
        own: format of the input, a key of `FORMATS`.

    Returns:
        One of `ANSWER_FORMATS`.

    Raises:
        InvalidOption: `asked` is not in the list.
    """
    if asked is not None:
        if asked not in ANSWER_FORMATS:
            raise InvalidOption(
                f"format {asked!r} is not one of {', '.join(ANSWER_FORMATS)}",
                option="format",
                allowed=ANSWER_FORMATS,
            )
        return asked
    own = FORMATS[own].answer
    welcome = _parse_accept(accept or "")
    ranked = sorted(ANSWER_FORMATS, key=lambda name: name != own)
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
