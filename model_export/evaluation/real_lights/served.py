"""A model file measured as users meet it: through the service's own path from bytes to bytes.

photo -> PNG -> decode, fit -> model -> shade, detail -> PNG -> photo
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np

from model_export.evaluation.methods import LightNotRendered
from model_export.evaluation.real_lights.lamps import Vector, nearest_direction
from model_export.evaluation.real_lights.methods import LightMethod
from model_export.evaluation.real_lights.sets import Pixels
from relight.lights import Light, mirror_direction
from service.contract.buckets import buckets_for
from service.contract.metadata import ModelContract
from service.imaging import ImageLimits, decode, profiles
from service.inference.session import Session
from service.relighting.options import RelightOptions
from service.relighting.pipeline import Rendered, finish, prepare
from service.telemetry.stage_timings import Timings

_LIMITS: Final = ImageLimits(max_pixels=2**26, max_side_px=2**14, min_side_px=1)


class _Lamp(NamedTuple):
    """Which light of a model answers a direction, and whether its mirror image does."""

    number: int
    mirrored: bool


def open_relight_1(path: Path) -> LightMethod:
    """Return what the service makes of photos with a "relight/1" model, on one core of the CPU.

    The light is rounded to the nearest of the eight directions; a softness is of no effect.

    Raises:
        ModelRefused: the file breaks its contract.
    """
    session = Session(path, device="cpu")
    contract = ModelContract.from_metadata(session.metadata)
    buckets = buckets_for(contract.size_px)

    def relight(photo: Pixels, light: Vector, softness: float | None) -> Pixels:
        direction = nearest_direction(light)
        lamp = _lamp(contract.lights, direction)
        timings, options = Timings(), RelightOptions.parse([("direction", direction)])
        prepared = prepare(_png(photo), _LIMITS, buckets, timings)
        image = prepared.image[:, ::-1] if lamp.mirrored else prepared.image
        indices = np.array([lamp.number]) if len(contract.lights) > 1 else None
        relit = session.run(image[None], indices)[0].astype(np.float32)
        rendered = Rendered(
            relit[:, ::-1] if lamp.mirrored else relit,
            contract.lights[lamp.number].temperature_k,
            contract.softness_px,
        )
        return _read_png(finish(prepared, rendered, options, "png", timings))

    return LightMethod(path.stem, relight)


def read_photo(path: Path) -> Pixels:
    """Return a photo as the service reads it, upright, float32 (h, w, 3), sRGB codes 0 to 1.

    Raises:
        ImageError: the file is no photo that the service reads.
        OSError: the file cannot be read.
    """
    photo = decode(path.read_bytes(), _LIMITS)
    pixels = photo.pixels.astype(np.float32) / np.float32(photo.white)
    return profiles.to_srgb(pixels, photo.icc_profile)


def _lamp(lights: Sequence[Light], direction: str) -> _Lamp:
    """Return the model's light for a direction, or the one whose mirror image it is.

    Raises:
        LightNotRendered: the model renders neither.
    """
    directions = [light.direction for light in lights]
    for wanted, mirrored in ((direction, False), (mirror_direction(direction), True)):
        if wanted in directions:
            return _Lamp(directions.index(wanted), mirrored)
    raise LightNotRendered(f"the model renders {', '.join(map(str, lights))}, not {direction}")


def _png(photo: Pixels) -> bytes:
    codes = np.rint(np.clip(photo, 0, 1) * 255).astype(np.uint8)
    _, data = cv2.imencode(".png", cv2.cvtColor(codes, cv2.COLOR_RGB2BGR))
    return data.tobytes()


def _read_png(data: bytes) -> Pixels:
    codes = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    return np.asarray(codes, np.float32) / np.float32(255)
