"""The CPU stages of a request, before and after the model.

    prepare   bytes -> photo -> bucket -> sRGB
    finish    shading, temperature, fill, strength -> photo colour space -> detail -> bytes

Temperature, fill and strength act on the small picture, in sRGB; detail transfers them to
the full size, in the photo's own colour space.

A model that computes the light sees a photo and its mirror image alike: whichever way round
`leans_left` is not. The small picture stays so until detail is carried over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from relight.lights import NEUTRAL_K
from service.contract import color
from service.contract.buckets import Bucket, choose_bucket, fit_halved, halved, unfit
from service.imaging import Edit, ImageLimits, Photo, decode, encode, profiles
from service.imaging.photo import Codes
from service.relighting.composition import Lit
from service.relighting.guided_upsampling import transfer
from service.relighting.masking import blend_masked, fit_mask
from service.relighting.mirroring import leans_left
from service.relighting.options import RelightOptions
from service.relighting.shading import shade
from service.relighting.transparency import fit_visible
from service.telemetry.labels import Stage
from service.telemetry.stage_timings import Timings

FINISH_STAGES: Final = (Stage.COLOR, Stage.DETAIL, Stage.ENCODE, Stage.SIGN)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A decoded photo with its small version.

    Attributes:
        photo: the full-size picture.
        native: float32 (bucket h, bucket w, 3), 0 to 1, in the photo's colour space.
        srgb: the same in sRGB.
        image: the same, uint8, as the network sees it.
        mirrored: whether the small pictures are the photo's mirror image.
    """

    photo: Photo
    native: NDArray[np.float32]
    srgb: NDArray[np.float32]
    image: NDArray[np.uint8]
    mirrored: bool = False

    @property
    def num_bytes(self) -> int:
        """Bytes of memory that it holds."""
        alpha = self.photo.alpha
        num_bytes = self.photo.pixels.nbytes + self.image.nbytes
        num_bytes += self.native.nbytes + self.srgb.nbytes
        return num_bytes + (0 if alpha is None else alpha.nbytes)


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A model's output for a prepared photo.

    Attributes:
        image: float32 (bucket h, bucket w, 3), sRGB-encoded, 0 to 1.
        temperature_k: temperature of its light.
        softness_px: blur that the model adds, in pixels of `image`; None: unknown.
    """

    image: NDArray[np.float32]
    temperature_k: int
    softness_px: float | None = None


def prepare(
    data: bytes,
    limits: ImageLimits,
    buckets: Sequence[Bucket],
    timings: Timings,
    *,
    full_size: bool = True,
    canonical: bool = False,
) -> Prepared:
    """Read an image file and fit it into one of a model's buckets.

    Args:
        data: the file.
        limits: accepted sizes.
        buckets: the model's input shapes.
        timings: receives the duration of each stage.
        full_size: whether the answer needs more pixels than the model.
        canonical: whether the model sees a photo and its mirror image alike.

    Raises:
        ImageError: the image is invalid.
    """
    with timings.stage(Stage.DECODE):
        longest_px = max(max(bucket.width_px, bucket.height_px) for bucket in buckets)
        photo = decode(data, limits, enough_px=None if full_size else longest_px)
    with timings.stage(Stage.FIT):
        bucket = choose_bucket(photo.width_px, photo.height_px, buckets)
        alpha = _transparency(photo)
        if alpha is not None:
            mirrored = canonical and leans_left(photo.pixels, alpha)
            native = fit_visible(photo.pixels, alpha, bucket, mirrored=mirrored)
        else:
            half = halved(photo.pixels, bucket)
            mirrored = canonical and leans_left(half)
            codes = fit_halved(half, bucket, mirrored=mirrored)
            native = codes.astype(np.float32) / np.float32(photo.white)
        srgb = profiles.to_srgb(native, photo.icc_profile)
        image = np.rint(srgb * 255).astype(np.uint8)
    return Prepared(photo, native, srgb, image, mirrored)


def finish(
    prepared: Prepared,
    rendered: Rendered | Lit | None,
    options: RelightOptions,
    format_name: str,
    timings: Timings,
    *,
    edit: Edit | None = None,
    mask: Codes | None = None,
    is_compressed: bool = True,
) -> bytes:
    """Return the answer's image file.

    Args:
        prepared: the photo; its pixels are used up.
        rendered: its relit version; None returns the photo itself.
        options: the options.
        format_name: a key of `service.imaging.formats.FORMATS`.
        timings: receives the duration of each stage.
        mask: uint8 or uint16 (h, w), of any size: white where the photo is relit.
        edit: what the answer says of its making; the photo itself says what it said before.
        is_compressed: whether a TIFF is.
    """
    if rendered is not None and options.adds_color:
        prepared = _in_colour(prepared)
    photo = prepared.photo
    low_in = low_out = _seen(prepared, prepared.native)
    if rendered is not None:
        with timings.stage(Stage.COLOR):
            relit = _light(prepared.srgb, rendered, options)
            if photo.is_gray:
                relit = color.gray(relit)
            low_out = profiles.from_srgb(_seen(prepared, relit), photo.icc_profile)
    with timings.stage(Stage.DETAIL):
        if options.detail == "model":
            own, photo = _small(photo, low_in), _small(photo, low_out)
            if mask is not None:
                blend_masked(
                    own.pixels, photo.pixels, fit_mask(mask, photo.width_px, photo.height_px)
                )
        elif rendered is not None:
            pixels = transfer(
                photo.pixels,
                low_in,
                low_out,
                rendered.softness_px,
                alpha=photo.alpha,
                mask=None if mask is None else fit_mask(mask, photo.width_px, photo.height_px),
                out=photo.pixels if photo.pixels.flags.writeable else None,
            )
            photo = replace(photo, pixels=pixels)
    with timings.stage(Stage.ENCODE):
        return encode(
            photo,
            format_name,
            quality=options.quality,
            subsampling=options.subsampling,
            progressive=options.progressive,
            keep_metadata=options.metadata == "keep",
            edit=None if rendered is None else edit,
            is_compressed=is_compressed,
            may_overwrite=True,
        )


def _transparency(photo: Photo) -> NDArray[Any] | None:
    """Return the photo's alpha; None where all of it can be seen."""
    if photo.alpha is None or photo.alpha.min() == photo.white:
        return None
    return photo.alpha


