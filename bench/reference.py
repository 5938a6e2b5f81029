"""Measures how well the light of a photo is read (`reference`), on photos under known lamps.

    python -m bench.reference FOLDER

FOLDER/SET/lights.json maps the names of a set's photos to unit vectors to the lamp: x right, y up,
z to the viewer. At most eight photos of a set count, spread evenly over their names.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from relight.errors import LightUnreadable
from service.contract.buckets import buckets_for
from service.contract.metadata import INPUT_NAME
from service.contract.pair import PairContract
from service.imaging import ImageLimits
from service.inference.session import Session
from service.relighting.pipeline import prepare
from service.relighting.reference import read_lamp
from service.settings import Settings
from service.telemetry.stage_timings import Timings

_NUM_OF_SET = 8
_LIMITS = ImageLimits(max_pixels=50_000_000, max_side_px=16_384, min_side_px=32)


class Reading(NamedTuple):
    """How far a reading is from the truth, in degrees; None where no lamp was read."""

    azimuth_deg: float | None
    angle_deg: float | None


def readings(folder: Path, model: Path) -> Iterator[tuple[str, Reading]]:
    """Yield the name of the set and the reading of each photo.

    Args:
        folder: holds the sets.
        model: the scene graph of a pair.
    """
    session = Session(model, device="cpu")
    contract = PairContract.from_metadata(session.metadata, "scene")
    buckets = buckets_for(contract.size_px)
    for lights in sorted(folder.glob("*/lights.json")):
        truths: dict[str, list[float]] = json.loads(lights.read_text())
        names = sorted(truths)
        for name in names[:: max(1, math.ceil(len(names) / _NUM_OF_SET))]:
            data = (lights.parent / name).read_bytes()
            photo = prepare(data, _LIMITS, buckets, Timings(), full_size=False, canonical=True)
            outputs = session.run({INPUT_NAME: photo.image[None]})
            scene = {part: tensor[0] for part, tensor in outputs.items()}
            try:
                lamp = read_lamp(photo.srgb, scene, contract, mirrored=photo.mirrored)
            except LightUnreadable:
                yield lights.parent.name, Reading(None, None)
            else:
                yield lights.parent.name, _compared(lamp.vector, truths[name])


def _compared(read: Sequence[float], truth: Sequence[float]) -> Reading:
    cosine = sum(a * b for a, b in zip(read, truth, strict=True)) / math.hypot(*truth)
    around = math.degrees(math.atan2(read[0], -read[2]) - math.atan2(truth[0], -truth[2]))
    azimuth_deg = abs((around + 180) % 360 - 180)
    return Reading(azimuth_deg, math.degrees(math.acos(min(1.0, max(-1.0, cosine)))))


def main() -> None:
    """Print the figures of each set, and of all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=Settings().models_dir / "drn-g.scene.onnx")
    given = parser.parse_args()
    found = list(readings(given.folder, given.model))
    for name in [*sorted({name for name, _ in found}), "all"]:
        of_set = [reading for other, reading in found if name in {other, "all"}]
        azimuths = [r.azimuth_deg for r in of_set if r.azimuth_deg is not None]
        angles = [r.angle_deg for r in of_set if r.angle_deg is not None]
        if not azimuths:
            print(f"{name:16} {len(of_set):4} photos, no light was read")
            continue
        near = sum(azimuth <= 30 for azimuth in azimuths) / len(azimuths)
        print(
            f"{name:16} {len(of_set):4} photos, {len(azimuths):4} read: azimuth off by "
            f"{statistics.median(azimuths):5.1f} degrees (median), {near:4.0%} within 30; "
            f"angle off by {statistics.median(angles):5.1f}"
        )


if __name__ == "__main__":
    main()
