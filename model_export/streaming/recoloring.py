"""Other albedo for the surfaces of a view, so that no scene looks the same twice."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from model_export.streaming.crops import Crop, Plane

_LEAST, _MOST = 0.004, 0.98
_PATINA_SHARE: Final = 0.3  # of views
_BRIGHT_SHARE: Final = 0.15  # of those with a patina: dust in the hollows instead of dirt


def recolor(crop: Crop, rng: np.random.Generator) -> Plane:
    """Return other colours for all surfaces, (s, s, 3), scene-linear in [0.004, 0.98]."""
    albedo = crop.albedo
    if rng.random() < 0.5:
        albedo = albedo[..., rng.permutation(3)]
    albedo = albedo.clip(_LEAST, _MOST) ** np.float32(rng.uniform(0.6, 1.3))
    albedo = albedo * (0.6 + 0.8 * rng.random(3)).astype(np.float32)
    if rng.random() < 0.25:
        tint = (0.7 + 0.3 * rng.random(3)).astype(np.float32)
        albedo = albedo.mean(-1, keepdims=True) * tint
    if rng.random() < _PATINA_SHARE:
        albedo = albedo * _patina(crop, rng)
    return np.asarray(albedo.clip(_LEAST, _MOST), np.float32)


def _patina(crop: Crop, rng: np.random.Generator) -> Plane:
    """Return a factor (s, s, 3) that is dark in hollows and bright on edges, as on old bronze.

    Hollows are then no sign of shade, which a network must not take for granted.
    """
    widest_px = max(2.0, 0.06 * len(crop.relief))
    sigma_px = float(np.exp(rng.uniform(0, np.log(widest_px))))
    height = _above_surroundings(crop.relief[..., 0], crop.coverage[..., 0], sigma_px)
    open_sky = _above_surroundings(crop.occlusion[..., 0], crop.coverage[..., 0], sigma_px)
    share = np.float32(rng.random())
    raised = np.tanh(share * height + (1 - share) * open_sky) * crop.coverage[..., 0]
    strength = rng.uniform(0.2, 1.0) * (-0.5 if rng.random() < _BRIGHT_SHARE else 1)
    tint = rng.uniform(0.7, 1.3, 3).astype(np.float32)
    return np.asarray(np.exp(np.float32(strength) * raised[..., None] * tint), np.float32)


def _above_surroundings(plane: Plane, coverage: Plane, sigma_px: float) -> Plane:
    """Return how far a plane (s, s) lies above its mean around, in its typical deviations."""
    weight = cv2.GaussianBlur(coverage, (0, 0), sigma_px)
    mean = cv2.GaussianBlur(plane * coverage, (0, 0), sigma_px) / np.maximum(weight, 1e-3)
    away = (plane - mean) * coverage
    typical = float(np.abs(away).sum() / max(float(coverage.sum()), 1.0))
    return np.asarray(away / max(1.5 * typical, 1e-5), np.float32)
