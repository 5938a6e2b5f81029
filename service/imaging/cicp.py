"""Makes an ICC profile from the colours that a file without one names.

Coding-independent code points (ITU-T H.273) stand in PNG's cICP chunk and in the `nclx` boxes of
AVIF and HEIF; PNG's gAMA and cHRM chunks give a power and chromaticities. Each becomes a
profile of three primaries and a curve (ICC.1:2022), which every output format can hold.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from relight.errors import UnsupportedMediaType

Chromaticity = tuple[float, float]  # CIE 1931 x, y
Matrix = npt.NDArray[np.float64]

UNSPECIFIED: Final = 2


@dataclass(frozen=True, slots=True)
class Primaries:
    """The chromaticities of white and of the three primaries."""

    white: Chromaticity
    red: Chromaticity
    green: Chromaticity
    blue: Chromaticity


@dataclass(frozen=True, slots=True)
class Curve:
    """From codes X to light, both 0 to 1: (a X + b)**power from `knee` on, c X below it."""

    power: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    knee: float = 0.0


_C, _E = (0.310, 0.316), (1 / 3, 1 / 3)
_D65: Final = (0.3127, 0.3290)
_CREATED: Final = (2026, 1, 1, 0, 0, 0)  # the same date in all profiles
_D50_XYZ: Final = (0.9642, 1.0, 0.8249)  # of the profile connection space

BT709: Final = Primaries(_D65, (0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_SMPTE170M: Final = Primaries(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))

# H.273, table 2.
_PRIMARIES: Final = MappingProxyType(
    {
        1: BT709,
        4: Primaries(_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
        5: Primaries(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
        6: _SMPTE170M,
        7: _SMPTE170M,
        8: Primaries(_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
        9: Primaries(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
        10: Primaries(_E, (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
        11: Primaries((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
        12: Primaries(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
        22: Primaries(_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
    }
)

SRGB_CURVE: Final = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT709_CURVE: Final = Curve(2.4)  # of the display that such pictures are made for (BT.1886)

# H.273, table 3.
_CURVES: Final = MappingProxyType(
    {
        1: _BT709_CURVE,
        4: Curve(2.2),
        5: Curve(2.8),
        6: _BT709_CURVE,
        7: Curve(1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4.0, 0.0913),
        8: Curve(1.0),
        11: _BT709_CURVE,
        13: SRGB_CURVE,
        14: _BT709_CURVE,
        15: _BT709_CURVE,
        17: Curve(2.6, (52.37 / 48) ** (1 / 2.6)),
    }
)
_CAMERA_CURVES: Final = frozenset({1, 6, 14, 15})
_HDR_CURVES: Final = MappingProxyType({16: "PQ", 18: "HLG"})


def profile_of_codes(
    primaries: int, transfer: int, *, is_gray: bool, is_video: bool = False
) -> bytes | None:
    """Return the profile that two code points stand for; None for sRGB, or if one is unspecified.

    Args:
        primaries: `ColourPrimaries`.
        transfer: `TransferCharacteristics`.
        is_gray: whether the picture has no colour.
        is_video: whether the codes come from a format whose encoders write the curve of
            their camera, BT.709, and mean sRGB, as browsers read AVIF.

    Raises:
        UnsupportedMediaType: the picture has high dynamic range (PQ, HLG), or the codes stand
            for no colours that a profile can describe.
    """
    if transfer in _HDR_CURVES:
        raise UnsupportedMediaType(
            f"{_HDR_CURVES[transfer]} pictures (high dynamic range) are not read: "
            "send the photo in standard dynamic range, such as Display P3 or sRGB"
        )
    if UNSPECIFIED in {primaries, transfer}:
        return None
    if is_video and transfer in _CAMERA_CURVES:
        transfer = 13
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        raise UnsupportedMediaType(
            f"colours of the code points {primaries} and {transfer} (ITU-T H.273) are not read"
        )
    return profile_of(_PRIMARIES[primaries], _CURVES[transfer], is_gray=is_gray)


def profile_of(primaries: Primaries, curve: Curve, *, is_gray: bool) -> bytes | None:
    """Return the profile of a colour space; None for sRGB, and if there is no such space.

    Args:
        primaries: its chromaticities; a grey profile has none.
        curve: from its codes to light.
        is_gray: whether the picture has no colour.
    """
    if curve == SRGB_CURVE and (is_gray or primaries == BT709):
        return None
    tags = {b"desc": _text("Made from the file's description"), b"cprt": _text("CC0")}
    tags |= {b"wtpt": _xyz(_D50_XYZ)}
    if is_gray:
        return _file(b"GRAY", tags | {b"kTRC": _curve(curve)})
    try:
        colorants, adaptation = _to_d50(primaries)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    if not np.isfinite(colorants).all() or np.abs(colorants).max() > 2:
        return None
    tags[b"chad"] = b"sf32" + bytes(4) + _fixed(adaptation.ravel())
    for name, colorant in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants.T, strict=True):
        tags[name] = _xyz(tuple(colorant))
    return _file(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(curve)))


def _to_d50(primaries: Primaries) -> tuple[Matrix, Matrix]:
    """Return (3, 3) the XYZ of the primaries under D50, a column each, and the adaptation."""
    columns = np.stack([_to_xyz(p) for p in (primaries.red, primaries.green, primaries.blue)], 1)
    white = _to_xyz(primaries.white) / primaries.white[1]
    unit = columns * np.linalg.solve(columns, white)
    # Bradford, ICC.1:2022, annex E
    bradford = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    gains = (bradford @ np.array(_D50_XYZ)) / (bradford @ white)
    adaptation = np.linalg.solve(bradford, gains[:, None] * bradford)
    return adaptation @ unit, adaptation


def _to_xyz(chromaticity: Chromaticity) -> Matrix:
    x, y = chromaticity
    return np.array([x, y, 1 - x - y])


def _file(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Put a display profile together: header, table of tags, tags; equal ones are shared."""
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    offsets: dict[bytes, int] = {}
    for name, data in tags.items():
        if data not in offsets:
            offsets[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4s2I", name, offsets[data], len(data))
    header = struct.pack(
        ">I4xI4s4s4s6H4s28x3I48x",
        start + len(body),
        0x04300000,  # version 4.3
        b"mntr",
        space,
        b"XYZ ",
        *_CREATED,
        b"acsp",
        *(round(65536 * v) for v in _D50_XYZ),
    )
    return header + struct.pack(">I", len(tags)) + table + body


def _curve(curve: Curve) -> bytes:
    """Return a parametric curve, function type 3 (ICC.1:2022, 10.18)."""
    numbers = (curve.power, curve.a, curve.b, curve.c, curve.knee)
    return b"para" + bytes(4) + struct.pack(">2H", 3, 0) + _fixed(numbers)


def _xyz(xyz: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(xyz)


def _fixed(numbers: tuple[float, ...] | Matrix) -> bytes:
    return b"".join(struct.pack(">i", round(65536 * float(number))) for number in numbers)


def _text(text: str) -> bytes:
    data = text.encode("utf-16-be")
    return struct.pack(">4s4x2I4s2I", b"mluc", 1, 12, b"enUS", len(data), 28) + data
