"""The supported image formats: detection, and the choice of the answer's."""

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
        signature: first bytes of its files.
        has_alpha: whether it can hold transparency.
        has_gray: whether it can hold a single channel.
        has_16_bit: whether answers keep 16 bits a sample.
        max_side_px: longest side that it can hold.
        max_answer_pixels: most pixels that its encoder takes in bounded memory.
        answer: the format that answers such an input where nothing else is asked; itself,
            but for formats that are only read.
        options: its encoding options.
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
            max_answer_pixels=25_000_000,  # libaom needs about 40 bytes per pixel
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
Ranking = tuple[tuple[str, ...], ...]

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
    """Detect the format, a key of `FORMATS`, from the first bytes; names and headers can be wrong.

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


def check_size(name: str, width_px: int, height_px: int) -> None:
    """Refuse to write a picture that a format cannot hold.

    Raises:
        InvalidOption: a side, or the number of pixels, is more than the format takes.
    """
    known = FORMATS[name]
    if max(width_px, height_px) > known.max_side_px:
        problem = f"{name} holds at most {known.max_side_px} px a side"
    elif width_px * height_px > known.max_answer_pixels:
        problem = f"{name} is written up to {known.max_answer_pixels} pixels; ask for another"
    else:
        return
    allowed = tuple(other for other in ANSWER_FORMATS if _holds(other, width_px, height_px))
    raise InvalidOption(problem, option="format", allowed=allowed)


def rank_formats(asked: str | None, weights: Mapping[str, float], own: str) -> Ranking:
    """Rank the formats of the answer: the one asked for, else by weight, else the input's own.

    Among equally welcome formats the input's own comes first, then the list's order. If no
    format has a weight, the weights are disregarded.

    Args:
        asked: value of the option `format`, if given.
        weights: how welcome each format of `ANSWER_FORMATS` is, 0 to 1; none: 0.
        own: format of the input, a key of `FORMATS`.

    Returns:
        Groups of equally welcome formats of `ANSWER_FORMATS`, the most welcome first.

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
        return ((asked,),)
    own = FORMATS[own].answer
    ranked = tuple(sorted(ANSWER_FORMATS, key=lambda name: name != own))
    groups = [
        tuple(name for name in ranked if weights.get(name) == weight)
        for weight in sorted(set(weights.values()), reverse=True)
        if weight > 0
    ]
    return (*groups, ranked)


def choose_format(ranking: Ranking, width_px: int, height_px: int, *, has_alpha: bool) -> str:
    """Choose the most welcome format that can hold a picture.

    Where the first of a group cannot, one with transparency is chosen for a picture that has it.

    Args:
        ranking: from `rank_formats`.
        width_px: width of the answer.
        height_px: its height.
        has_alpha: whether it has transparency.

    Returns:
        One of `ANSWER_FORMATS`.

    Raises:
        InvalidOption: the one format that was asked for cannot hold it.
    """
    for group in ranking:
        able = [name for name in group if _holds(name, width_px, height_px)]
        if able and able[0] != group[0] and has_alpha:
            able.sort(key=lambda name: not FORMATS[name].has_alpha)
        if able:
            return able[0]
    check_size(ranking[0][0], width_px, height_px)
    raise AssertionError("some format holds every picture")


def _holds(name: str, width_px: int, height_px: int) -> bool:
    known = FORMATS[name]
    return (
        max(width_px, height_px) <= known.max_side_px
        and width_px * height_px <= known.max_answer_pixels
    )
