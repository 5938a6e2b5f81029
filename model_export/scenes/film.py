"""The film of a camera: where samples lie in its pixels, and how they become maps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Rng
from model_export.scenes.tracing import Hits

# Roberts' R2 sequence: each new point falls into the largest gap of those before it.
_R2_STEP = (0.7548776662466927, 0.5698402909980532)
# Neighbours are of one surface where their normals and log depths are this close.
_SAME_COSINE = 0.9
_SAME_LOG_DEPTH = 0.02


@dataclass(frozen=True, slots=True)
class Film:
    """Samples of a square picture, pixel by pixel."""

    size_px: int
    num_samples: int

    def chance(self, rng: Rng, num_sets: int = 1) -> FloatArray:
        """Draw (num_sets, n, 2) points in the unit square, all evenly spread in every pixel."""
        number = np.arange(self.num_samples * num_sets).reshape(num_sets, 1, self.num_samples, 1)
        steps = (number * np.array(_R2_STEP) % 1).astype(np.float32)
        points = steps + rng.random((1, self.size_px**2, 1, 2), dtype=np.float32)
        return np.asarray((points - (points >= 1)).reshape(num_sets, -1, 2), dtype=np.float32)

    def places(self, rng: Rng) -> FloatArray:
        """Draw places (n, 2) on the film, in [0, 1]."""
        pixel = np.repeat(np.arange(self.size_px**2), self.num_samples)
        corner = np.stack([pixel % self.size_px, pixel // self.size_px], axis=1)
        return np.asarray(((corner + self.chance(rng)[0]) / self.size_px).astype(np.float32))

    def _sum(self, hits: Hits, values: FloatArray) -> FloatArray:
        """Add up values (k, ...) of each pixel's samples that met something."""
        pixel = hits.ray // self.num_samples
        columns = np.asarray(values).reshape(len(values), -1).T
        sums = [np.bincount(pixel, column, minlength=self.size_px**2) for column in columns]
        return np.asarray(
            np.stack(sums, axis=-1).reshape(self.size_px, self.size_px, *values.shape[1:])
        )

    def share(self, hits: Hits, values: FloatArray) -> FloatArray:
        """Mean (h, w) over all samples of a pixel; what met nothing counts 0."""
        return np.asarray(self._sum(hits, values) / self.num_samples)

    def mean(self, hits: Hits, values: FloatArray) -> FloatArray:
        """Mean (h, w, ...) over the samples of a pixel that met something; 0 without one."""
        count = np.maximum(self._sum(hits, np.ones(len(hits.ray))), 1)
        return self._sum(hits, values) / count.reshape(count.shape + (1,) * (values.ndim - 1))

    def mean_of_all(self, values: FloatArray) -> FloatArray:
        """Mean (h, w, 3) over all samples (n, 3) of a pixel."""
        by_pixel = values.reshape(self.size_px, self.size_px, self.num_samples, 3)
        return np.asarray(by_pixel.mean(axis=2))


def smoothed(values: FloatArray, normals: FloatArray, log_depth: FloatArray) -> FloatArray:
    """Average (h, w) over the neighbours of each pixel that belong to the same surface.

    Args:
        values: what to average.
        normals: (h, w, 3), unit.
        log_depth: (h, w).
    """
    total, weight = np.zeros_like(values), np.zeros_like(values)
    height, width = values.shape
    pad = ((1, 1), (1, 1))
    padded, depths = np.pad(values, pad, "edge"), np.pad(log_depth, pad, "edge")
    facing = np.pad(normals, (*pad, (0, 0)), "edge")
    for row, column in product(range(3), repeat=2):
        here = slice(row, row + height), slice(column, column + width)
        close = (facing[here] * normals).sum(axis=2) > _SAME_COSINE
        close &= np.abs(depths[here] - log_depth) < _SAME_LOG_DEPTH
        total += padded[here] * close
        weight += close
    return np.asarray(total / np.maximum(weight, 1))
