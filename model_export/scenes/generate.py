"""From a seed to the maps of a scene."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_export.scenes.appearance import displayed, photo
from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Composition, Context, Rng
from model_export.scenes.everyday.colors import linear
from model_export.scenes.everyday.layouts import compose
from model_export.scenes.everyday.pictures import painted
from model_export.scenes.film import Film, smoothed
from model_export.scenes.lamps import lamps_of
from model_export.scenes.lighting import Surface, background, lit, open_sky
from model_export.scenes.maps import SceneMaps
from model_export.scenes.tracing import Hits, Tracer, View, normalized, prepare

_LEAST_COVERAGE = 0.15
_PAINTING_PX = 96
_NUM_ATTEMPTS = 5


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
    tracer, film = Tracer(composition.bodies), Film(size_px, samples_per_pixel)
    directions = view.directions(film.places(rng))
    hits = tracer.first_hits(view.origin, directions, margin=2e-4 * composition.reach)
    geometry = _geometry(composition, view, tracer, film, hits, rng=rng)  # refuses empty views
    surface = Surface.at(hits, composition)
    chance = film.chance(rng, len(lamps))[:, hits.ray]
    irradiance, specular = lit(tracer, hits, surface, directions, lamps=lamps, chance=chance)
    light = background(composition, hits, surface, directions)
    return SceneMaps(
        layout=composition.layout,
        field_of_view_deg=composition.camera.field_of_view_deg,
        **geometry,
        albedo=_half(film.mean(hits, surface.albedo)),
        background=_half(film.mean_of_all(light)),
        relightable=_half(film.share(hits, surface.relightable)),
        lamps=np.stack([lamp.in_view(view) for lamp in lamps]).astype(np.float32),
        lamp_softness=np.array([lamp.softness for lamp in lamps], dtype=np.float32),
        irradiance=_half(np.stack([film.mean(hits, values) for values in irradiance])),
        specular=_half(np.stack([film.mean(hits, values) for values in specular])),
    )


def _geometry(
    composition: Composition, view: View, tracer: Tracer, film: Film, hits: Hits, *, rng: Rng
) -> dict[str, Any]:
    """The maps that no lamp enters: normals, depth, coverage, occlusion."""
    depth = (view.origin - hits.points) @ view.axes[:, 2]
    _check(hits, depth, film.size_px**2 * film.num_samples, composition.reach)
    coverage = film.share(hits, np.ones(len(hits.ray)))
    normals = film.mean(hits, hits.normals @ view.axes)
    normals = normalized(normals.reshape(-1, 3)).reshape(normals.shape)
    normals[coverage == 0] = (0, 0, 1)
    log_depth = film.mean(hits, np.log(np.maximum(depth, 1e-3)))
    seen = film.mean(hits, open_sky(tracer, hits, composition.reach, film, rng))
    return {
        "normals": _half(normals),
        "depth": np.where(coverage > 0, np.exp(log_depth), 0).astype(np.float32),
        "occlusion": _half(np.where(coverage > 0, smoothed(seen, normals, log_depth), 0)),
        "coverage": _half(coverage),
    }


def _half(values: FloatArray) -> NDArray[np.float16]:
    return np.asarray(values, dtype=np.float16)


def _check(hits: Hits, depth: FloatArray, num_rays: int, reach: float) -> None:
    if len(hits.ray) < _LEAST_COVERAGE * num_rays:
        raise EmptyView("the camera sees almost nothing")
    if np.median(depth) < 0.1 * reach:
        raise EmptyView("the camera stands in something")
