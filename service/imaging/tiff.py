"""TIFF (revision 6.0): what its directory tells before pixels are read, and how one is written.

Pillow cannot hold 16-bit colour, so its writer is no use here; its directories are.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

# Section 8; section 14 for the predictor, the supplements for ICC and XMP.
WIDTH: Final = 256
HEIGHT: Final = 257
BITS_PER_SAMPLE: Final = 258
COMPRESSION: Final = 259
PHOTOMETRIC: Final = 262
STRIP_OFFSETS: Final = 273
SAMPLES_PER_PIXEL: Final = 277
ROWS_PER_STRIP: Final = 278
STRIP_BYTE_COUNTS: Final = 279
X_RESOLUTION: Final = 282
Y_RESOLUTION: Final = 283
PLANAR_CONFIGURATION: Final = 284
RESOLUTION_UNIT: Final = 296
PREDICTOR: Final = 317
EXTRA_SAMPLES: Final = 338
SAMPLE_FORMAT: Final = 339
XMP: Final = 700
ICC_PROFILE: Final = 34675

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
_DEFLATE: Final = 8
_HORIZONTAL: Final = 2
_UNASSOCIATED_ALPHA: Final = 2
_INCH: Final = 2

_STRIP_BYTES: Final = 2**20
_COMPRESSION_LEVEL: Final = 1  # higher ones take several times as long for a few per cent


def write(
    samples: npt.NDArray[Any],
    *,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """Return a TIFF file: one page, lossless (deflate with horizontal differences).

    Args:
        samples: uint8 or uint16 (h, w, c): grey or RGB, with unassociated alpha or without.
        icc_profile: the profile to embed.
        exif: EXIF data.
        xmp: an XMP packet.
        dpi: resolution in print, across and down, in dots an inch.
    """
    height_px, width_px, num_samples = samples.shape
    rows = max(1, _STRIP_BYTES // samples[:1].nbytes)
    body = BytesIO()  # one buffer: many small ones of odd sizes would fragment the heap
    tops = range(0, height_px, rows)
    sizes = [body.write(_compress(samples[top : top + rows])) for top in tops]
    directory = _describe(exif)
    directory[WIDTH], directory[HEIGHT] = width_px, height_px
    directory[BITS_PER_SAMPLE] = (samples.dtype.itemsize * 8,) * num_samples
    directory[COMPRESSION], directory[PREDICTOR] = _DEFLATE, _HORIZONTAL
    directory[PHOTOMETRIC] = RGB if num_samples >= 3 else BLACK_IS_ZERO
    directory[SAMPLES_PER_PIXEL] = num_samples
    if num_samples in {2, 4}:
        directory[EXTRA_SAMPLES] = _UNASSOCIATED_ALPHA
    directory[ROWS_PER_STRIP] = rows
    # Relative to the end of the directory: it adds its own length.
    directory[STRIP_OFFSETS] = tuple(np.cumsum([0, *sizes[:-1]]).tolist())
    directory[STRIP_BYTE_COUNTS] = tuple(sizes)
    if dpi:
        directory[X_RESOLUTION], directory[Y_RESOLUTION] = dpi
        directory[RESOLUTION_UNIT] = _INCH
    for tag, value in ((ICC_PROFILE, icc_profile), (XMP, xmp)):
        if value:
            directory[tag] = value
    file = BytesIO()
    directory.save(file)
    file.write(body.getbuffer())
    return file.getvalue()


def _describe(exif: bytes | None) -> ImageFileDirectory_v2:
    """Return a little-endian directory that holds the EXIF data."""
    directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    if exif:
        tags = Image.Exif()
        tags.load(exif)
        for tag, value in tags.items():
            directory[tag] = value
        for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if group in tags:
                directory[group] = dict(tags.get_ifd(group))
    return directory


def _compress(strip: npt.NDArray[Any]) -> bytes:
    little_endian = strip.dtype.newbyteorder("<")
    differences = strip.astype(little_endian)
    differences[:, 1:] -= strip[:, :-1]  # modulo 2**bits, as section 14 wants it
    return zlib.compress(differences.tobytes(), _COMPRESSION_LEVEL)
