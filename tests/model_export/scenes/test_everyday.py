"""Things of everyday scenes: sound meshes, sound surfaces, textures that go along."""

import numpy as np
import pytest

from model_export.scenes.everyday import (
    animals,
    facades,
    figurines,
    food,
    garden,
    goods,
    hair,
    indoors,
    people,
    pictures,
    props,
    skies,
    tableware,
    things,
)
from model_export.scenes.everyday.bodies import bounds, fitted, moved, random_turn
from model_export.scenes.everyday.lumps import ellipsoid
from model_export.scenes.everyday.radial import radial
from model_export.scenes.everyday.vessels import turned
from model_export.scenes.plants import bush

MAKERS = (
    animals.animal_head,
    animals.beast,
    animals.bird,
    figurines.drape,
    figurines.figurine,
    food.bread,
    food.cake,
    food.fruit,
    food.meal,
    garden.blossom,
    goods.books,
    goods.bouquet,
    goods.car,
    goods.figure,
    goods.lamp,
    goods.plush,
    goods.shoe,
    hair.glasses,
    hair.hat,
    indoors.sofa,
    people.person,
    people.statue,
    tableware.bottle,
    tableware.cup,
    tableware.pot,
    things.shape,
)


def front(rng):
    return facades.facade(rng, 6.0, night=True)[0]


def shrub(rng):
    return props.dressed(rng, bush(rng, 1.0))


def framed(rng):
    return pictures.framed(rng, pictures.painted(rng), 1.0)


def screen(rng):
    return pictures.screen(rng, pictures.painted(rng), 1.0)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("maker", [*MAKERS, front, shrub, framed, screen], ids=lambda m: m.__name__)
def test_every_thing_has_a_sound_mesh_and_a_sound_surface(maker, seed):
    for body in maker(np.random.default_rng(seed)):
        mesh = body.mesh
        assert np.isfinite(mesh.positions).all() and len(mesh.faces) > 0
        assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.positions)
        assert mesh.normals.shape == mesh.positions.shape
        length = np.linalg.norm(mesh.normals[np.unique(mesh.faces)], axis=1)
        assert (np.abs(length - 1) < 1e-3).mean() > 0.98
        albedo = body.texture(mesh.positions, mesh.uvs)
        assert albedo.shape == mesh.positions.shape
        assert albedo.min() >= 0 and albedo.max() <= 1
        assert 0 <= body.relightable <= 1 and body.specular >= 0
        if body.glow is not None:
            assert body.glow(mesh.positions, mesh.uvs).min() >= 0


def test_a_texture_goes_along_with_its_body():
    rng = np.random.default_rng(3)
    thing = tableware.cup(rng)
    there = moved(thing, (3.0, -2.0, 1.0), size=0.4, turn=random_turn(rng))
    for before, after in zip(thing, there, strict=True):
        wanted = before.texture(before.mesh.positions, before.mesh.uvs)
        given = after.texture(after.mesh.positions, after.mesh.uvs)
        assert np.abs(given - wanted).mean() < 0.01


def test_a_fitted_thing_fills_the_cube_from_minus_one_to_one():
    low, high = bounds(fitted(goods.car(np.random.default_rng(1))))
    assert (high - low).max() == pytest.approx(2)
    assert np.allclose(low + high, 0, atol=1e-9)


def test_turned_things_face_outwards_and_have_edges():
    mesh = turned(np.array([(0, 0), (1, 0), (1, 1), (0, 1)]))
    outward = ((mesh.positions - [0, 0, 0.5]) * mesh.normals).sum(axis=1)
    assert outward.min() == pytest.approx(0.5)
    assert np.allclose(np.abs(mesh.normals[:, 2]).round(9) % 1, 0)


def test_rays_from_inside_find_the_surface():
    mesh = radial([ellipsoid((0, 0, 0), (1.0, 0.6, 0.8))], start=2, blend=0.1, num_rings=40)
    inside = mesh.positions / [1.0, 0.6, 0.8]
    assert np.abs(np.linalg.norm(inside, axis=1) - 1).max() < 0.02
    assert ((mesh.positions * mesh.normals).sum(axis=1) > 0).mean() > 0.99


def test_a_print_shows_its_picture_and_has_no_relief():
    picture = np.zeros((8, 8, 3)) + 0.1
    picture[:4, 4:] = 0.8  # above, to the right
    shown = pictures.printed(picture, (2.0, 2.0))
    corners = np.array([(-0.9, 0, 0.9), (0.9, 0, 0.9), (-0.9, 0, -0.9), (0.9, 0, -0.9)])
    assert shown(corners, corners[:, :2])[:, 0] == pytest.approx([0.1, 0.8, 0.1, 0.1])
    front = pictures.framed(np.random.default_rng(0), picture, 2.0)[0].mesh
    towards = front.normals[front.positions[:, 1] < -0.0099]
    assert (towards[:, 1] < -0.99).any()


@pytest.mark.parametrize(
    "maker",
    [
        skies.darkness,
        skies.plain_background,
        skies.bright_background,
        skies.blurred_background,
        skies.open_sky,
        skies.night_sky,
    ],
)
def test_skies_send_light_from_everywhere(maker):
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(500, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for _ in range(5):
        radiance = maker(rng)(directions.astype(np.float32))
        assert radiance.shape == (500, 3)
        assert np.isfinite(radiance).all() and radiance.min() >= 0 and radiance.max() < 60
