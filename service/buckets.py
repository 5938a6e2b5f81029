"""The closed list of shapes that the network runs at, and how pictures fit in.

Shapes are few, so that requests can share a batch and every shape can be warmed. Each
has about 512 x 512 pixels, and sides that are multiples of 16. Nothing is rotated to
fit: east would become north.

    picture --fit--> bucket --network--> bucket --unfit--> low-resolution picture

Up to 2.2 : 1 the picture is resized to the whole bucket, with a little stretch. A longer
one fills the middle of a 2 : 1 bucket in proportion, with its own reflection around it:
black bars would spoil the network's statistics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

_MAX_STRETCHED_RATIO: Final = 2.2

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """One shape.

    Attributes:
        width_px: width, a multiple of 16.
        height_px: height, a multiple of 16.
    """

    width_px: int
    height_px: int

    def __str__(self) -> str:
        return f"{self.width_px}x{self.height_px}"


_LANDSCAPE: Final = (
    Bucket(592, 448),  # 4 : 3
    Bucket(624, 416),  # 3 : 2
    Bucket(688, 384),  # 16 : 9
    Bucket(736, 368),  # 2 : 1
)

BUCKETS: Final = (
    Bucket(512, 512),
    *_LANDSCAPE,
    *(Bucket(shape.height_px, shape.width_px) for shape in _LANDSCAPE),
)


def choose_bucket(width_px: int, height_px: int) -> Bucket:
    """Return the bucket whose aspect ratio is nearest to the picture's."""
    return min(
        BUCKETS,
        key=lambda shape: abs(
            math.log(shape.width_px * height_px) - math.log(shape.height_px * width_px)
        ),
    )


def fit(pixels: npt.NDArray[np.uint8], bucket: Bucket) -> npt.NDArray[np.uint8]:
    """Bring a picture into a bucket.

    Args:
        pixels: uint8 (h, w, 3).
        bucket: the shape, from `choose_bucket`.

    Returns:
        uint8 (bucket.height_px, bucket.width_px, 3).
    """
    height_px, width_px = pixels.shape[:2]
    rows, columns = _content(width_px, height_px, bucket)
    num_rows, num_columns = rows.stop - rows.start, columns.stop - columns.start
    shrinks = num_rows * num_columns < height_px * width_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    small = cv2.resize(pixels, (num_columns, num_rows), interpolation=method)
    above, below = rows.start, bucket.height_px - rows.stop
    left, right = columns.start, bucket.width_px - columns.stop
    return np.asarray(
        cv2.copyMakeBorder(small, above, below, left, right, cv2.BORDER_REFLECT), np.uint8
    )


def unfit(canvas: npt.NDArray[Scalar], width_px: int, height_px: int) -> npt.NDArray[Scalar]:
    """Cut the picture out of a bucket again.

    Args:
        canvas: (bucket.height_px, bucket.width_px, 3), what the network made of `fit`.
        width_px: width of the full-size picture.
        height_px: height of the full-size picture.

    Returns:
        A view that covers the full-size picture's frame exactly; stretched as it was fitted.
    """
    bucket = Bucket(canvas.shape[1], canvas.shape[0])
    return canvas[_content(width_px, height_px, bucket)]


def _content(width_px: int, height_px: int, bucket: Bucket) -> tuple[slice, slice]:
    """Return the rows and columns of the bucket that the picture fills."""
    rows, columns = bucket.height_px, bucket.width_px
    if width_px > _MAX_STRETCHED_RATIO * height_px:
        rows = max(1, round(columns * height_px / width_px))
    elif height_px > _MAX_STRETCHED_RATIO * width_px:
        columns = max(1, round(rows * width_px / height_px))
    top, left = (bucket.height_px - rows) // 2, (bucket.width_px - columns) // 2
    return slice(top, top + rows), slice(left, left + columns)
