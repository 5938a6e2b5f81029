"""The light that a photo was taken in and the light that is wanted, mixed from a scene's lamps.

radiance = albedo * (sum of lamps + sky * occlusion + bounce) + specular + background
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model_export.scenes.maps import NIGHT_LAYOUT, NUM_DIRECTIONAL, NUM_LAMPS
from model_export.streaming.backdrops import backdrop
from model_export.streaming.crops import Crop, Plane
from model_export.streaming.near_lamps import near_light
from model_export.streaming.outside_shadows import outside_shadows
from model_export.streaming.recoloring import recolor
from service.contract.color import LUMINANCE

_KINDS: Final = ("dark", "hard", "mixed", "soft")
_KIND_SHARES: Final = (0.2, 0.26, 0.28, 0.26)
_DARK_SKY: Final = 0.02  # strength of the light from all around below which a photo has none
_BOUNCE: Final = 0.4  # largest strength of the light that surfaces throw at each other
_DARK_BOUNCE: Final = 0.05  # the same where there is one lamp and no other light
_NEAR_SHARE: Final = 0.2  # of other scenes whose lamps stand near
_MIN_LIT: Final = 0.03  # mean irradiance below which a lamp hardly lights the picture
_LUMINANCE: Final = LUMINANCE.astype(np.float32)
_AMBIENT: Final = (0.03, 0.35)  # range of the wanted light's ambient share
_MAX_IRRADIANCE: Final = 1.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LightPlan:
    """Which lamps light the photo and which one is wanted, before anything is cut out.

    Attributes:
        weights: (num_lamps,), strength of each lamp in the photo.
        sky: strength of the light from all around in the photo.
        wanted: index of the directional lamp that is wanted.
        nearness: of the directional lamps, 1 over their distance in units of half the whole
            picture's side.
        night: whether the scene is seen by night: one lamp, black behind, colours as they are.
    """

    weights: NDArray[np.float32]
    sky: float
    wanted: int
    nearness: float
    night: bool

    @property
    def is_dark(self) -> bool:
        """Whether one lamp lights the photo, and nothing else."""
        return self.sky < _DARK_SKY

    @property
    def lamps(self) -> list[int]:
        """The lamps whose light is needed: those of the photo, and the wanted one last."""
        return [*map(int, np.nonzero(self.weights)[0]), self.wanted]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LitScene:
    """A view in the photo's light and in the wanted one; float32, scene-linear.

    Attributes:
        photo: (s, s, 3), radiance in the photo's light.
        log_shading: (s, s), log luminance of the light that arrives in the photo; mean 0 over
            the surfaces.
        relit: (s, s, 3), radiance in the wanted light; as in the photo where nothing is to be
            relit. Its mean luminance is the photo's.
        direction: (3,), unit vector to the wanted lamp.
        ambient: share of the wanted light that comes from all around.
        irradiance: (s, s), of the wanted lamp alone; 0 to 1.2 where it is far.
        nearness: of the lamps, in units of the view.
    """

    photo: Plane
    log_shading: Plane
    relit: Plane
    direction: NDArray[np.float32]
    ambient: float
    irradiance: Plane
    nearness: float


def plan_light(
    mean_irradiance: NDArray[np.float32], layout: str, rng: np.random.Generator
) -> LightPlan:
    """Choose the lamps: one hard one with or without other light, several, or mostly the sky.

    Args:
        mean_irradiance: (num_lamps,), of each lamp over the whole picture.
        layout: of the scene.
        rng: where chance comes from.
    """
    lit = mean_irradiance[:NUM_DIRECTIONAL]
    weights = np.zeros(NUM_LAMPS, np.float32)
    night = layout == NIGHT_LAYOUT
    kind = "dark" if night else rng.choice(_KINDS, p=_KIND_SHARES)
    if kind in {"dark", "hard"}:
        order = np.argsort(-lit * rng.uniform(0.3, 1, NUM_DIRECTIONAL))
        weights[order[rng.integers(0, 4)]] = 1
        sky = rng.uniform(_DARK_SKY, 0.5)
        if kind == "dark":
            sky = _DARK_SKY * 10 ** rng.uniform(-1.8, 0)
    elif kind == "mixed":
        chosen = rng.choice(NUM_DIRECTIONAL, rng.integers(2, 5), replace=False)
        weights[chosen] = rng.random(len(chosen))
        if rng.random() < 0.3:
            weights[rng.integers(NUM_DIRECTIONAL, NUM_LAMPS)] = rng.random() * 0.6
        sky = rng.uniform(0.1, 0.6)
    else:
        chosen = rng.choice(NUM_DIRECTIONAL, rng.integers(1, 4), replace=False)
        weights[chosen] = rng.random(len(chosen)) * 0.35
        sky = 1.0
    candidates = np.nonzero(lit > _MIN_LIT)[0]
    wanted = rng.choice(candidates) if len(candidates) else lit.argmax()
    near = night or (kind != "soft" and rng.random() < _NEAR_SHARE)
    return LightPlan(
        weights=weights,
        sky=float(sky),
        wanted=int(wanted),
        nearness=float(rng.uniform(0.3, 1)) if near else 0.0,
        night=night,
    )


def light(crop: Crop, plan: LightPlan, share: float, rng: np.random.Generator) -> LitScene:
    """Light a view in both lights.

    Args:
        crop: the view, cut with `plan.lamps`.
        plan: the lamps.
        share: side of the view as a share of the whole picture's.
        rng: where chance comes from.
    """
    nearness = plan.nearness * share
    crop = _with_near_lamps(crop, plan, nearness)
    albedo = crop.albedo if plan.night else recolor(crop, rng)
    shading, highlights = _photo_light(crop, plan, albedo, rng)
    surface = albedo * shading + highlights
    background = _behind(crop, surface, plan, rng)
    photo = surface * crop.coverage + background
    irradiance = crop.irradiance[..., -1:]
    ambient = float(rng.uniform(*_AMBIENT))
    sky, lamp = np.float32(ambient), np.float32(1 - ambient)
    arriving = np.asarray(sky * crop.occlusion + lamp * irradiance, np.float32)
    relit_surface: Plane = albedo * arriving
    if highlights.any():
        relit_surface = relit_surface + lamp * crop.specular[..., -1:]
    sure = crop.relightable * crop.coverage
    gain = _gain(relit_surface, surface, sure)
    kept = surface * (crop.coverage - sure) + background
    return LitScene(
        photo=photo,
        log_shading=_centred_log(shading, crop.coverage),
        relit=np.asarray(relit_surface * gain * sure + kept, np.float32),
        direction=crop.directions[plan.wanted],
        ambient=ambient,
        irradiance=irradiance[..., 0],
        nearness=nearness,
    )


def _with_near_lamps(crop: Crop, plan: LightPlan, nearness: float) -> Crop:
    """Return the view with its directional lamps as near as is planned."""
    factors = [
        near_light(crop, crop.directions[lamp], nearness if lamp < NUM_DIRECTIONAL else 0)
        for lamp in plan.lamps
    ]
    factor = np.concatenate(factors, axis=-1)
    far = np.concatenate(
        [crop.irradiance[..., :-1], crop.irradiance[..., -1:].clip(0, _MAX_IRRADIANCE)], axis=-1
    )
    return replace(crop, irradiance=far * factor, specular=crop.specular * factor)


def _photo_light(
    crop: Crop, plan: LightPlan, albedo: Plane, rng: np.random.Generator
) -> tuple[Plane, Plane]:
    """Return what arrives at each point, (s, s, 3), and the highlights, (s, s, 3)."""
    shading, highlights = np.zeros_like(albedo), np.zeros_like(albedo)
    gloss = rng.choice([0, 0.5, 1])
    for position, lamp in enumerate(plan.lamps[:-1]):
        color = _lamp_color(rng) * plan.weights[lamp]
        shading += crop.irradiance[..., position, None] * color
        if gloss:
            highlights += gloss * crop.specular[..., position, None] * color
    upwards = rng.normal(size=3)
    upwards[1] = abs(upwards[1])
    upwards /= np.linalg.norm(upwards)
    lean = 1 + rng.uniform(0, 0.8) * (crop.normals @ upwards.astype(np.float32))[..., None]
    open_sky = crop.occlusion ** np.float32(rng.uniform(0.7, 1.5))
    shading += open_sky * lean * _lamp_color(rng) * np.float32(plan.sky)
    if not plan.night:
        shade = outside_shadows(crop, rng)
        shading, highlights = shading * shade, highlights * shade
    covered = max(float(crop.coverage.mean()), 1e-3)
    bounced = (albedo * crop.coverage).mean((0, 1)) * (shading * crop.coverage).mean((0, 1))
    most = _DARK_BOUNCE if plan.is_dark else _BOUNCE
    bounce = np.float32(rng.uniform(0, most) / covered**2) * bounced
    return shading + bounce * (0.5 + 0.5 * crop.occlusion), np.float32(gloss) * highlights


def _behind(crop: Crop, surface: Plane, plan: LightPlan, rng: np.random.Generator) -> Plane:
    """Return what is seen past the surfaces and what glows, (s, s, 3).

    Radiance of the scene's own background is relative to its lamps. Where there is a lamp and no
    other light, most of what is behind is black or nearly so.
    """
    empty, dark = 1 - crop.coverage, plan.is_dark
    level = max(_mean_luminance(surface, crop.coverage), 1e-3)
    own = crop.background * np.float32(level * 3 * rng.uniform(0.5, 2))
    kept = plan.night or rng.random() < (0.5 if crop.background.any() else 0.4)
    if kept or empty.mean() < 0.02:
        return own * np.float32(0.03 if dark else 1)
    exponents = (-4, -1.2) if dark and rng.random() < 0.8 else (-0.7, 0.9)
    painted = backdrop(len(empty), rng) * np.float32(level * 10 ** rng.uniform(*exponents))
    return np.asarray(painted * empty, np.float32)


def _lamp_color(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a lamp's colour, (3,), its largest channel 1: mostly warm to cold, some any hue."""
    if rng.random() < 0.85:
        warmth = rng.normal(0, 0.35)
        color = np.array([1 + 0.55 * warmth, 1, 1 - 0.6 * warmth]).clip(0.2, 2)
    else:
        color = rng.random(3) + 0.15
    return np.asarray(color / color.max(), np.float32)


def _gain(relit: Plane, surface: Plane, share: Plane) -> np.float32:
    """Return the factor that keeps the mean luminance of what is relit."""
    before, after = _mean_luminance(surface, share), _mean_luminance(relit, share)
    return np.float32(np.clip(before / max(after, 1e-5), 0.02, 50))


def _mean_luminance(radiance: Plane, weight: Plane) -> float:
    return float((radiance @ _LUMINANCE * weight[..., 0]).sum() / max(weight.sum(), 1e-3))


def _centred_log(shading: Plane, coverage: Plane) -> Plane:
    log = np.log(np.maximum(shading @ _LUMINANCE, 1e-4))
    mean = (log * coverage[..., 0]).sum() / max(coverage.sum(), 1e-3)
    return np.asarray((log - mean).clip(-5, 3), np.float32)
