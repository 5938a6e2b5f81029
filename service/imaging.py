"""Bytes to pixels to bytes: the front room of everything that knows image files.

bytes --reading.decode--> Photo --writing.encode--> bytes
"""

from __future__ import annotations

from service.photo import ImageLimits, Photo
from service.reading import decode
from service.writing import encode

__all__ = ["ImageLimits", "Photo", "decode", "encode"]
