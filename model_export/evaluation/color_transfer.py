"""Global colour transfer: a baseline that changes only brightness and tint.

    y = (x - mean x) / std x * std t + mean t          each channel of CIE Lab

Source: Reinhard, Ashikhmin, Gooch and Shirley, "Color Transfer between Images", 2001. The
statistics t are means over the training targets, never those of the photo's own target. A method
that is no better has not learned light.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from skimage.color import lab2rgb, rgb2lab

from model_export.data.sources import Picture
from relight.atomic import replacing

FORMAT: Final = "relight-color-transfer/1"
_FLATTEST: Final = 1e-3  # a channel with a smaller standard deviation counts as flat


class NotColorTransfer(ValueError):
    """A file does not contain the statistics of a colour transfer."""


@dataclass(frozen=True, slots=True)
class ColorTransfer:
    """Statistics of pictures under the wanted light.

    Attributes:
        light: the wanted light, such as `E-4500`.
        mean_lab: mean L*, a* and b* of a picture, averaged over pictures.
        std_lab: their standard deviations within a picture, averaged over pictures.
        num_pictures: number of pictures.
    """

    light: str
    mean_lab: tuple[float, float, float]
    std_lab: tuple[float, float, float]
    num_pictures: int

    @classmethod
    def fit(cls, targets: Iterable[Picture], light: str) -> ColorTransfer:
        """Measure training targets, at least one, each (h, w, 3) sRGB."""
        moments = np.array([_moments(rgb2lab(picture)) for picture in targets])
        mean, std = moments.mean(axis=0)  # (pictures, 2, 3) -> (2, 3)
        return cls(light, tuple(mean.tolist()), tuple(std.tolist()), len(moments))

    def relight(self, picture: Picture) -> Picture:
        """Return a picture with these statistics, as far as the sRGB gamut allows."""
        lab = rgb2lab(picture)
        mean, std = _moments(lab)
        moved = (lab - mean) / np.maximum(std, _FLATTEST) * self.std_lab + self.mean_lab
        return np.asarray(np.rint(_to_srgb(moved) * 255), dtype=np.uint8)

    def save(self, path: Path) -> None:
        """Write the statistics; an existing file is replaced atomically."""
        with replacing(path) as stream:
            stream.write(json.dumps({"format": FORMAT, **asdict(self)}, indent=2).encode())

    @classmethod
    def load(cls, path: Path) -> ColorTransfer:
        """Read the statistics.

        Raises:
            NotColorTransfer: the file has other content.
            OSError: the file cannot be read.
        """
        try:
            document: dict[str, Any] = json.loads(path.read_bytes())
            if document.pop("format") != FORMAT:
                raise ValueError(f"not of the format {FORMAT!r}")
            for name in ("mean_lab", "std_lab"):
                lightness, a, b = document.pop(name)
                document[name] = (float(lightness), float(a), float(b))
            return cls(**document)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NotColorTransfer(
                f"{path} does not contain the statistics of a colour transfer"
            ) from error


def _moments(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return mean and standard deviation of each channel, (h, w, 3) -> (2, 3)."""
    return np.stack([lab.mean(axis=(0, 1)), lab.std(axis=(0, 1))])


def _to_srgb(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lab[..., 0] = lab[..., 0].clip(0, 100)
    lightness = (lab[..., 0] + 16) / 116
    lab[..., 2] = np.minimum(lab[..., 2], 200 * lightness)  # a negative Z would raise a warning
    return np.asarray(lab2rgb(lab)).clip(0, 1)
