"""The contract of an exported model, stored in the metadata of its ONNX file.

    image   uint8    (n, h, w, 3)   sRGB; h and w multiples of 16, n dynamic
    light   int64    (n,)           index into `lights`; only when there is more than one
    relit   float    (n, h, w, 3)   sRGB-encoded, 0 to 1, of the type that `precision` names

`model_export.export` writes the contract into the file, and `service.inference.loading` refuses a
file that breaks it. This is its only definition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from relight.errors import ModelRefused
from relight.lights import Light

FORMAT: Final = "relight/1"
INPUT_NAME: Final = "image"
LIGHT_NAME: Final = "light"
OUTPUT_NAME: Final = "relit"
SIZE_MULTIPLE_PX: Final = 16
PRECISIONS: Final = ("float16", "float32")
MAX_SOFTNESS_PX: Final = 3.0
MAX_SIZE_PX: Final = 4096
MAX_LIGHTS: Final = 256
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelContract:
    """The contract of one model.

    Attributes:
        name: short name, such as `drn-s`.
        version: version of the weights.
        lights: the lights that it renders, whatever light the input has.
        size_px: side of the square pictures it was trained on, a multiple of 16.
        precision: type of the output, one of `PRECISIONS`.
        checkpoint_sha256: checksum of the checkpoint that the graph was exported from.
        trained_on: the data, in a few words.
        metrics: measured quality, such as `{"dataset": ..., "psnr_db": ..., "ssim": ...}`.
        softness_px: blur that the model adds to its input, as the standard deviation of a
            Gaussian in pixels of the output; None:
            `service.contract.softness` estimates it for each photo.
        license: SPDX identifier of the weights' licence.
    """

    name: str
    version: str
    lights: tuple[Light, ...]
    size_px: int
    precision: str
    checkpoint_sha256: str
    trained_on: str
    license: str
    metrics: Mapping[str, str | float] = field(default_factory=dict)
    softness_px: float | None = None

    def __post_init__(self) -> None:
        """Refuse a promise that cannot be kept, and text that is none."""
        for key in ("name", "version"):
            if not _WORD.fullmatch(getattr(self, key)):  # they become headers and labels
                raise ModelRefused(f"{key} {getattr(self, key)[:80]!r} is no short plain word")
        for key in ("checkpoint_sha256", "trained_on", "license"):
            if not getattr(self, key).isprintable():
                raise ModelRefused(f"{key} holds characters that cannot be printed")
        if not 1 <= len(self.lights) <= MAX_LIGHTS:
            raise ModelRefused(f"a model must render 1 to {MAX_LIGHTS} lights")
        if self.size_px % SIZE_MULTIPLE_PX or not 0 < self.size_px <= MAX_SIZE_PX:
            raise ModelRefused(
                f"size_px {self.size_px} is no multiple of {SIZE_MULTIPLE_PX} up to {MAX_SIZE_PX}"
            )
        if self.precision not in PRECISIONS:
            raise ModelRefused(f"precision {self.precision!r} is not one of {PRECISIONS}")
        if self.softness_px is not None and not 0 <= self.softness_px <= MAX_SOFTNESS_PX:
            raise ModelRefused(f"softness_px {self.softness_px} is not 0 to {MAX_SOFTNESS_PX:g}")

    def to_metadata(self) -> dict[str, str]:
        """Return the strings to store in the ONNX file."""
        optional = {} if self.softness_px is None else {"softness_px": str(self.softness_px)}
        return {
            "format": FORMAT,
            "name": self.name,
            "version": self.version,
            "lights": ",".join(map(str, self.lights)),
            "size_px": str(self.size_px),
            "precision": self.precision,
            "checkpoint_sha256": self.checkpoint_sha256,
            "trained_on": self.trained_on,
            "license": self.license,
            "metrics": json.dumps(dict(self.metrics), sort_keys=True),
            **optional,
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> ModelContract:
        """Read the contract from the metadata of a file.

        Raises:
            ModelRefused: a key is missing or malformed, or the format is unknown.
        """
        try:
            if metadata["format"] != FORMAT:
                raise ModelRefused(f"format is {metadata['format']!r}, not {FORMAT!r}")
            return cls(
                name=metadata["name"],
                version=metadata["version"],
                lights=tuple(map(Light.parse, metadata["lights"].split(","))),
                size_px=int(metadata["size_px"]),
                precision=metadata["precision"],
                checkpoint_sha256=metadata["checkpoint_sha256"],
                trained_on=metadata["trained_on"],
                license=metadata["license"],
                metrics=dict(json.loads(metadata["metrics"])),
                softness_px=float(metadata["softness_px"]) if "softness_px" in metadata else None,
            )
        except KeyError as error:
            raise ModelRefused(f"the model's metadata lack {error.args[0]!r}") from None
        except (TypeError, ValueError, RecursionError) as error:
            raise ModelRefused(f"the model's metadata are malformed: {error}") from None
