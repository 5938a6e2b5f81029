"""From scene-linear radiance to the picture that a camera saves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model_export.streaming.crops import Plane
from service.contract.color import LUMINANCE, linear_to_srgb

_LUMINANCE: Final = LUMINANCE.astype(np.float32)
_GREYSCALE_SHARE: Final = 0.12  # of photos


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CameraLook:
    """How a picture is taken; the same camera takes the photo and the wanted picture.

    Attributes:
        gain: (3,), exposure and white balance.
        curve: `filmic`, `clipped` or `exponential`.
        gamma: exponent on sRGB codes.
        saturation: factor of the distance from grey, on sRGB codes; 0 for a greyscale picture.
        focus: share of the surfaces that are sharp, from the nearest; 1: all of them.
        focus_depth: relief between sharp and fully blurred.
        blur_px: standard deviation of the background's blur.
    """

    gain: NDArray[np.float32]
    curve: str
    gamma: float
    saturation: float
    focus: float
    focus_depth: float
    blur_px: float

    def develop(self, radiance: Plane, relief: Plane, coverage: Plane) -> Plane:
        """Return sRGB codes, float32 (s, s, 3) in [0, 1].

        Args:
            radiance: (s, s, 3), scene-linear.
            relief: (s, s, 1), larger is nearer.
            coverage: (s, s, 1), 0 where nothing is near.
        """
        exposed = self._defocus(radiance, relief, coverage) * self.gain
        shown: Plane
        if self.curve == "filmic":  # Narkowicz's fit of the ACES curve
            x = exposed * np.float32(0.8)
            shown = np.asarray((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), np.float32)
        elif self.curve == "exponential":
            shown = np.asarray(1 - np.exp(-1.2 * exposed), np.float32)
        else:
            shown = exposed
        codes = linear_to_srgb(np.asarray(shown.clip(0, 1), np.float32)) ** np.float32(self.gamma)
        gray = (codes @ _LUMINANCE)[..., None]
        colored = gray + (codes - gray) * np.float32(self.saturation)
        return np.asarray(colored.clip(0, 1), np.float32)

    def _defocus(self, radiance: Plane, relief: Plane, coverage: Plane) -> Plane:
        if self.focus >= 1:
            return radiance
        seen = relief[coverage > 0.5]
        nearest_blurred = np.quantile(seen, 1 - self.focus) if len(seen) else 0.0
        share = ((nearest_blurred - relief) / self.focus_depth).clip(0, 1)
        share = np.maximum(share, 1 - coverage)[..., 0]
        share = cv2.GaussianBlur(np.asarray(share, np.float32), (0, 0), 1.0)[..., None]
        blurred = cv2.GaussianBlur(radiance, (0, 0), self.blur_px)
        return np.asarray(radiance * (1 - share) + blurred * share, np.float32)


def choose_camera(radiance: Plane, rng: np.random.Generator, *, night: bool) -> CameraLook:
    """Choose a camera that exposes for the bright parts of a photo, more or less.

    By night it exposes for the brightest spots, so that most of the picture stays dark.
    """
    share = rng.uniform(0.96, 0.995) if night else 0.9
    bright = max(float(np.quantile(radiance @ _LUMINANCE, share)), 1e-4)
    balance = 0.85 + 0.3 * rng.random(3)
    return CameraLook(
        gain=np.asarray(rng.uniform(0.35, 1.3) / bright * balance, np.float32),
        curve=str(rng.choice(["filmic", "clipped", "exponential"])),
        gamma=rng.uniform(0.75, 1.3),
        saturation=_choose_saturation(rng),
        focus=rng.uniform(0.05, 0.5) if rng.random() < 0.2 and not night else 1.0,
        focus_depth=rng.uniform(0.1, 1),
        blur_px=rng.uniform(1, 5),
    )


def _choose_saturation(rng: np.random.Generator) -> float:
    if rng.random() < _GREYSCALE_SHARE:
        return 0.0
    return float(rng.uniform(0.4, 1.4)) if rng.random() < 0.5 else 1.0


def degrade(codes: Plane, rng: np.random.Generator) -> Plane:
    """Return a developed picture as files hold it: soft or sharpened, noisy, 8 bits, JPEG."""
    if rng.random() < 0.3:
        codes = np.asarray(cv2.GaussianBlur(codes, (0, 0), rng.uniform(0.3, 1.1)), np.float32)
    if rng.random() < 0.3:
        detail = codes - cv2.GaussianBlur(codes, (0, 0), 1.0)
        codes = codes + detail * np.float32(rng.uniform(0.2, 1))
    deviation = np.float32(rng.choice([0, 0.005, 0.015, 0.03]))
    codes = codes + rng.standard_normal(codes.shape, dtype=np.float32) * deviation
    pixels = (codes * 255).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        pixels = _as_jpeg(pixels, int(rng.integers(35, 95)))
    return pixels.astype(np.float32) / np.float32(255)


def _as_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, stored = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)
