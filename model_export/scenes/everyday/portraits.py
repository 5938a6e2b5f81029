"""Layouts of one figure that fills the picture: people, animals, statues, things."""

from __future__ import annotations

from model_export.scenes.everyday import skies
from model_export.scenes.everyday.animals import animal_head, beast, bird
from model_export.scenes.everyday.bodies import (
    Composition,
    Context,
    Rng,
    Thing,
    fitted,
    moved,
    random_turn,
    standing,
)
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.figures import figure
from model_export.scenes.everyday.figurines import in_one_material
from model_export.scenes.everyday.people import person, statue
from model_export.scenes.everyday.selection import any_thing
from model_export.scenes.everyday.things import shape
from model_export.scenes.everyday.walls import curtain, ground, wall
from model_export.scenes.shapes import rotation


def _before_something(
    rng: Rng, layout: str, thing: Thing, focus: tuple[float, float, float], reach: float
) -> Composition:
    """Put a wall, a curtain, things out of the middle or nothing behind."""
    bodies = list(thing)
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        at = (rng.normal(0, 2.0), rng.uniform(2.5, 6), rng.normal(0, 1.0))
        bodies += moved(shape(rng), at, size=rng.uniform(0.3, 1), turn=random_turn(rng))
    pick = rng.random()
    if pick < 0.35:
        bodies += wall(rng, 30, (0, rng.uniform(1.6, 8), 0), yaw=rng.normal(0, 0.3))
    elif pick < 0.42:
        bodies += curtain(rng, 24, (0, rng.uniform(2, 6), 0))
    pitch = float(rng.normal(0.04, 0.13))
    lens = (15.0, 50.0)
    return Composition(
        layout=layout,
        bodies=bodies,
        camera=looking_at(rng, focus, reach=reach, pitch=pitch, field_of_view_deg=lens),
        reach=reach,
        grounded=False,
        low_sun=rng.random() < 0.2,
        sky=skies.any_background(rng),
    )


def _on_ground(
    rng: Rng,
    layout: str,
    bodies: Thing,
    *,
    focus: tuple[float, float, float],
    reach: float,
    pitch: float,
) -> Composition:
    """Look at what stands on the ground, at times under a low sun."""
    return Composition(
        layout=layout,
        bodies=bodies,
        camera=looking_at(rng, focus, reach=reach, pitch=pitch, lowest=0.1),
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.4,
        sky=skies.any_background(rng),
    )


def person_layout(rng: Rng, context: Context) -> Composition:
    """A face, a head or a bust; every fourth one of stone or clay; at times two people."""
    thing = statue(rng) if rng.random() < 0.27 else person(rng)
    crop = rng.random()
    if crop < 0.25:
        focus, reach = (rng.normal(0, 0.2), 0.0, rng.normal(-0.15, 0.2)), rng.uniform(0.55, 0.9)
    elif crop < 0.7:
        focus, reach = (rng.normal(0, 0.2), 0.0, rng.normal(-0.25, 0.15)), rng.uniform(1.0, 1.5)
    else:
        focus, reach = (rng.normal(0, 0.3), 0.0, rng.normal(-1.0, 0.2)), rng.uniform(1.7, 2.6)
        if rng.random() < 0.3:
            side = rng.choice([-1, 1]) * rng.uniform(2.6, 3.4)
            thing = thing + moved(person(rng), (side, rng.uniform(0, 1.5), rng.normal(0, 0.3)))
    return _before_something(rng, "person", thing, focus, reach)


def face_layout(rng: Rng, context: Context) -> Composition:
    """A face that fills the picture, seen from the front, at times without its outline."""
    maker = statue if rng.random() < 0.15 else person
    focus = (rng.normal(0, 0.06), 0.0, rng.normal(-0.2, 0.08))
    reach = rng.uniform(0.68, 1.1)
    return _before_something(rng, "face", maker(rng, turned=0.4), focus, reach)


def animal_layout(rng: Rng, context: Context) -> Composition:
    """The head of an animal, or a whole one on the ground."""
    if rng.random() < 0.6:
        focus = (rng.normal(0, 0.15), 0.0, rng.normal(0, 0.15))
        return _before_something(rng, "animal", animal_head(rng), focus, rng.uniform(0.7, 1.3))
    thing = beast(rng) if rng.random() < 0.7 else bird(rng)
    bodies = [*standing(thing, 0, 0, -0.02), ground(rng, 16)]
    if rng.random() < 0.4:
        bodies += wall(rng, 30, (0, rng.uniform(2, 6), 0))
    reach = rng.uniform(0.8, 1.2)
    focus = (0.0, 0.0, rng.uniform(0.4, 0.7))
    pitch = float(rng.uniform(0.03, 0.5))
    return _on_ground(rng, "animal", bodies, focus=focus, reach=reach, pitch=pitch)


def figure_layout(rng: Rng, context: Context) -> Composition:
    """A person from head to foot or from the hips up, or a statue of one, at times two of them."""
    carved = rng.random() < 0.45
    height, pitch = float(rng.uniform(1.6, 2.2)), float(rng.uniform(-0.05, 0.35))
    bodies: Thing = []
    for k in range(rng.choice([1, 1, 1, 2, 3])):
        one = fitted(in_one_material(rng, figure(rng)) if carved else figure(rng))
        one = moved(one, turn=rotation(rng.normal(0, 0.7)), size=height / 2)
        at = (k * rng.choice([-1, 1]) * rng.uniform(0.7, 1.3), k * rng.uniform(-0.2, 0.8))
        bodies += standing(one, *at, -0.01)
    bodies.append(ground(rng, 24))
    if rng.random() < 0.6:
        bodies += wall(rng, 40, (0, rng.uniform(0.7, 8), 0), yaw=rng.normal(0, 0.3))
    reach = height * rng.uniform(0.3, 0.7)
    focus = (rng.normal(0, 0.1), 0.0, max(reach * 0.8, height * rng.uniform(0.4, 0.8)))
    return _on_ground(rng, "figure", bodies, focus=focus, reach=reach, pitch=pitch)


def closeup(rng: Rng, context: Context) -> Composition:
    """A thing that fills the picture."""
    thing = fitted(any_thing(rng))
    focus = (0.0, 0.0, float(rng.normal(0, 0.15)))
    return _before_something(rng, "closeup", thing, focus, rng.uniform(0.6, 1.2))