def _seen(prepared: Prepared, canvas: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut the photo out of its bucket, the right way round."""
    picture = unfit(canvas, prepared.photo.width_px, prepared.photo.height_px)
    return np.ascontiguousarray(picture[:, ::-1] if prepared.mirrored else picture)


def _in_colour(prepared: Prepared) -> Prepared:
    """Prepare a greyscale photo for colour: in sRGB if its profile has none."""
    photo, native = prepared.photo, prepared.native
    if not photo.is_gray:
        return prepared
    if photo.icc_profile is not None and not profiles.is_rgb(photo.icc_profile):
        pixels = profiles.flatten_gray(photo.pixels, photo.icc_profile)
        photo, native = replace(photo, pixels=pixels, icc_profile=None), prepared.srgb
    return replace(prepared, photo=replace(photo, is_gray=False), native=native)


def _light(
    original: NDArray[np.float32], rendered: Rendered | Lit, options: RelightOptions
) -> NDArray[np.float32]:
    """Turn what the model made into what was asked for; all float32 (h, w, 3) sRGB."""
    if isinstance(rendered, Lit):
        relit = rendered.compose(original)
    else:
        relit = np.clip(rendered.image, 0, 1)
        if options.color == "photo":
            relit = shade(original, relit)
    own_k = own_temperature_k(options, rendered.temperature_k)
    relit = color.change_temperature(relit, own_k, options.wanted_temperature_k or own_k)
    relit = color.fill_light(original, relit, options.fill)
    return color.blend(original, relit, options.strength)


def own_temperature_k(options: RelightOptions, model_k: int) -> int:
    """Return the temperature of the new light before any change of it."""
    return NEUTRAL_K if options.color == "photo" else model_k


def _small(photo: Photo, low_out: NDArray[np.float32]) -> Photo:
    """Return the photo at the size of `low_out`, its proportions restored, never enlarged."""
    rows, columns = low_out.shape[:2]
    scale = min(1.0, rows / photo.height_px, columns / photo.width_px)
    size = (max(1, round(photo.width_px * scale)), max(1, round(photo.height_px * scale)))
    pixels = cv2.resize(low_out, size, interpolation=cv2.INTER_AREA)
    alpha = photo.alpha
    if alpha is not None:
        alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), alpha.dtype)
    codes = np.rint(np.clip(pixels, 0, 1) * photo.white).astype(photo.pixels.dtype)
    return replace(photo, pixels=codes, alpha=alpha)
