"""Measures a model file as users see it: through the service's own path, from bytes to bytes.

photo -> PNG -> decode, fit -> model -> shade, detail -> PNG -> photo
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import cv2
import numpy as np

from model_export.evaluation.methods import LightNotRendered
from model_export.evaluation.real_lights.lamps import Vector, nearest_direction, unit_vector
from model_export.evaluation.real_lights.methods import LightMethod
from model_export.evaluation.real_lights.sets import Pixels
from relight.lights import DIRECTIONS, Light, mirror_direction
from service.contract.buckets import Bucket, buckets_for, fit
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME, ModelContract
from service.contract.pair import PARTS, SURFACE_NAMES, PairContract
from service.imaging import ImageLimits, decode, profiles
from service.inference.session import Session
from service.relighting.composition import LampLight, Lit
from service.relighting.options import RelightOptions
from service.relighting.pipeline import Prepared, Rendered, finish, prepare
from service.telemetry.stage_timings import Timings

_LIMITS: Final = ImageLimits(max_pixels=2**26, max_side_px=2**14, min_side_px=1)


class KnownMaps(Protocol):
    """What knows the truth of a photo's scene."""

    def __call__(self, photo: Pixels) -> Mapping[str, Pixels]:
        """Return maps by their names in the contract, (h, w) or (h, w, 3), of the photo's size."""


class _Lamp(NamedTuple):
    """Which light of a model answers a direction, and whether its mirror image does."""

    number: int
    mirrored: bool


def open_relight_1(path: Path) -> LightMethod:
    """Return the service's relighting with a "relight/1" model, on one core of the CPU.

    The light is rounded to the nearest of the eight directions; a softness has no effect.

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
        tensors = {INPUT_NAME: image[None]}
        if len(contract.lights) > 1:
            tensors[LIGHT_NAME] = np.array([lamp.number])
        relit = session.run(tensors)[OUTPUT_NAME][0].astype(np.float32)
        rendered = Rendered(
            relit[:, ::-1] if lamp.mirrored else relit,
            contract.lights[lamp.number].temperature_k,
            contract.softness_px,
        )
        return _read_png(finish(prepared, rendered, options, "png", timings))

    return LightMethod(path.stem, relight)


@dataclass(frozen=True, slots=True, eq=False)
class ServedPair:
    """A "relight/2" pair on one core of the CPU.

    Attributes:
        name: the model's.
        scene, light: its graphs.
        contract: of both.
    """

    name: str
    scene: Session
    light: Session
    contract: PairContract

    def with_maps(self, known: KnownMaps | None = None) -> LightMethod:
        """Return the service's relighting, with known maps in the place of those that are read."""

        def relight(photo: Pixels, light: Vector, softness: float | None) -> Pixels:
            return self._relight(photo, light, softness, known)

        directions = {
            direction: unit_vector(45.0 * number, self.contract.elevation_deg)
            for number, direction in enumerate(DIRECTIONS)
        }
        return LightMethod(self.name, relight, takes_any_light=True, directions=directions)

    def _relight(
        self, photo: Pixels, light: Vector, softness: float | None, known: KnownMaps | None
    ) -> Pixels:
        timings, contract = Timings(), self.contract
        buckets = buckets_for(contract.size_px)
        prepared = prepare(_png(photo), _LIMITS, buckets, timings, canonical=True)
        scene = self.scene.run({"image": prepared.image[None]})
        scene = {key: plane.astype(np.float16) for key, plane in scene.items()}  # as it is kept
        if known:
            scene |= _fitted(known(photo), prepared)
        lamp = _above_horizon(light) * [-1 if prepared.mirrored else 1, 1, 1]
        inputs: dict[str, Any] = {key: scene[key].astype(np.float32) for key in SURFACE_NAMES}
        soft = contract.softness if softness is None else softness
        inputs |= {"light": lamp[None].astype(np.float32), "softness": np.array([soft], np.float32)}
        lit = self.light.run(inputs)
        arriving = LampLight(lit["irradiance"][0], lit["residual"][0])
        maps = {key: plane[0] for key, plane in scene.items()}
        composed = Lit(maps, [arriving], contract.ambient, contract.removal)
        return _read_png(finish(prepared, composed, RelightOptions.parse([]), "png", timings))


def open_pair(path: Path) -> ServedPair:
    """Open a "relight/2" pair.

    Args:
        path: either file of the pair.

    Raises:
        ModelRefused: a file breaks its contract, or they are of different pairs.
    """
    name = path.name.removesuffix(".scene.onnx").removesuffix(".light.onnx")
    scene, light = (Session(path.with_name(f"{name}.{part}.onnx"), device="cpu") for part in PARTS)
    contract, twin = (
        PairContract.from_metadata(session.metadata, part)
        for session, part in zip((scene, light), PARTS, strict=True)
    )
    contract.check_twin(twin)
    return ServedPair(name, scene, light, contract)


def open_relight_2(path: Path) -> LightMethod:
    """Return the service's relighting with a "relight/2" pair, on one core of the CPU.

    Raises:
        ModelRefused: as `open_pair` does.
    """
    return open_pair(path).with_maps()


def _fitted(maps: Mapping[str, Pixels], prepared: Prepared) -> dict[str, Any]:
    """Return maps as the scene graph gives them, each with n = 1."""
    height_px, width_px = prepared.image.shape[:2]
    bucket = Bucket(width_px, height_px)
    planes = {}
    for name, plane in maps.items():
        fitted: Any = fit(plane, bucket, mirrored=prepared.mirrored)
        if name == "normals":
            fitted = fitted * [-1 if prepared.mirrored else 1, 1, 1]
            fitted /= np.linalg.norm(fitted, axis=-1, keepdims=True) + 1e-6
        planes[name] = fitted[None].astype(np.float16)
    return planes


def _above_horizon(light: Vector) -> Vector:
    """Return a light of elevation 0 in the place of one that stands lower, as the API has none."""
    if light[1] >= 0:
        return light
    flat = light * [1, 0, 1]
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-9), np.float64)


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
