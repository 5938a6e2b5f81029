"""What the networks of the comparison promise: the papers' shapes, at any width."""

import pytest
import torch

from model_export.networks.architectures import ARCHITECTURES, build
from model_export.networks.retinex import RetinexNet, _roughness

TINY_ONES = [name for name in ARCHITECTURES if name.endswith("-xs")]


def photos(n=2, height=48, width=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, height, width, generator=generator) * 2 - 1


def num_parameters(name):
    with torch.device("meta"):
        return sum(weight.numel() for weight in build(name).parameters())


def test_every_method_of_the_paper_has_its_three_sizes():
    methods = {"drn", "pix2pix", "shadadv", "bpae", "u-net", "retinex-net"}
    assert set(ARCHITECTURES) == {f"{m}{size}" for m in methods for size in ("", "-s", "-xs")}


@pytest.mark.parametrize("name", TINY_ONES)
def test_a_network_returns_a_picture_of_the_same_size_in_range(name):
    torch.manual_seed(0)
    with torch.no_grad():
        relit = build(name).eval()(photos())
    assert relit.shape == (2, 3, 48, 32)
    assert relit.abs().max() <= 1


@pytest.mark.parametrize("name", TINY_ONES)
def test_photos_of_a_batch_do_not_see_each_other(name):
    torch.manual_seed(0)
    network = build(name).eval()
    pictures = photos()
    with torch.no_grad():
        together, alone = network(pictures), network(pictures[1:])
    torch.testing.assert_close(together[1:], alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", TINY_ONES)
def test_every_weight_of_a_network_can_learn(name):
    torch.manual_seed(0)
    network = build(name)
    network(photos(1)).square().mean().backward()
    heads = ("scene_reconversion.head", "shadow_prior.head")  # of DRN's first two stages
    idle = [n for n, w in network.named_parameters() if w.grad is None and not n.startswith(heads)]
    assert idle == []


@pytest.mark.parametrize("name", [n for n in TINY_ONES if not n.startswith("drn")])
def test_a_size_that_cannot_be_halved_four_times_is_refused(name):
    with pytest.raises(ValueError, match="multiple of 16"):
        build(name)(photos(1, 40, 32))


def test_the_originals_widths_give_the_originals_numbers_of_parameters():
    assert num_parameters("u-net") == pytest.approx(31.0e6, rel=0.01)  # Ronneberger's 64 to 1024
    # nine residual blocks of two 512x512x3x3, four halvings and doublings, both 7x7
    assert num_parameters("pix2pix") == pytest.approx(46.8e6, rel=0.02)
    assert num_parameters("pix2pix") == num_parameters("shadadv")
    # the paper's shadow prior is this network
    assert num_parameters("bpae") == 58_508_547
    assert num_parameters("retinex-net") == pytest.approx(0.45e6, rel=0.1)


def test_a_reflectance_shared_by_two_lights_costs_nothing():
    torch.manual_seed(0)
    net = RetinexNet(4)
    dark = photos(2)
    alike = net.decomposition.own_losses(dark, dark)
    assert alike["reflectance"] == 0
    torch.testing.assert_close(alike["cross_reconstruction"], alike["reconstruction"])
    assert net.decomposition.own_losses(dark, dark.flip(-1))["reflectance"] > 0


def test_light_may_change_where_the_surface_does():
    step = torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1
    flat, edged = torch.full((1, 3, 8, 8), 0.5), step.expand(1, 3, 8, 8)
    assert _roughness(step, edged) < 0.01 * _roughness(step, flat)
    assert _roughness(flat[:, :1], flat) == 0
