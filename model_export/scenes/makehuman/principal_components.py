"""Principal components of many forms of one mesh, small enough to be kept in the repository."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_export.scenes.description import IntArray


def principal_components(
    forms: NDArray[np.float32], num_components: int
) -> dict[str, NDArray[Any]]:
    """Return a linear model of forms.

    Args:
        forms: (k, n, 3), the vertices of each.
        num_components: how many to keep.

    Returns:
        `mean` (n, 3), float32; `components` (c, n, 3), int8, which times `scales` (c,), float32,
        are the displacements of one standard deviation.
    """
    rows = forms.reshape(len(forms), -1)
    mean = rows.mean(axis=0)
    away = rows - mean
    values, vectors = np.linalg.eigh(away @ away.T)
    best = np.argsort(values)[::-1][:num_components]
    components = vectors[:, best].T @ away / np.sqrt(len(forms))
    print(f"{values[best].sum() / values.sum():.1%} of the variance of {len(forms)} forms")
    scales = np.maximum(np.abs(components).max(axis=1, keepdims=True), 1e-9)
    return {
        "mean": mean.reshape(-1, 3),
        "components": np.round(components / scales * 127).astype(np.int8).reshape(len(best), -1, 3),
        "scales": (scales[:, 0] / 127).astype(np.float32),
    }


def renumbered(faces: IntArray, kept: IntArray) -> NDArray[np.uint16]:
    """Return quads (m, 4) as triangles (2m, 3) of the vertices that are kept.

    Args:
        faces: their corners, numbered as all vertices are.
        kept: (n,), the numbers of the vertices that are kept, in their new order.
    """
    places = np.full(int(max(faces.max(), kept.max())) + 1, -1)
    places[kept] = np.arange(len(kept))
    split = places[faces]
    return np.concatenate([split[:, :3], split[:, [0, 2, 3]]]).astype(np.uint16)
