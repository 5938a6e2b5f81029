"""What is refused before a decoder sees a file costs no estimate of memory either."""

from __future__ import annotations

import pytest

from relight.errors import ImageAnimated, UnsupportedMediaType
from service.imaging import decode, reading_cost
from tests.service.imaging.test_heif import heic, large_corners
from tests.service.imaging.test_isobmff import box
from tests.service.imaging.tiff_files import CFA, plain, tiff
from tests.service.pictures import LIMITS, corners, saved

VIDEO = box(b"ftyp", b"mp42" + bytes(12)) + box(b"moov", bytes(100))


@pytest.mark.parametrize("read", [decode, reading_cost])
def test_a_camera_raw_file_is_no_animation_for_its_previews(read):
    with pytest.raises(UnsupportedMediaType, match="camera raw"):
        read(tiff(plain(), plain(640, 480, CFA), chained=True), LIMITS)


@pytest.mark.parametrize("read", [decode, reading_cost])
def test_a_sequence_is_refused_by_its_name(read):
    data = heic(large_corners())
    with pytest.raises(ImageAnimated, match="sequence"):
        read(data[:8] + b"hevc" + data[12:], LIMITS)


@pytest.mark.parametrize("format_name", ["avif", "heif"])
def test_a_video_behind_a_still_image_costs_nothing(format_name):
    still = heic(large_corners()) if format_name == "heif" else saved(corners(), "avif")
    assert reading_cost(still + VIDEO, LIMITS) == reading_cost(still, LIMITS)
    assert decode(still + VIDEO, LIMITS).format == format_name
