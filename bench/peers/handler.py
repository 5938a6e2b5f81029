"""The work of one photo, the same behind each peer: decode, run the model, transfer, encode.

It is Relight's own image path around an ordinary ONNX Runtime session, so each server's answer has
Relight's pixels and the difference between servers is that of serving alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from relight.lights import DIRECTIONS, Lamp
from service.contract.buckets import buckets_for
from service.contract.golden import round_scene
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME, ModelContract
from service.contract.pair import SURFACE_NAMES, PairContract
from service.imaging import ImageLimits
from service.relighting.composition import LampLight, Lit
from service.relighting.options import RelightOptions
from service.relighting.pipeline import Prepared, Rendered, finish, prepare
from service.telemetry.stage_timings import Timings

Tensors = dict[str, NDArray[Any]]

_LIMITS: Final = ImageLimits(max_pixels=50_000_000, max_side_px=16_384, min_side_px=32)


class Handler:
    """Relight photos with one model on the CPU.

    Args:
        model: the file of one graph, or the scene graph of a pair.
        num_threads: threads of one inference.
    """

    def __init__(self, model: Path, num_threads: int) -> None:
        cv2.setNumThreads(1)
        self._first = _open(model, num_threads)
        metadata = self._first.get_modelmeta().custom_metadata_map
        self._contract: PairContract | ModelContract
        if model.stem.endswith(".scene"):
            light = model.with_name(model.name.replace(".scene.", ".light."))
            self._light = _open(light, num_threads)
            self._contract = PairContract.from_metadata(metadata, "scene")
        else:
            self._contract = ModelContract.from_metadata(metadata)
        self._buckets = buckets_for(self._contract.size_px)
        self._options = RelightOptions.parse([])

    @classmethod
    def from_environment(cls) -> Handler:
        """Make the handler that `PEER_MODEL` and `PEER_THREADS` describe."""
        return cls(Path(os.environ["PEER_MODEL"]), int(os.environ["PEER_THREADS"]))

    def relight(self, data: bytes, azimuth_deg: float) -> bytes:
        """Return one photo relit, as a JPEG file.

        Raises:
            ImageError: the photo is broken.
        """
        return self.relight_all([(data, azimuth_deg)])[0]

    def relight_all(self, asked: Sequence[tuple[bytes, float]]) -> list[bytes]:
        """Return photos relit; those of one shape run as one batch.

        Args:
            asked: each photo with the azimuth of its lamp, in degrees.

        Raises:
            ImageError: a photo is broken.
        """
        is_pair = isinstance(self._contract, PairContract)
        prepared = [
            prepare(data, _LIMITS, self._buckets, Timings(), canonical=is_pair) for data, _ in asked
        ]
        answers = [b""] * len(asked)
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for number, photo in enumerate(prepared):
            by_shape.setdefault(photo.image.shape, []).append(number)
        for numbers in by_shape.values():
            photos = [prepared[number] for number in numbers]
            azimuths_deg = [asked[number][1] for number in numbers]
            for number, rendered in zip(numbers, self._render(photos, azimuths_deg), strict=True):
                answers[number] = finish(
                    prepared[number], rendered, self._options, "jpeg", Timings()
                )
        return answers

    def _render(
        self, photos: Sequence[Prepared], azimuths_deg: Sequence[float]
    ) -> Sequence[Rendered | Lit]:
        images: Tensors = {INPUT_NAME: np.stack([photo.image for photo in photos])}
        contract = self._contract
        if isinstance(contract, ModelContract):
            directions = [light.direction for light in contract.lights]
            asked = [DIRECTIONS[round(azimuth_deg / 45) % 8] for azimuth_deg in azimuths_deg]
            indices = [directions.index(d) if d in directions else 0 for d in asked]
            if len(directions) > 1:
                images[LIGHT_NAME] = np.array(indices, np.int64)
            relit = _run(self._first, images)[OUTPUT_NAME].astype(np.float32)
            return [
                Rendered(picture, contract.lights[index].temperature_k, contract.softness_px)
                for picture, index in zip(relit, indices, strict=True)
            ]
        scenes = round_scene(_run(self._first, images))  # as the service keeps them
        lamps = [
            Lamp(
                azimuth_deg=-azimuth_deg if photo.mirrored else azimuth_deg,
                elevation_deg=contract.elevation_deg,
                softness=contract.softness,
            )
            for photo, azimuth_deg in zip(photos, azimuths_deg, strict=True)
        ]
        arrived = _run(
            self._light,
            {name: scenes[name] for name in SURFACE_NAMES}
            | {
                "light": np.array([lamp.vector for lamp in lamps], np.float32),
                "softness": np.array([lamp.softness for lamp in lamps], np.float32),
            },
        )
        arrived = round_scene(arrived)
        return [
            Lit(
                {name: tensor[n] for name, tensor in scenes.items()},
                [LampLight(arrived["irradiance"][n], arrived["residual"][n])],
                contract.ambient,
                contract.removal,
            )
            for n in range(len(photos))
        ]


def _open(path: Path, num_threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = num_threads
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _run(session: ort.InferenceSession, inputs: Tensors) -> Tensors:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))
