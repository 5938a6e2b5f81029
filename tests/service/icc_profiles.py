"""Colour profiles made from nothing but ICC.1's tables, so that no binary file is kept."""

from __future__ import annotations

import struct

# D50-adapted primaries, as the profiles of these spaces publish them.
SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


def rgb_profile(
    primaries: tuple[tuple[float, float, float], ...],
    gamma: float = 2.2,
    further: dict[str, bytes] | None = None,
) -> bytes:
    tags = {
        f"{channel}XYZ": _xyz(*primary) for channel, primary in zip("rgb", primaries, strict=True)
    }
    tags |= {f"{channel}TRC": _curve(gamma) for channel in "rgb"}
    return _profile("mntr", "RGB ", "XYZ ", tags | (further or {}))


def gray_profile(gamma: float) -> bytes:
    return _profile("mntr", "GRAY", "XYZ ", {"kTRC": _curve(gamma)})


def cmyk_profile() -> bytes:
    """Full cyan, and nothing else, is dark; all else is white. Nothing is like it."""
    nodes = b"".join(
        bytes((50 if cyan else 255, 128, 128))
        for cyan in (0, 1) for _magenta in (0, 1) for _yellow in (0, 1) for _black in (0, 1)
    )  # fmt: skip
    identity = bytes(range(256))
    matrix = struct.pack(
        ">9i", *(65536 * (row == column) for row in range(3) for column in range(3))
    )
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + identity * 4 + nodes + identity * 3
    return _profile("prtr", "CMYK", "Lab ", {"A2B0": table})


def profile_with_elements(num: int) -> bytes:
    """Display P3, and lists of one processing element, `num` times, that swaps red and blue."""
    element = b"matf" + bytes(4) + struct.pack(">2H12f", 3, 3, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0)
    start = 16 + 8 * num
    place = struct.pack(">2I", start, len(element))
    listed = b"mpet" + bytes(4) + struct.pack(">2HI", 3, 3, num) + place * num + element
    names = [f"{way}{intent}" for way in ("D2B", "B2D") for intent in range(4)]
    return rgb_profile(DISPLAY_P3, further=dict.fromkeys(names, listed))


def scanner_profile(black_lightness: float = 0) -> bytes:
    """Red and blue are swapped, and there is a way to Lab alone, as scanners' profiles have it.

    Args:
        black_lightness: CIELAB's L* of the darkest colour, 0 to 100.
    """
    lab16 = _LAB16 | {(0, 0, 0): (round(black_lightness * 652.8), 128 * 256, 128 * 256)}
    nodes = b"".join(
        struct.pack(">3H", *lab16[blue, green, red])
        for red in (0, 1) for green in (0, 1) for blue in (0, 1)
    )  # fmt: skip
    matrix = struct.pack(
        ">9i", *(65536 * (row == column) for row in range(3) for column in range(3))
    )
    curves = struct.pack(">6H", *[0, 65535] * 3)
    table = b"mft2" + bytes(4) + bytes((3, 3, 2, 0)) + matrix + struct.pack(">2H", 2, 2)
    table += curves + nodes + curves
    return _profile("scnr", "RGB ", "Lab ", {"A2B0": table, "A2B1": table})


# The corners of sRGB in 16-bit Lab: L * 652.8, (a + 128) * 256, (b + 128) * 256.
_LAB16 = {
    corner: (round(light * 652.8), round((a + 128) * 256), round((b + 128) * 256))
    for corner, (light, a, b) in {
        (0, 0, 0): (0, 0, 0),
        (1, 0, 0): (54.3, 80.8, 69.9),
        (0, 1, 0): (87.8, -79.3, 81.0),
        (0, 0, 1): (29.6, 68.3, -112.0),
        (1, 1, 0): (97.6, -15.8, 93.4),
        (0, 1, 1): (90.7, -50.7, -15.0),
        (1, 0, 1): (60.2, 93.5, -60.5),
        (1, 1, 1): (100, 0, 0),
    }.items()
}


def _profile(device_class: str, space: str, connection: str, tags: dict[str, bytes]) -> bytes:
    tags = {
        "desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78),
        "cprt": b"text" + bytes(4) + b"none\0",
        "wtpt": _xyz(0.9642, 1.0, 0.8249),
    } | tags
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", name.encode(), offset + len(body), len(data))
        body += padded
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sIIIQI3i4s44s",
        offset + len(body), b"test", 0x02400000, device_class.encode(), space.encode(),
        connection.encode(), bytes(12), b"acsp", bytes(4), 0, 0, 0, 0, 0,
        63190, 65536, 54061, bytes(4), bytes(44),
    )  # fmt: skip
    return header + struct.pack(">I", len(tags)) + table + body


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in (x, y, z)))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
