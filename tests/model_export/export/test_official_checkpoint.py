"""The authors' file: names and shapes are theirs (`published_keys.json`), the values are ours."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from model_export.checkpoint import CheckpointError, load
from model_export.export.official_checkpoint import (
    from_official_checkpoint,
    import_official_checkpoint,
)
from model_export.networks.drn import build

PUBLISHED_KEYS = json.loads((Path(__file__).parent / "published_keys.json").read_text())


@pytest.fixture
def published():
    """The full file: each tensor holds its own number, and takes the memory of one."""
    return {
        name: torch.tensor(float(k)).expand(shape) for k, (name, shape) in enumerate(PUBLISHED_KEYS)
    }


@pytest.fixture
def small_published():
    """Random weights under the authors' names, at a sixteenth of the channels (`drn-xs`)."""
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, (out, *rest) in PUBLISHED_KEYS:
        channels = [c if c == 3 else c // 16 for c in (out, *rest[:1])]
        weights[name] = torch.randn(*channels, *rest[1:], generator=generator).double() * 0.3
    return weights


def test_every_weight_is_filled_by_one_of_theirs_and_none_is_left(published):
    ours = from_official_checkpoint(published)
    with torch.device("meta"):
        expected = build("drn").state_dict()
    assert {name: t.shape for name, t in ours.items()} == {n: t.shape for n, t in expected.items()}
    assert sorted(t.flatten()[0].item() for t in ours.values()) == list(range(len(published)))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("scene_reconversion.stem.0.weight", "toHDR.inlayer.1.weight"),
        ("scene_reconversion.encoder.3.decode.0.bias", "toHDR.encoder.3.conv2.deconv.bias"),
        ("scene_reconversion.skip.0.weight", "toHDR.shortconect.1.weight"),
        ("scene_reconversion.head.0.weight", "toHDR.out.1.weight"),
        ("shadow_prior.bottleneck.8.body.1.weight", "estLight.manipulate.8.conv_block.5.weight"),
        ("shadow_prior.decoder.2.encode.0.weight", "estLight.decoder.2.conv2.conv.weight"),
        ("shadow_prior.head.0.bias", "estLight.decoder.5.bias"),
        ("rerenderer.light_adapter.0.weight", "estLight_channel.1.weight"),
        ("rerenderer.perception.branches.7.0.weight", "comb.branch8.conv.weight"),
        ("rerenderer.paint.0.bias", "out.1.bias"),
    ],
)
def test_a_weight_keeps_its_place(published, ours, theirs):
    assert from_official_checkpoint(published)[ours] is published[theirs]


def test_the_loaded_network_computes_the_papers_network(small_published):
    network = build("drn-xs").double()
    network.load_state_dict(from_official_checkpoint(small_published, "drn-xs"))
    photo = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1)).double() * 2 - 1
    torch.testing.assert_close(network(photo), paper(small_published, photo), atol=1e-8, rtol=0)


def test_the_prefix_of_parallel_training_is_dropped(published):
    prefixed = {f"module.{name}": tensor for name, tensor in published.items()}
    assert from_official_checkpoint(prefixed).keys() == from_official_checkpoint(published).keys()


def test_a_missing_and_a_foreign_weight_are_named(published):
    published["decoder.9.weight"] = published.pop("comb.fusion.fc.0.weight")
    with pytest.raises(CheckpointError) as caught:
        from_official_checkpoint(published)
    assert "1 missing (comb.fusion.fc.0.weight)" in str(caught.value)
    assert "1 unknown (decoder.9.weight)" in str(caught.value)


def test_a_network_of_another_width_is_refused(published):
    published["out.1.weight"] = torch.zeros(3, 32, 7, 7)
    with pytest.raises(CheckpointError, match=r"'out\.1\.weight' has the shape \(3, 32, 7, 7\)"):
        from_official_checkpoint(published)


