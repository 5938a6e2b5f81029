"""Reads and writes image files: bytes to pixels to bytes.

bytes --reading.decode--> Photo --writing.encode--> bytes
"""

from __future__ import annotations

from service.imaging.costs import ReadingCost, reading_cost, writing_bytes
from service.imaging.limits import ImageLimits
from service.imaging.photo import Photo
from service.imaging.provenance import DIGITAL_SOURCE_TYPE, Edit
from service.imaging.reading import decode
from service.imaging.writing import encode

__all__ = [
    "DIGITAL_SOURCE_TYPE",
    "Edit",
    "ImageLimits",
    "Photo",
    "ReadingCost",
    "decode",
    "encode",
    "reading_cost",
    "writing_bytes",
]
