"""Reads the size that a coded picture claims, from AV1's and HEVC's sequence headers.

A decoder allocates the pictures that the codec's own header describes, whatever the container
around it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from relight.errors import ImageAnimated, ImageCorrupt

_SEQUENCE_HEADER_OBU: Final = 1  # AV1, section 6.2.2
_SEQUENCE_PARAMETER_SET: Final = 33  # ITU-T H.265, table 7-1
_FRAME_HEADER_OBUS: Final = frozenset({3, 6})  # a header alone, and one with its tiles
_NUM_SLICE_TYPES: Final = 32  # H.265, table 7-1: units below are parts of pictures
_MAX_PICTURES: Final = 8  # a still one, in layers; decoders decode as many as there are
_MAX_UNITS: Final = 100_000  # a slice for each row of blocks, in each of 256 tiles
_MAX_LEADING_ZEROS: Final = 32  # of a number; longer ones take time with the square of their length
_MAX_SET_BYTES: Final = 1024  # of a unit: the size stands near its beginning


class UnitCount:
    """Counts the units of all items of a file, as items may share their bytes.

    Raises:
        ImageCorrupt: in `add`, there are more than a picture needs.
    """

    def __init__(self) -> None:
        self._num_units = 0

    def add(self) -> None:
        """Count a unit."""
        self._num_units += 1
        if self._num_units > _MAX_UNITS:
            raise ImageCorrupt(f"they have more than {_MAX_UNITS} units")


def av1_sizes(data: bytes, count: UnitCount) -> Iterator[tuple[int, int]]:
    """Give width and height of each sequence header among AV1's units (section 5.3).

    Args:
        data: units.
        count: counts them.
    """
    position, num_pictures = 0, 0
    while position < len(data):
        count.add()
        header = data[position]
        position += 2 if header & 4 else 1  # obu_extension_flag
        num_bytes = len(data) - position
        if header & 2:  # obu_has_size_field
            num_bytes, position = _leb128(data, position)
        if num_bytes < 0 or position + num_bytes > len(data):
            raise ImageCorrupt("a unit claims more bytes than follow")
        kind = header >> 3 & 15
        num_pictures = _counted(num_pictures, kind in _FRAME_HEADER_OBUS)
        if kind == _SEQUENCE_HEADER_OBU:
            yield _av1_size(_Bits(data[position : position + min(num_bytes, _MAX_SET_BYTES)]))
        position += num_bytes


def hevc_sizes(data: bytes, num_length_bytes: int, count: UnitCount) -> Iterator[tuple[int, int]]:
    """Give width and height of each parameter set among HEVC's units.

    Args:
        data: units, each behind its length (ISO 14496-15, 4.3.2).
        num_length_bytes: bytes of a length, 1 to 4.
        count: counts the units.
    """
    position, num_pictures = 0, 0
    while position + num_length_bytes <= len(data):
        count.add()
        num_bytes = int.from_bytes(data[position : position + num_length_bytes], "big")
        position += num_length_bytes
        if position + num_bytes > len(data):
            raise ImageCorrupt("a unit claims more bytes than follow")
        unit = data[position : position + min(num_bytes, _MAX_SET_BYTES)]
        num_pictures = _counted(num_pictures, _is_first_slice(unit))
        yield from hevc_size(unit)
        position += num_bytes


def _counted(num_pictures: int, is_another: bool) -> int:
    """Return the number of pictures, with another one or without.

    Raises:
        ImageAnimated: there are more than a still picture has layers.
    """
    num_pictures += is_another
    if num_pictures > _MAX_PICTURES:
        raise ImageAnimated(f"a picture consists of more than {_MAX_PICTURES} coded ones")
    return num_pictures


def _is_first_slice(unit: bytes) -> bool:
    """Return whether a unit begins a picture (H.265, 7.3.6.1)."""
    return len(unit) > 2 and unit[0] >> 1 & 63 < _NUM_SLICE_TYPES and bool(unit[2] & 0x80)


def hevc_size(unit: bytes) -> Iterator[tuple[int, int]]:
    """Give width and height, where a unit is a sequence parameter set (H.265, 7.3.2.2)."""
    if not unit or unit[0] >> 1 & 63 != _SEQUENCE_PARAMETER_SET:
        return
    bits = _Bits(unit[2:_MAX_SET_BYTES].replace(b"\0\0\3", b"\0\0"))
    bits.read(4)
    num_sub_layers = bits.read(3)
    bits.read(1 + 96)  # to the end of the general profile and level
    present = [(bits.read(1), bits.read(1)) for _ in range(num_sub_layers)]
    if num_sub_layers:
        bits.read(2 * (8 - num_sub_layers))
    for has_profile, has_level in present:
        bits.read(88 * has_profile + 8 * has_level)
    bits.read_exp_golomb()
    if bits.read_exp_golomb() == 3:  # chroma_format_idc
        bits.read(1)
    yield bits.read_exp_golomb(), bits.read_exp_golomb()


def _av1_size(bits: _Bits) -> tuple[int, int]:
    """Read a sequence header (section 5.5.1) up to max_frame_height_minus_1."""
    bits.read(4)  # seq_profile, still_picture
    if bits.read(1):  # reduced_still_picture_header
        bits.read(5)
    else:
        _skip_operating_points(bits)
    num_width_bits, num_height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(num_width_bits) + 1, bits.read(num_height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    num_delay_bits = 0
    if bits.read(1):  # timing_info_present_flag
        bits.read(64)
        if bits.read(1):  # equal_picture_interval
            bits.read_exp_golomb()
        if bits.read(1):  # decoder_model_info_present_flag
            num_delay_bits = bits.read(5) + 1
            bits.read(32 + 5 + 5)
    has_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:  # seq_level_idx
            bits.read(1)
        if num_delay_bits and bits.read(1):
            bits.read(2 * num_delay_bits + 1)
        if has_display_delay and bits.read(1):
            bits.read(4)


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    """Return a number (AV1, section 4.10.5) and the position behind it."""
    number = 0
    for index, byte in enumerate(data[position : position + 8]):
        number |= (byte & 127) << 7 * index
        if byte < 128:
            return number, position + index + 1
    raise ImageCorrupt("a length is cut off")


class _Bits:
    """Reads bits, the most significant one first."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "big")
        self._num_left = 8 * len(data)

    def read(self, num_bits: int) -> int:
        """Return the next bits as a number."""
        if num_bits > self._num_left:
            raise ImageCorrupt("a sequence header of the picture is cut off")
        self._num_left -= num_bits
        return self._number >> self._num_left & ((1 << num_bits) - 1)

    def read_exp_golomb(self) -> int:
        """Return the next number in H.265's ue(v), which is the same as AV1's uvlc()."""
        num_zeros = 0
        while not self.read(1):
            num_zeros += 1
            if num_zeros > _MAX_LEADING_ZEROS:
                raise ImageCorrupt("a sequence header of the picture has a number without end")
        return (1 << num_zeros) - 1 + self.read(num_zeros)
