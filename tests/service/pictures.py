"""Pictures and files made on the spot, so that no binary file is kept."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from service.imaging import ImageLimits
from tests.service.icc_profiles import DISPLAY_P3, rgb_profile

LIMITS = ImageLimits(max_pixels=1_000_000, max_side_px=4000, min_side_px=4)
P3 = rgb_profile(DISPLAY_P3)


def noise(height_px=24, width_px=32, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height_px, width_px, channels), dtype=np.uint8)


def corners() -> Image.Image:
    """A picture, 48 x 32, whose four corners differ: red, green / blue, white."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24], pixels[:16, 24:] = (255, 0, 0), (0, 255, 0)
    pixels[16:, :24], pixels[16:, 24:] = (0, 0, 255), (255, 255, 255)
    return Image.fromarray(pixels)


def saved(image: Image.Image, format_name: str = "png", **options) -> bytes:
    exif = options.get("exif")
    if isinstance(exif, Image.Exif):
        options["exif"] = exif.tobytes()
    file = BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
