from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_export.networks.drn_g import Arriving, DrnG, ReRenderer, Structure
from model_export.networks.near_lamp import lamp_from_each_pixel
from model_export.networks.ray_march import ray_march

sides_px = st.integers(2, 8).map(lambda n: 16 * n)


@pytest.fixture(scope="module")
def network() -> DrnG:
    torch.manual_seed(0)
    return DrnG().eval()


@torch.inference_mode()
@given(height_px=sides_px, width_px=sides_px)
def test_every_multiple_of_16_is_read_and_lit(network: DrnG, height_px: int, width_px: int) -> None:
    photo = torch.rand(2, 3, height_px, width_px)
    light = torch.nn.functional.normalize(torch.randn(2, 3), dim=1)

    structure = network.scene_reconversion(photo)
    arriving = network.shadow_prior(structure, light, torch.zeros(2))

    size = (height_px, width_px)
    assert structure.features.shape[2:] == (height_px // 2, width_px // 2)
    assert {plane.shape[2:] for plane in structure[:5]} == {size}
    lengths = structure.normals.norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))
    assert arriving.irradiance.shape == (2, 1, *size)
    assert arriving.irradiance.min() >= 0


def test_a_wall_throws_its_shadow_away_from_the_lamp() -> None:
    relief = torch.zeros(1, 1, 64, 64)
    relief[..., 28:36] = 0.5
    soft = torch.zeros(1)

    from_right = ray_march(relief, _unit(1, 0, 0.5), soft).visibility[0, 0]
    from_left = ray_march(relief, _unit(-1, 0, 0.5), soft).visibility[0, 0]

    assert from_right[:, 20:27].mean() < 0.2
    assert from_right[:, 37:44].mean() > 0.95
    torch.testing.assert_close(from_left, from_right.flip(1), atol=1e-4, rtol=0)


def test_flat_ground_and_light_from_the_camera_have_no_shadow() -> None:
    bumps = torch.rand(1, 1, 32, 48)

    assert ray_march(torch.zeros_like(bumps), _unit(1, 1, 1), torch.zeros(1)).visibility.min() == 1
    assert ray_march(bumps, _unit(0, 0, 1), torch.zeros(1)).visibility.min() == 1


def test_shadows_of_upright_and_lying_pictures_have_the_same_length() -> None:
    """Lengths are in units of the picture's mean side, whatever its shape."""
    lying, upright = torch.zeros(1, 1, 32, 96), torch.zeros(1, 1, 96, 32)
    lying[..., 46:50] = 0.4
    upright[..., 46:50, :] = 0.4

    across = ray_march(lying, _unit(1, 0, 0.5), torch.zeros(1)).visibility[0, 0, 16]
    down = ray_march(upright, _unit(0, -1, 0.5), torch.zeros(1)).visibility[0, 0, :, 16]

    assert (across < 0.5).sum() > 3
    assert abs(int((across < 0.5).sum()) - int((down < 0.5).sum())) <= 1


def test_surfaces_that_are_not_relightable_stay_as_they_are() -> None:
    structure, arriving = _scene(relightable=0.0)

    ratio = ReRenderer()(structure, arriving, torch.tensor([0.2]))

    assert (ratio == 0).all()


def test_the_log_ratio_is_that_of_wanted_light_and_own_light() -> None:
    structure, arriving = _scene(relightable=1.0)
    rerenderer = ReRenderer()

    ratio = rerenderer(structure, arriving, torch.tensor([0.2]))

    light = 0.2 * structure.occlusion + 0.8 * arriving.irradiance
    expected = light.log() - rerenderer.removal * structure.log_shading
    torch.testing.assert_close(ratio, expected)


def test_a_far_lamp_shines_alike_everywhere_and_a_near_one_fades() -> None:
    relief, light = torch.rand(1, 1, 32, 32), _unit(1, 0, 0.5)

    sun = lamp_from_each_pixel(relief, light, torch.zeros(1, 1, 1, 1))
    lamp = lamp_from_each_pixel(relief, light, torch.full((1, 1, 1, 1), 0.5))

    torch.testing.assert_close(sun.falloff, torch.ones_like(sun.falloff))
    torch.testing.assert_close(sun.towards[0, :, 5, 7], light[0])
    assert (lamp.falloff[..., 31] > 1.5 * lamp.falloff[..., 0]).all()
    # Seen from the right edge, the lamp stands less far to the right.
    assert (lamp.towards[0, 0, :, 31] < lamp.towards[0, 0, :, 0]).all()


def _scene(*, relightable: float) -> tuple[Structure, Arriving]:
    torch.manual_seed(0)
    plane = torch.rand(1, 1, 32, 32)
    normals = torch.zeros(1, 3, 32, 32)
    normals[:, 2] = 1
    share = torch.full_like(plane, relightable)
    structure = Structure(
        normals, plane, plane - 0.5, plane + 0.1, share, torch.rand(1, 25, 16, 16)
    )
    return structure, Arriving(torch.rand(1, 1, 32, 32) + 0.1, torch.rand(1, 16, 16, 16))


def _unit(x: float, y: float, z: float) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.tensor([[float(x), float(y), float(z)]]), dim=1)
