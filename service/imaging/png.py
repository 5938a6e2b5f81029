"""PNG (W3C, third edition): the colours, transparency and metadata that its chunks describe.

`containers.png` checks the lengths of the chunks.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from service.imaging import cicp

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
GRAY_TYPES: Final = frozenset({0, 4})  # colour types
XMP_KEYWORD: Final = b"XML:com.adobe.xmp"

_TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_DESCRIPTIONS: Final = frozenset({b"cICP", b"cHRM", b"eXIf", b"gAMA", b"iCCP", b"sRGB", b"tRNS"})
_METADATA_KEYWORDS: Final = frozenset({XMP_KEYWORD, b"Raw profile type exif"})
_MAX_KEYWORD_BYTES: Final = 79  # section 11.3.3
_MAX_TEXTS: Final = 8  # to look into: each costs time, and two keywords are read
_MAX_TEXT_BYTES: Final = 2**18  # for metadata; hexadecimal takes two bytes for one
_USUAL_GAMMA: Final = 0.45455  # alone, it says no more than sRGB


class _Chunk(NamedTuple):
    name: bytes
    start: int  # of its length field
    end: int  # behind its checksum


@dataclass(frozen=True, slots=True)
class Png:
    """A PNG file's header and descriptions.

    Attributes:
        size: width and height in pixels.
        depth: bits of a sample.
        colour_type: as in the header.
        data: the file, without its profile and the texts that are not read here: a reader
            must neither hold nor refuse them.
        descriptions: the first chunk of each name of interest, its data.
    """

    size: tuple[int, int]
    depth: int
    colour_type: int
    data: bytes
    descriptions: dict[bytes, bytes] = field(repr=False)

    @property
    def is_gray(self) -> bool:
        """Whether the samples have no colour."""
        return self.colour_type in GRAY_TYPES

    def embedded_profile(self, max_bytes: int) -> bytes | None:
        """Return the ICC profile, of at most one byte more than `max_bytes`; None if broken."""
        name, _, compressed = self.descriptions.get(b"iCCP", b"").partition(b"\0")
        if not name or compressed[:1] != b"\0":
            return None
        try:
            return zlib.decompressobj().decompress(compressed[1:], max_bytes + 1)
        except zlib.error:
            return None

    def described_profile(self) -> bytes | None:
        """Return a profile of the colours that the chunks beside iCCP describe; None for sRGB.

        cICP wins over iCCP, that over sRGB, and that over gAMA with cHRM (section 4.3). cHRM
        without gAMA, and the gamma of sRGB without cHRM, say nothing, as browsers have it.

        Raises:
            UnsupportedMediaType: the picture has high dynamic range.
        """
        codes = self.descriptions.get(b"cICP", b"")
        if len(codes) == 4:
            return cicp.profile_of_codes(codes[0], codes[1], is_gray=self.is_gray)
        gamma = self._gamma()
        if gamma is None or b"sRGB" in self.descriptions:
            return None
        primaries = self._primaries()
        if primaries is None and abs(gamma - _USUAL_GAMMA) < 0.001:
            return None
        curve = cicp.Curve(1 / gamma)
        return cicp.profile_of(primaries or cicp.BT709, curve, is_gray=self.is_gray)

    @property
    def has_codes(self) -> bool:
        """Whether code points (cICP) are given, which win over an embedded profile."""
        return len(self.descriptions.get(b"cICP", b"")) == 4

    def exif(self, texts: Mapping[str | tuple[int, int], Any]) -> bytes | None:
        """Return the EXIF data: of eXIf, wherever it stands, or of older tools' text.

        Args:
            texts: the texts of the file, by keyword.

        Raises:
            ValueError: the text is not hexadecimal.
        """
        if b"eXIf" in self.descriptions:
            return b"Exif\0\0" + self.descriptions[b"eXIf"]
        text = texts.get("Raw profile type exif")
        # A line feed, the name, the length, and the data in lines
        return bytes.fromhex("".join(text.split("\n")[3:])) if text else None

    def gray_key(self) -> int | None:
        """Return the grey sample that is transparent, of `depth` bits; None if there is none."""
        key = self.descriptions.get(b"tRNS", b"")
        if self.colour_type != 0 or len(key) < 2:
            return None
        return int(int.from_bytes(key[:2]) & ((1 << self.depth) - 1))

    def _gamma(self) -> float | None:
        data = self.descriptions.get(b"gAMA", b"")
        gamma = int.from_bytes(data) / 1e5 if len(data) == 4 else 0.0
        return gamma if 0.1 <= gamma <= 10 else None  # others are no gamma of a picture

    def _primaries(self) -> cicp.Primaries | None:
        data = self.descriptions.get(b"cHRM", b"")
        if len(data) != 32:
            return None
        n = [value / 1e5 for value in struct.unpack(">8I", data)]
        primaries = cicp.Primaries((n[0], n[1]), (n[2], n[3]), (n[4], n[5]), (n[6], n[7]))
        return primaries if max(n) <= 1 and n[1] > 0 else None


def inspect(data: bytes) -> Png:
    """Read a PNG's header and descriptions.

    Raises:
        ValueError: the first chunk is not a header.
    """
    if data[12:16] != b"IHDR" or len(data) < 26:
        raise ValueError("the first chunk is not the header")
    width_px, height_px, depth, colour_type = struct.unpack_from(">2I2B", data, 16)
    descriptions: dict[bytes, bytes] = {}
    left_out: list[_Chunk] = []
    num_looked_into = 0
    for chunk in _chunks(data):
        if chunk.name in _DESCRIPTIONS and chunk.name not in descriptions:
            descriptions[chunk.name] = data[chunk.start + 8 : chunk.end - 4]
        if chunk.name in _TEXTS and _has_metadata_keyword(data, chunk):
            num_looked_into += 1
            if num_looked_into > _MAX_TEXTS or not _is_short(data, chunk):
                left_out.append(chunk)
        elif chunk.name == b"iCCP" or chunk.name in _TEXTS:
            left_out.append(chunk)
    kept = _without(data, left_out) if left_out else data
    return Png((width_px, height_px), depth, colour_type, kept, descriptions)


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield the chunks, up to the end or to one that is cut off."""
    start = len(SIGNATURE)
    while start + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        if end > len(data):
            return
        yield _Chunk(name, start, end)
        if name == b"IEND":
            return
        start = end


def _has_metadata_keyword(data: bytes, chunk: _Chunk) -> bool:
    """Return whether a text is one that is read here."""
    start = data[chunk.start + 8 : min(chunk.end - 4, chunk.start + 8 + _MAX_KEYWORD_BYTES + 1)]
    return start.partition(b"\0")[0] in _METADATA_KEYWORDS


def _is_short(data: bytes, chunk: _Chunk) -> bool:
    """Return whether a text is of a sound size, once it is decompressed."""
    if chunk.end - chunk.start > _MAX_TEXT_BYTES:
        return False
    _, _, value = data[chunk.start + 8 : chunk.end - 4].partition(b"\0")
    if chunk.name == b"iTXt" and value[:1] == b"\1":
        compressed = value[2:].split(b"\0", 2)[-1]
    elif chunk.name == b"zTXt":
        compressed = value[1:]
    else:
        return True
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(compressed, _MAX_TEXT_BYTES)
    except zlib.error:
        return False
    return not inflater.unconsumed_tail


def _without(data: bytes, left_out: list[_Chunk]) -> bytes:
    view, parts, start = memoryview(data), [], 0
    for chunk in left_out:
        parts.append(view[start : chunk.start])
        start = chunk.end
    return b"".join([*parts, view[start:]])
