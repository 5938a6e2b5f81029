"""From a seed to the maps of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_export.scenes.appearance import displayed, photo
from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Composition, Context, Rng
from model_export.scenes.everyday.colors import linear
from model_export.scenes.everyday.layouts import compose
from model_export.scenes.everyday.pictures import painted
from model_export.scenes.lamps import Lamp, lamps_of
from model_export.scenes.maps import SceneMaps
from model_export.scenes.tracing import Hits, Tracer, View, dot, normalized, prepare

NUM_SKY_RAYS = 6
_LEAST_COVERAGE = 0.15
_PAINTING_PX = 96
_NUM_ATTEMPTS = 5
_MAX_IRRADIANCE = 60.0
_MAX_SPECULAR = 20.0
# Roberts' R2 sequence: each new point falls into the largest gap of those before it.
_R2_STEP = (0.7548776662466927, 0.5698402909980532)


class EmptyView(Exception):
    """The camera sees too little, or stands in something; another seed does better."""


def generate_scene(seed: int, size_px: int = 160, samples_per_pixel: int = 4) -> SceneMaps:
    """Render the maps of one scene, the same for the same arguments.

    Args:
        seed: all that the scene depends on.
        size_px: width and height.
        samples_per_pixel: samples per pixel.

    Raises:
        EmptyView: the camera sees too little; take another seed.
        ValueError: Mitsuba has no usable variant here; see `variants.activate`.
    """
    composition = compose(np.random.default_rng([77, seed]), Context(seed, _painting))
    rng = np.random.default_rng([78, seed])
    return render_maps(composition, rng, size_px=size_px, samples_per_pixel=samples_per_pixel)


def _painting(rng: Rng) -> FloatArray:
    """Photograph another scene in hard light, to be hung up in this one: (96, 96, 3)."""
    for _ in range(_NUM_ATTEMPTS):
        composition = compose(rng, Context(int(rng.integers(2**31)), painted))
        try:
            maps = render_maps(composition, rng, size_px=_PAINTING_PX, samples_per_pixel=2)
        except EmptyView:
            continue
        strengths = rng.dirichlet(np.full(len(maps.lamps), 0.3))
        picture = displayed(photo(maps, strengths, sky=rng.uniform(0.02, 0.4)))
        return linear(picture / 255)
    return painted(rng)


def render_maps(
    composition: Composition, rng: Rng, *, size_px: int, samples_per_pixel: int
) -> SceneMaps:
    """Render the maps of a composition.

    Args:
        composition: what to render.
        rng: places the lamps and the samples.
        size_px: width and height.
        samples_per_pixel: samples per pixel.

    Raises:
        EmptyView: the camera sees too little.
        ValueError: Mitsuba has no usable variant here.
    """
    prepare()
    view = View.of(composition.camera)
    lamps = lamps_of(composition, view, rng)
    tracer = Tracer(composition.bodies)
    film = _Film(size_px, samples_per_pixel)
    directions = view.directions(film.places(rng))
    hits = tracer.first_hits(view.origin, directions, margin=2e-4 * composition.reach)
    depth = (view.origin - hits.points) @ view.axes[:, 2]
    _check(hits, depth, len(directions), composition.reach)
    surface = _Surface.at(hits, composition)
    chance = film.chance(rng, len(lamps))[:, hits.ray]
    irradiance, specular = _lit(tracer, hits, surface, directions, lamps=lamps, chance=chance)
    sky = film.mean_of_all(_background(composition, hits, surface, directions))
    normals = normalized(film.mean(hits, hits.normals @ view.axes).reshape(-1, 3))
    normals[film.mean(hits, np.ones(len(hits.ray))).ravel() == 0] = (0, 0, 1)
    coverage = film.share(hits, np.ones(len(hits.ray)))
    log_depth = film.mean(hits, np.log(np.maximum(depth, 1e-3)))
    sky_share = _open_sky(tracer, hits, composition.reach, film, rng)
    return SceneMaps(
        layout=composition.layout,
        field_of_view_deg=composition.camera.field_of_view_deg,
        normals=_half(normals.reshape(size_px, size_px, 3)),
        depth=np.where(coverage > 0, np.exp(log_depth), 0).astype(np.float32),
        albedo=_half(film.mean(hits, surface.albedo)),
        occlusion=_half(film.mean(hits, sky_share)),
        coverage=_half(coverage),
        background=_half(sky),
        relightable=_half(film.share(hits, surface.relightable)),
        lamps=np.stack([lamp.in_view(view) for lamp in lamps]).astype(np.float32),
        lamp_softness=np.array([lamp.softness for lamp in lamps], dtype=np.float32),
        irradiance=_half(np.stack([film.mean(hits, values) for values in irradiance])),
        specular=_half(np.stack([film.mean(hits, values) for values in specular])),
    )


def _half(values: FloatArray) -> NDArray[np.float16]:
    return np.asarray(values, dtype=np.float16)


def _check(hits: Hits, depth: FloatArray, num_rays: int, reach: float) -> None:
    if len(hits.ray) < _LEAST_COVERAGE * num_rays:
        raise EmptyView("the camera sees almost nothing")
    if np.median(depth) < 0.1 * reach:
        raise EmptyView("the camera stands in something")


@dataclass(frozen=True, slots=True)
class _Film:
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


@dataclass(frozen=True, slots=True)
class _Surface:
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
    def at(cls, hits: Hits, composition: Composition) -> _Surface:
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


def _background(
    composition: Composition, hits: Hits, surface: _Surface, directions: FloatArray
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


def _lit(
    tracer: Tracer,
    hits: Hits,
    surface: _Surface,
    directions: FloatArray,
    *,
    lamps: list[Lamp],
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


def _open_sky(tracer: Tracer, hits: Hits, reach: float, film: _Film, rng: Rng) -> FloatArray:
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
