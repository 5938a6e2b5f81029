"""The contract "relight/2": what a pair of graphs promises to the service.

`NAME.scene.onnx` reads a photo once, `NAME.light.onnx` lights what was read as often as wanted.

    scene   image -> normals, relief, log_shading, occlusion, relightable, features
    light   normals, relief, log_shading, occlusion, features, light, softness
            -> irradiance, residual

    image        uint8 (n, h, w, 3)        sRGB; h and w multiples of 16, n, h and w dynamic
    normals      (n, h, w, 3)              of unit length; x right, y up, z to the viewer
    relief       (n, h, w)                 height to the viewer, in half the mean side sqrt(h w)
    log_shading  (n, h, w)                 log of the photo's own light, of mean about 0
    occlusion    (n, h, w)                 share of the sky that a pixel sees, 0 to 1
    relightable  (n, h, w)                 how surely a lamp lights a pixel, 0 to 1
    features     (n, c, h / 2, w / 2)      what else the light graph needs; c is fixed
    light        (n, 3)                    unit vector to the lamp, in the coordinates of normals
    softness     (n,)                      0 (hard lamp) to 1 (overcast)
    irradiance   (n, h, w)                 light that arrives from a lamp of strength 1; >= 0
    residual     (n, h, w)                 correction of the logarithm of the change of light

All but the image are float32. `service.relighting.composition` makes the picture of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from relight.errors import ModelRefused
from service.contract.metadata import SIZE_MULTIPLE_PX

FORMAT: Final = "relight/2"

Part = Literal["scene", "light"]
PARTS: Final[tuple[Part, ...]] = ("scene", "light")

_MAP: Final = ("n", "h", "w")
_FEATURES: Final = ("n", "c", "h/2", "w/2")
Shapes = Mapping[str, tuple[int | str, ...]]

SCENE_OUTPUTS: Final[Shapes] = {
    "normals": (*_MAP, 3),
    "relief": _MAP,
    "log_shading": _MAP,
    "occlusion": _MAP,
    "relightable": _MAP,
    "features": _FEATURES,
}
SURFACE_NAMES: Final = ("normals", "relief", "log_shading", "occlusion", "features")
LIGHT_INPUTS: Final[Shapes] = {name: SCENE_OUTPUTS[name] for name in SURFACE_NAMES} | {
    "light": ("n", 3),
    "softness": ("n",),
}
LIGHT_OUTPUTS: Final[Shapes] = {"irradiance": _MAP, "residual": _MAP}


@dataclass(frozen=True, slots=True, kw_only=True)
class PairContract:
    """The promise of one pair; both files carry it.

    Attributes:
        name: short name, such as `drn-g`.
        version: version of the weights.
        size_px: side of the square pictures it was trained on, a multiple of 16.
        pair_sha256: checksum of both graphs without metadata, in hex; the same in both files.
        checkpoint_sha256: checksum of the checkpoint that the graphs were exported from.
        trained_on: the data, in a few words.
        license: SPDX identifier of the weights' licence.
        elevation_deg: elevation of a lamp that is given by its direction alone, 0 to 90.
        softness: softness of a lamp where none is asked for, 0 to 1.
        ambient: share of the new light that comes from all sides, 0 to 1.
        removal: share of the photo's own light that is taken out, 0 to 1.
        metrics: how well it does, such as `{"dataset": ..., "local": ...}`.
    """

    name: str
    version: str
    size_px: int
    pair_sha256: str
    checkpoint_sha256: str
    trained_on: str
    license: str
    elevation_deg: float
    softness: float
    ambient: float
    removal: float
    metrics: Mapping[str, str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a promise that cannot be kept."""
        if self.size_px <= 0 or self.size_px % SIZE_MULTIPLE_PX:
            raise ModelRefused(f"size_px {self.size_px} is no multiple of {SIZE_MULTIPLE_PX}")
        for name, value, most in (
            ("elevation_deg", self.elevation_deg, 90),
            ("softness", self.softness, 1),
            ("ambient", self.ambient, 1),
            ("removal", self.removal, 1),
        ):
            if not 0 <= value <= most:  # also true of NaN
                raise ModelRefused(f"{name} {value} is not 0 to {most}")

    def to_metadata(self, part: Part) -> dict[str, str]:
        """Return the strings to store in the ONNX file of one part."""
        return {
            "format": FORMAT,
            "part": part,
            "name": self.name,
            "version": self.version,
            "size_px": str(self.size_px),
            "pair_sha256": self.pair_sha256,
            "checkpoint_sha256": self.checkpoint_sha256,
            "trained_on": self.trained_on,
            "license": self.license,
            "elevation_deg": str(self.elevation_deg),
            "softness": str(self.softness),
            "ambient": str(self.ambient),
            "removal": str(self.removal),
            "metrics": json.dumps(dict(self.metrics), sort_keys=True),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], part: Part) -> PairContract:
        """Read the promise back from the file of one part.

        Raises:
            ModelRefused: a key is missing or malformed, or the format or the part is another.
        """
        try:
            for key, promised in (("format", FORMAT), ("part", part)):
                if metadata[key] != promised:
                    raise ModelRefused(f"{key} is {metadata[key]!r}, not {promised!r}")
            return cls(
                name=metadata["name"],
                version=metadata["version"],
                size_px=int(metadata["size_px"]),
                pair_sha256=metadata["pair_sha256"],
                checkpoint_sha256=metadata["checkpoint_sha256"],
                trained_on=metadata["trained_on"],
                license=metadata["license"],
                elevation_deg=float(metadata["elevation_deg"]),
                softness=float(metadata["softness"]),
                ambient=float(metadata["ambient"]),
                removal=float(metadata["removal"]),
                metrics=dict(json.loads(metadata["metrics"])),
            )
        except KeyError as error:
            raise ModelRefused(f"the metadata lack {error.args[0]!r}") from None
        except (TypeError, ValueError) as error:
            raise ModelRefused(f"the metadata are malformed: {error}") from None

    def check_twin(self, other: PairContract) -> None:
        """Hold the promise of one part against that of the other.

        Raises:
            ModelRefused: they are parts of different pairs.
        """
        if self.pair_sha256 != other.pair_sha256:
            raise ModelRefused(
                f"its parts are of different pairs: pair_sha256 is {self.pair_sha256[:12]}... "
                f"in one and {other.pair_sha256[:12]}... in the other"
            )
        if self != other:
            raise ModelRefused("the metadata of its parts differ")
