"""Photos for a service with a pair of graphs, its settings, and the light of its answers."""

from __future__ import annotations

import numpy as np

from service.traffic.keys import digest_of
from tests.service.calls import relight
from tests.service.stand_ins import decoded, encoded

ADMIN = {"X-Api-Key": "root"}
KNOBS = {"providers": "cpu", "admin_keys": (f"operator:{digest_of('root')}",)}


def photo(seed: int = 0, height_px: int = 64, width_px: int = 64):
    """A photo of muted colours, brighter to the right and never its own mirror image."""
    rng = np.random.default_rng(seed)
    base = rng.integers(60, 110, (height_px, width_px, 3))
    return (base + np.linspace(0, 60, width_px)[None, :, None]).astype(np.uint8)


def relit_png(url: str, pixels, **options) -> np.ndarray:
    answer = relight(url, encoded(pixels, "png"), format="png", **options)
    assert answer.status_code == 200, answer.text
    return decoded(answer.content)


def leaning(pixels):
    """The photo's left half faces left, its right half right, as the tiny network sees it."""
    faced = pixels.copy()
    faced[:, : pixels.shape[1] // 2] = [70, 120, 130]
    faced[:, pixels.shape[1] // 2 :] = [130, 120, 70]
    faced[:, -3:] += 20
    return faced


def linear(pixels):
    codes = pixels / 255
    return np.where(codes < 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def luminance(pixels):
    return linear(pixels) @ [0.2126729, 0.7151522, 0.0721750]
