"""Layouts under the sky."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday import clusters, skies
from model_export.scenes.everyday.bodies import (
    Body,
    Composition,
    Context,
    Rng,
    directed,
    mesh_of,
    moved,
)
from model_export.scenes.everyday.buildings import building
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.textures import patterned
from model_export.scenes.everyday.things import shape, surfaced
from model_export.scenes.shapes import rotation
from model_export.scenes.stones import HeightField, ground_mesh, rolling_ground


def height_at(ground: HeightField, x: float, y: float) -> float:
    """Height of the ground at one place."""
    return float(ground(np.array([x]), np.array([y]))[0])


def ground_body(rng: Rng, ground: HeightField) -> Body:
    """Lay the ground as far as the horizon."""
    mesh = ground_mesh(ground, num_steps=230)
    mesh = mesh_of(mesh.positions, mesh.faces, directed(mesh.normals))
    return surfaced(rng, mesh, patterned(rng, size=3))


def _grass(rng: Rng, ground: HeightField) -> Body:
    blades = clusters.grass(rng, 4, int(rng.integers(1500, 5000)), rng.uniform(0.15, 0.6))
    positions: FloatArray = blades.positions.copy()
    positions[:, 2] += ground(positions[:, 0], positions[:, 1])
    return surfaced(rng, mesh_of(positions, blades.faces, blades.normals))


def landscape(rng: Rng, context: Context) -> Composition:
    """Hills with buildings, rocks and plants."""
    ground = rolling_ground(
        rng,
        relief_m=rng.uniform(0.2, 2.5),
        roughness_m=rng.uniform(0, 0.08),
        rise_m=rng.uniform(-1, 5),
    )
    bodies = [ground_body(rng, ground)]
    for _ in range(rng.integers(1, 9)):
        thing = building(rng) if rng.random() < 0.4 else shape(rng)
        x, y, size = rng.normal(0, 4), rng.uniform(-1, 14), rng.uniform(0.4, 2.2)
        at = (x, y, height_at(ground, x, y) + 0.7 * size)
        bodies += moved(thing, at, size=size, turn=rotation(rng.uniform(0, 6)))
    if rng.random() < 0.35:
        bodies.append(_grass(rng, ground))
    reach, pitch = rng.uniform(1.5, 4), np.deg2rad(rng.uniform(-4, 22))
    focus = (0, 0, rng.uniform(0.3, 1.5))
    return Composition(
        layout="landscape",
        bodies=bodies,
        camera=looking_at(
            rng, focus, reach=reach, pitch=pitch, lowest=0.15, field_of_view_deg=(35, 75)
        ),
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.5,
        sky=skies.open_sky(rng),
    )
