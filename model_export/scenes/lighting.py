"""What the surfaces of a composition are like, and the light that reaches them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Composition, Rng
from model_export.scenes.film import Film
from model_export.scenes.lamps import SceneLamp
from model_export.scenes.tracing import Hits, Tracer, dot, normalized

NUM_SKY_RAYS = 6
_MAX_IRRADIANCE = 60.0
_MAX_SPECULAR = 20.0


@dataclass(frozen=True, slots=True)
class Surface:
    """What the bodies are like at k hits.

    Attributes:
        albedo: (k, 3).
        glow: (k, 3) radiance sent out.
        specular: (k,).
        shininess: (k,).
        relightable: (k,).
        reflection: (k,) share of the sky that is mirrored.
    """

    albedo: FloatArray
    glow: FloatArray
    specular: FloatArray
    shininess: FloatArray
    relightable: FloatArray
    reflection: FloatArray

    @classmethod
    def at(cls, hits: Hits, composition: Composition) -> Surface:
        """Look up the surface at every hit."""
        albedo, glow = np.zeros((2, len(hits.ray), 3), np.float32)
        bodies = composition.bodies
        for index in np.unique(hits.body):
            body, here = bodies[index], hits.body == index
            albedo[here] = body.texture(hits.points[here], hits.uvs[here])
            if body.glow is not None:
                glow[here] = body.glow(hits.points[here], hits.uvs[here])

        def each(name: str) -> FloatArray:
            return np.array([getattr(body, name) for body in bodies], np.float32)[hits.body]

        gloss, share = each("specular"), each("reflection")
        return cls(albedo, glow, gloss, each("shininess"), each("relightable"), share)


def background(
    composition: Composition, hits: Hits, surface: Surface, directions: FloatArray
) -> FloatArray:
    """Radiance (n, 3) that no lamp changes: sky, what glows, and the sky in mirrors."""
    radiance = np.zeros_like(directions)
    missed = np.ones(len(directions), bool)
    missed[hits.ray] = False
    radiance[missed] = composition.sky(directions[missed])
    light = surface.glow.copy()
    mirror = surface.reflection > 0
    if mirror.any():
        ahead, normals = directions[hits.ray[mirror]], hits.normals[mirror]
        turned = ahead - 2 * dot(ahead, normals)[:, None] * normals
        light[mirror] += surface.reflection[mirror, None] * composition.sky(turned)
    radiance[hits.ray] = light
    return radiance


def lit(
    tracer: Tracer,
    hits: Hits,
    surface: Surface,
    directions: FloatArray,
    *,
    lamps: list[SceneLamp],
    chance: FloatArray,
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Irradiance and highlight of each lamp at the hits, (k,) each; `chance` is (lamps, k, 2)."""
    irradiance, specular = [], []
    ahead = directions[hits.ray]
    shiny = surface.specular > 0
    for lamp, places in zip(lamps, chance, strict=True):
        towards, distance, falloff = lamp.seen_from(hits.lifted, places)
        cosine = np.maximum(dot(hits.normals, towards), 0)
        lit = np.flatnonzero(cosine > 0)
        arriving = np.zeros(len(cosine), np.float32)
        seen = tracer.free(hits.lifted[lit], towards[lit], distance[lit])
        arriving[lit] = np.minimum(cosine[lit] * falloff[lit], _MAX_IRRADIANCE) * seen
        irradiance.append(arriving)
        light = np.zeros(len(cosine), np.float32)
        half = normalized(towards[shiny] - ahead[shiny])
        power = surface.shininess[shiny]
        lobe = np.maximum(dot(hits.normals[shiny], half), 0) ** power * (power + 8) / 8
        light[shiny] = np.minimum(surface.specular[shiny] * lobe * arriving[shiny], _MAX_SPECULAR)
        specular.append(light)
    return irradiance, specular


def open_sky(tracer: Tracer, hits: Hits, reach: float, film: Film, rng: Rng) -> FloatArray:
    """Share (k,) of the cosine-weighted hemisphere in which nothing lies within some reach."""
    normals = hits.normals
    helper = np.where(np.abs(normals[:, :1]) > 0.7, [[0, 1, 0]], [[1, 0, 0]])
    side = normalized(np.cross(normals, helper))
    other = np.cross(normals, side)
    ends = np.full(len(normals), reach * rng.choice([1.5, 4, 20]), np.float32)
    free = np.zeros(len(normals), np.float32)
    for chance in film.chance(rng, NUM_SKY_RAYS):
        u, v = chance[hits.ray].T
        radius, angle = np.sqrt(u)[:, None], (2 * np.pi * v)[:, None]
        outward = radius * (np.cos(angle) * side + np.sin(angle) * other)
        outward = outward + np.sqrt(1 - u)[:, None] * normals
        free += tracer.free(hits.lifted, outward, ends)
    return free / NUM_SKY_RAYS