@pytest.mark.parametrize("wrap", [dict, lambda weights: {"state_dict": weights, "epoch": 20}])
def test_a_file_becomes_a_checkpoint_with_its_source(tmp_path, small_published, wrap):
    torch.save(wrap(small_published), tmp_path / "latest_net_G.pth")
    import_official_checkpoint(tmp_path / "latest_net_G.pth", tmp_path / "drn.pt", "drn-xs")
    checkpoint = load(tmp_path / "drn.pt")
    assert checkpoint.lights == ("E-4500",)
    assert checkpoint.provenance["source"] == "latest_net_G.pth"
    paint = checkpoint.weights["rerenderer.paint.0.weight"]
    assert torch.equal(paint, small_published["out.1.weight"])


def test_a_wrong_file_leaves_no_checkpoint(tmp_path):
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "resnet.pth")
    with pytest.raises(CheckpointError, match="270 missing"):
        import_official_checkpoint(tmp_path / "resnet.pth", tmp_path / "drn.pt")
    assert not (tmp_path / "drn.pt").exists()


def paper(weights, photo):
    """The paper's network written down a second time, straight from the authors' names."""

    def conv(x, name, *, reflect=0, dilation=1, **options):
        x = F.pad(x, (reflect,) * 4, mode="reflect")
        bias = weights[f"{name}.bias"]
        return F.conv2d(x, weights[f"{name}.weight"], bias, dilation=dilation, **options)

    def block(x, name, **options):
        return F.relu(F.instance_norm(conv(x, name, **options)))

    def doubled(x, name):
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return F.relu(F.instance_norm(F.conv_transpose2d(x, weight, bias, stride=2, padding=1)))

    def halved(x, name):
        return block(x, name, stride=2, padding=1)

    def hourglass(x, root):
        for k in range(4):
            name = f"{root}.encoder.{k}"
            z = halved(x, f"{name}.conv1.conv")
            lost = block(x, f"{name}.local_weight1.conv") - doubled(z, f"{name}.conv2.deconv")
            x = block(z, f"{name}.local_weight2.conv") + halved(lost, f"{name}.conv3.conv")
        for k in range(9):
            name = f"{root}.manipulate.{k}.conv_block"
            x = x + F.instance_norm(conv(block(x, f"{name}.1", reflect=1), f"{name}.5", reflect=1))
        for k in range(4):
            name = f"{root}.decoder.{k}"
            h = doubled(x, f"{name}.conv1.deconv")
            off = block(x, f"{name}.local_weight1.conv") - halved(h, f"{name}.conv2.conv")
            x = block(h, f"{name}.local_weight2.conv") + doubled(off, f"{name}.conv3.deconv")
        return x

    stem = block(photo, "toHDR.inlayer.1", reflect=3)
    both = torch.cat([stem, hourglass(stem, "toHDR")], dim=1)
    structure = F.relu(conv(both, "toHDR.shortconect.1", reflect=1))
    light = hourglass(block(photo, "estLight.inlayer.1", reflect=3), "estLight")

    structure = F.relu(conv(structure, "toHDR_channel.1", reflect=1))
    light = F.relu(conv(light, "estLight_channel.1", reflect=1))
    x = torch.cat([structure, light], dim=1)
    branches = [
        block(x, f"comb.branch{k}.conv", reflect=dilation, dilation=dilation)
        for k, dilation in enumerate((2, 3, 4, 5, 6, 8, 10, 12), start=1)
    ]
    u = torch.cat(branches, dim=1)
    mean = block(u, "comb.fusion.mergeFeather.conv", padding=1).mean(dim=(2, 3))
    squeezed = F.relu(mean @ weights["comb.fusion.fc.0.weight"].T)
    gate = torch.sigmoid(squeezed @ weights["comb.fusion.fc.2.weight"].T)
    fused = block(u * (1 + gate[..., None, None]), "comb.fusion.outlayer.conv")
    return torch.tanh(conv(light + fused, "out.1", reflect=3))
