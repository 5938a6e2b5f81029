import pytest
import torch

from model_export.networks.blocks import (
    DownBackProjection,
    ExposureModulation,
    ModulatedResidualBlock,
    PhotoGate,
    UpBackProjection,
)
from model_export.networks.drn import (
    ARCHITECTURES,
    DILATIONS,
    Drn,
    MultiScalePerception,
    ReRenderer,
    SceneReconversion,
    ShadowPrior,
    build,
)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build("drn-xs").eval()


def picture(n, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, height, width, generator=generator) * 2 - 1


def num_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_papers_network_has_the_papers_size():
    with torch.device("meta"):
        network = build("drn")
    heads = (network.scene_reconversion.head, network.shadow_prior.head)
    assert num_parameters(network) == 117_389_481
    assert num_parameters(network.scene_reconversion) == 58_527_011
    assert num_parameters(network.shadow_prior) == 58_508_547
    assert num_parameters(network.rerenderer) == 353_923
    assert sum(map(num_parameters, heads)) == 9_414


def test_the_small_network_has_its_size():
    with torch.device("meta"):
        assert num_parameters(build("drn-s")) == 7_348_401


def test_an_unknown_architecture_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'drn-m' is not one of drn, drn-s"):
        build("drn-m")


def test_every_architecture_divides_its_channels_among_the_branches():
    for architecture in ARCHITECTURES.values():
        assert 2 * architecture.rerender_width % len(DILATIONS) == 0


def test_a_picture_goes_in_and_a_picture_of_its_size_comes_out(network):
    relit = network(picture(2, 48, 80))
    assert relit.shape == (2, 3, 48, 80)
    assert relit.min() >= -1
    assert relit.max() <= 1
    assert relit.std() > 0


@pytest.mark.parametrize("part", [Drn(2, 4), SceneReconversion(2), ShadowPrior(2)])
@pytest.mark.parametrize(
    ("height", "width", "complaint"),
    [
        (48, 72, "72x48 px has a side that is not a multiple of 16"),
        (50, 64, "64x50 px has a side that is not a multiple of 16"),
        (16, 64, "64x16 px has a side below 32"),
    ],
)
def test_a_size_that_cannot_be_halved_four_times_is_refused(part, height, width, complaint):
    with pytest.raises(ValueError, match=complaint):
        part(picture(1, height, width))


def test_the_smallest_allowed_picture_is_relit(network):
    assert network(picture(1, 32, 32)).isfinite().all()


@pytest.mark.parametrize(
    ("block", "channels", "shape"),
    [
        (DownBackProjection(4), 4, (8, 8, 12)),
        (UpBackProjection(4), 4, (2, 32, 48)),
        (ModulatedResidualBlock(4), 4, (4, 16, 24)),
        (MultiScalePerception(8), 8, (8, 16, 24)),
    ],
)
def test_blocks_change_channels_and_size_as_in_the_paper(block, channels, shape):
    assert block(torch.rand(1, channels, 16, 24)).shape[1:] == shape


def test_sub_networks_give_features_and_their_heads_give_pictures(network):
    for part in (network.scene_reconversion, network.shadow_prior):
        features = part(picture(1, 32, 48))
        assert features.shape == (1, 2, 32, 48)
        image = part.picture(features)
        assert image.shape == (1, 3, 32, 48)
        assert image.abs().max() <= 1


def test_relighting_needs_every_weight_but_the_heads():
    network = build("drn-xs")
    network(picture(1, 32, 32)).mean().backward()
    idle = {name for name, weight in network.named_parameters() if weight.grad is None}
    heads = {"scene_reconversion.head.0", "shadow_prior.head.0"}
    assert idle == {f"{head}.{kind}" for head in heads for kind in ("weight", "bias")}


def test_neighbours_in_a_batch_change_nothing(network):
    network = network.double()
    batch = picture(3, 48, 64).double()
    together = network(batch)
    for k in range(3):
        torch.testing.assert_close(network(batch[k : k + 1])[0], together[k], atol=1e-9, rtol=0)
    network.float()


def test_training_and_evaluation_compute_the_same():
    network, photo = build("drn-xs"), picture(1, 32, 48)
    torch.testing.assert_close(network.train()(photo), network.eval()(photo), atol=0, rtol=0)


def test_a_bias_in_front_of_a_norm_changes_nothing():
    block, x = DownBackProjection(4).double(), torch.rand(1, 4, 16, 16).double()
    before = block(x)
    for name, parameter in block.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.uniform_(parameter)
    torch.testing.assert_close(block(x), before, atol=1e-9, rtol=0)


def test_structure_and_light_are_not_interchangeable():
    rerenderer, photo = ReRenderer(2, 4), picture(1, 32, 32)
    structure, light = torch.rand(2, 1, 2, 32, 32)
    relit = rerenderer(structure, light, photo)
    assert not torch.allclose(relit, rerenderer(light, structure, photo))


def test_a_network_of_several_lights_sees_how_bright_and_how_tinted_a_photo_is():
    network = build("drn-xs", 2).eval().double()
    torch.nn.init.normal_(network.rerenderer.exposure.modulation.weight)
    photo, light = picture(1, 48, 64).double(), torch.tensor([0])
    relit = network(photo, light)
    tint = torch.tensor([0.2, 0.0, -0.2]).view(1, 3, 1, 1).double()
    for other in (photo * 0.5, photo * 0.5 - 0.5, photo * 0.5 + tint):
        assert (network(other, light) - relit).abs().max() > 1e-3


@pytest.mark.parametrize("block", [ExposureModulation(4), PhotoGate(4)])
def test_parts_beyond_the_paper_start_as_the_identity(block):
    features = torch.rand(2, 4, 16, 24)
    assert torch.equal(block(features, picture(2, 16, 24)), features)


def test_an_open_gate_lets_each_pixel_of_the_photo_through_at_its_place():
    gate, features, photo = PhotoGate(4), torch.rand(1, 4, 32, 32), picture(1, 32, 32)
    torch.nn.init.ones_(gate.gate.bias)
    changed = photo.clone()
    changed[..., 16, 16] += 0.5
    moved = (gate(features, changed) - gate(features, photo)).abs().amax(dim=(0, 1)) > 1e-6
    assert moved.nonzero().min() >= 15  # a 3x3 neighbourhood and no more
    assert moved.nonzero().max() <= 17
    assert moved[16, 16]


def test_the_papers_network_of_one_light_sees_only_the_contrasts_of_a_photo():
    network, photo = build("drn-xs").eval().double(), picture(1, 48, 64).double()
    relit, darker, other = map(network, (photo, photo * 0.5 - 0.5, picture(1, 48, 64, 1).double()))
    assert (darker - relit).abs().mean() < 0.1 * (other - relit).abs().mean()
