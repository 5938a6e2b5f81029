"""The fixed input shapes of the network, and the fitting of pictures to them.

Shapes are few, so that requests can share a batch and every shape can be warmed. Each
has about as many pixels as the pictures that the model was trained on, and sides that are
multiples of 16. Pictures are never rotated to fit: east would become north.

    picture --fit--> bucket --network--> bucket --unfit--> low-resolution picture

Up to 2.2 : 1 the picture is resized to the whole bucket, with a little stretch. A longer
one fills the middle of a 2 : 1 bucket in proportion, with its own reflection around it:
black bars would spoil the network's statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from service.contract.metadata import SIZE_MULTIPLE_PX

_LANDSCAPE_RATIOS: Final = (4 / 3, 3 / 2, 16 / 9, 2.0)
_AREA_TOLERANCE: Final = 0.04  # as a natural logarithm
_MAX_STRETCHED_RATIO: Final = 2.2

Scalar = TypeVar("Scalar", bound=np.generic)
Shapes = Literal["aspect", "square"]


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


@cache
def buckets_for(size_px: int, shapes: Shapes = "aspect") -> tuple[Bucket, ...]:
    """Return the shapes for a model: square, 4:3, 3:2, 16:9, 2:1, and these upright.

    For 512 px: 512x512, 592x448, 624x416, 688x384, 736x368 and the four transposed.

    Args:
        size_px: short side of the pictures that the model was trained on, a multiple of 16.
        shapes: `aspect` for all of them; `square` for the square alone, into which every
            picture is stretched, so that any two can share a batch.
    """
    if shapes == "square":
        return (Bucket(size_px, size_px),)
    landscape = [_nearest(ratio, size_px**2) for ratio in _LANDSCAPE_RATIOS]
    portrait = [Bucket(shape.height_px, shape.width_px) for shape in landscape]
    return tuple(dict.fromkeys((Bucket(size_px, size_px), *landscape, *portrait)))


def choose_bucket(width_px: int, height_px: int, buckets: Sequence[Bucket]) -> Bucket:
    """Return the bucket whose aspect ratio is nearest to the picture's."""
    return min(buckets, key=lambda shape: _stretch(shape, width_px / height_px))


def _nearest(ratio: float, area_px: int) -> Bucket:
    """Return the shape of least stretch among those of nearly the area."""
    sides = range(SIZE_MULTIPLE_PX, 2 * math.isqrt(area_px) + 1, SIZE_MULTIPLE_PX)
    shapes = [
        Bucket(width, height)
        for width in sides
        for height in sides
        if abs(math.log(width * height / area_px)) <= _AREA_TOLERANCE
    ]
    return min(shapes, key=lambda shape: _stretch(shape, ratio))


def _stretch(shape: Bucket, ratio: float) -> float:
    return abs(math.log(shape.width_px / shape.height_px / ratio))


def fit(
    pixels: npt.NDArray[Scalar], bucket: Bucket, *, mirrored: bool = False
) -> npt.NDArray[Scalar]:
    """Fit a picture into a bucket.

    Args:
        pixels: uint8 or uint16 (h, w, 3).
        bucket: the shape, from `choose_bucket`.
        mirrored: whether to flip it left-right first, so that a picture and its mirror image
            become the same to the last bit.

    Returns:
        (bucket.height_px, bucket.width_px, 3), of the same type.
    """
    return fit_halved(halved(pixels, bucket), bucket, mirrored=mirrored)


def fit_halved(
    pixels: npt.NDArray[Scalar], bucket: Bucket, *, mirrored: bool = False
) -> npt.NDArray[Scalar]:
    """Fit what `halved` returned into the bucket, as `fit` does with the whole picture."""
    height_px, width_px = pixels.shape[:2]
    num_columns, num_rows = content_size(width_px, height_px, bucket)
    shrinks = num_rows * num_columns < height_px * width_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    codes: npt.NDArray[Any] = pixels  # OpenCV's types have no type variables
    if mirrored:
        codes = cv2.flip(codes, 1)
    small = cv2.resize(codes, (num_columns, num_rows), interpolation=method)
    return place(np.asarray(small, pixels.dtype), bucket)


def content_size(width_px: int, height_px: int, bucket: Bucket) -> tuple[int, int]:
    """Return how many columns and rows of a bucket a picture of this size fills."""
    rows, columns = _content(width_px, height_px, bucket)
    return columns.stop - columns.start, rows.stop - rows.start


def place(content: npt.NDArray[Scalar], bucket: Bucket) -> npt.NDArray[Scalar]:
    """Put a picture of `content_size` in the middle of a bucket; its mirror images fill the rest.

    Args:
        content: (h, w, 3).
        bucket: the shape.

    Returns:
        (bucket.height_px, bucket.width_px, 3), of the same type.
    """
    height_px, width_px = content.shape[:2]
    above, left = (bucket.height_px - height_px) // 2, (bucket.width_px - width_px) // 2
    below, right = bucket.height_px - height_px - above, bucket.width_px - width_px - left
    codes: npt.NDArray[Any] = content  # OpenCV's types have no type variables
    placed = cv2.copyMakeBorder(codes, above, below, left, right, cv2.BORDER_REFLECT)
    return np.asarray(placed, content.dtype)


def halved(pixels: npt.NDArray[Scalar], bucket: Bucket) -> npt.NDArray[Scalar]:
    """Halve a picture of even sides that is at least four times as large as in the bucket.

    The mean over an area may be taken in two steps if the second one is also large, and OpenCV
    is much faster with whole steps. Any other picture is returned as it is.

    Args:
        pixels: uint8 or uint16 (h, w, 3).
        bucket: the shape, from `choose_bucket`.
    """
    rows, columns = pixels.shape[:2]
    num_columns, num_rows = content_size(columns, rows, bucket)
    codes: npt.NDArray[Any] = pixels
    if rows % 2 or columns % 2 or rows < 4 * num_rows or columns < 4 * num_columns:
        return pixels
    half = cv2.resize(codes, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, pixels.dtype)


def unfit(canvas: npt.NDArray[Scalar], width_px: int, height_px: int) -> npt.NDArray[Scalar]:
    """Cut the picture out of a bucket again.

    Args:
        canvas: (bucket.height_px, bucket.width_px, 3), the network's output for `fit`.
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
