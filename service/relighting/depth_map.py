"""Puts a caller's depth map in place of the relief that the network read from the photo.

    relief    h = f log(1 / z)                       z depth, f focal length in half sides
    normals   n ~ (-h_x, -h_y, 1 - (x h_x + y h_y) / f)

x and y are in half the mean side sqrt(h w) from the middle, x right and y up. A depth map has no
units that hold for all: its samples get the mean and the spread of what the network read, as
inverse depth where white is near, as depth where white is far. So the map says what stands before
what, and the network how deep the scene is in all.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from relight.errors import InvalidOption
from relight.options import DepthWhite
from service.contract.buckets import Bucket, content_size, place, unfit
from service.imaging import ImageLimits
from service.inference.session import Tensors
from service.relighting.companion import decode_companion

Pixels = NDArray[np.float32]

# A photo does not show the focal length of its lens; this is 53 degrees across a square.
FOCAL_HALF_SIDES: Final = 2.0
_WHITE: Final = 65535
_SMOOTHING_PX: Final = 1.5  # steps of 8 bits are no edges
_LEAST_FACING: Final = 0.05  # of a normal to the viewer, before its length is made 1
_LEAST_SPREAD: Final = 0.06  # of its mean; that of an even wall, as `drn-g` reads it
_EVEN: Final = 1e-4  # a depth map of less spread is a wall
_MOST_BEYOND: Final = 4.0  # how much farther than anything the network read a pixel may be
_DIFFERS_DEG: Final = 15.0  # normals that are so far apart are of another surface


def decode_depth(
    data: bytes,
    limits: ImageLimits,
    width_px: int,
    height_px: int,
    *,
    bucket: Bucket,
    mirrored: bool,
) -> Pixels:
    """Read a depth map and fit it into the bucket of its photo.

    Args:
        data: an image file without colour, of 8 or 16 bits.
        limits: accepted sizes of images.
        width_px: width of the photo, upright.
        height_px: height of the photo.
        bucket: the shape that the photo was fitted to.
        mirrored: whether it was mirrored for it.

    Returns:
        float32 (bucket h, bucket w), 0 (black) to 1 (white).

    Raises:
        InvalidOption: it is no image that can be read, has other proportions than the photo,
            colours, or transparency.
    """
    picture = decode_companion("depth", data, limits, width_px, height_px)
    codes = picture.pixels
    is_gray = picture.is_gray or all(
        np.array_equal(codes[..., 0], codes[..., channel]) for channel in (1, 2)
    )
    if not is_gray:
        raise InvalidOption(
            "the depth has colours; send the depth itself, as a greyscale picture", option="depth"
        )
    if picture.alpha is not None and picture.alpha.min() < picture.white:
        raise InvalidOption("the depth must have a value for every pixel", option="depth")
    columns, rows = content_size(width_px, height_px, bucket)
    shrinks = columns * rows < picture.width_px * picture.height_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    samples = codes[..., 0]
    if samples.dtype == np.uint8:  # the mean of several samples lies between two levels
        samples = samples.astype(np.uint16) * np.uint16(_WHITE // 255)
    if mirrored:  # before it is resized, so that mirror images become the same to the last bit
        samples = np.ascontiguousarray(samples[:, ::-1])
    small = cv2.resize(samples, (columns, rows), interpolation=method)
    return place(np.asarray(small, np.float32) / np.float32(_WHITE), bucket)


def with_depth(
    scene: Tensors, depth: Pixels, white: DepthWhite, *, width_px: int, height_px: int
) -> Tensors:
    """Return a scene with the relief and the normals of a depth map.

    Where the depth map says what the network read, the network's finer normals stay.

    Args:
        scene: outputs of the scene graph for one photo: `relief` (h, w), `normals` (h, w, 3), of
            any floating type, and others, which stay.
        depth: (h, w), 0 to 1, as `decode_depth` returns it.
        white: what the brightest samples are.
        width_px: width of the photo.
        height_px: height of the photo.
    """
    read = scene["relief"].astype(np.float32)
    sign = np.float32(1 if white == "near" else -1)
    wanted, given = (
        unfit(x, width_px, height_px) for x in (np.exp(sign * read / FOCAL_HALF_SIDES), depth)
    )
    mean, spread = float(wanted.mean()), float(given.std())
    scale = max(float(wanted.std()), _LEAST_SPREAD * mean) / spread if spread > _EVEN else 0.0
    samples = mean + (depth - float(given.mean())) * np.float32(scale)
    samples = np.maximum(samples, np.float32(float(wanted.min()) / _MOST_BEYOND))
    relief = np.asarray(sign * FOCAL_HALF_SIDES * np.log(samples), np.float32)
    own, before = normals_of(relief), normals_of(read)
    cosine = np.clip((own * before).sum(axis=-1, keepdims=True), -1, 1)
    share = np.minimum(np.degrees(np.arccos(cosine)) / _DIFFERS_DEG, 1)
    normals = scene["normals"].astype(np.float32)
    normals = normals + share * (own - normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
    return {**scene, "relief": relief, "normals": normals.astype(np.float32)}


def normals_of(relief: Pixels) -> NDArray[Any]:
    """Return the normals of a relief: float32 (h, w, 3) of unit length, of (h, w)."""
    height_px, width_px = relief.shape
    half_px = np.float32(np.sqrt(height_px * width_px) / 2)
    smooth = cv2.GaussianBlur(relief, (0, 0), _SMOOTHING_PX, borderType=cv2.BORDER_REPLICATE)
    down, across = np.gradient(smooth)
    rises_x, rises_y = half_px * across, -half_px * down
    x = (np.arange(width_px, dtype=np.float32) - (width_px - 1) / 2) / half_px
    y = ((height_px - 1) / 2 - np.arange(height_px, dtype=np.float32)) / half_px
    facing = 1 - (x * rises_x + y[:, None] * rises_y) / FOCAL_HALF_SIDES
    raw = np.stack([-rises_x, -rises_y, np.maximum(facing, _LEAST_FACING)], axis=-1)
    return np.asarray(raw / np.linalg.norm(raw, axis=-1, keepdims=True), np.float32)
