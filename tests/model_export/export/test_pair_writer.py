from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from model_export.checkpoint import CheckpointError
from model_export.export.pair_parity import run_light, run_scene
from model_export.export.pair_reader import pair_weights
from model_export.export.pair_writer import export_pair
from model_export.geometry_checkpoint import GeometryCheckpoint
from model_export.networks.drn_g import DrnG
from service.contract.golden import read_pair_golden, round_scene
from service.contract.pair import PARTS, PairContract
from service.inference.session import Session

pytestmark = pytest.mark.timeout(600)  # a trace with dynamic sizes takes half a minute of CPU


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    network = DrnG()
    for layer in network.modules():  # batch norms that do something
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return network.state_dict()


@pytest.fixture(scope="module")
def folder(weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    provenance = {"trained_on": "nothing", "license": "Apache-2.0", "metrics.local": 0.5}
    export_pair(
        GeometryCheckpoint(weights, provenance),
        "0" * 64,
        folder / "tiny.onnx",
        version="1.2.3",
        size_px=64,
        parity_shapes=[(48, 96)],
    )
    return folder


def test_both_files_make_the_same_promise(folder: Path) -> None:
    scene, light = (
        PairContract.from_metadata(Session(folder / f"tiny.{part}.onnx").metadata, part)
        for part in PARTS
    )

    assert scene == light
    assert (scene.name, scene.version, scene.removal) == ("tiny", "1.2.3", 0.7)
    assert scene.metrics == {"local": 0.5}


def test_the_golden_file_holds_the_output_of_the_network(
    folder: Path, weights: dict[str, torch.Tensor]
) -> None:
    network = DrnG().eval()
    network.load_state_dict(weights)

    golden = read_pair_golden(folder / "tiny.golden.npz")
    scene = run_scene(network, golden["image"][None])
    repeated = {key: np.repeat(value, 4, axis=0) for key, value in round_scene(scene).items()}
    lit = run_light(network, repeated | {key: golden[key] for key in ("light", "softness")})

    assert golden["normals"] == pytest.approx(scene["normals"], abs=1e-2)
    assert golden["irradiance"] == pytest.approx(lit["irradiance"], abs=1e-2)


def test_both_parts_together_light_a_photo_as_the_network_does(
    weights: dict[str, torch.Tensor],
) -> None:
    network = DrnG().eval()
    network.load_state_dict(weights)
    image = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), np.uint8)
    lamps = {"light": [[0.6, 0, 0.8], [-0.6, 0.64, 0.48]], "softness": [0, 0.5]}
    lamps = {name: np.array(values, np.float32) for name, values in lamps.items()}

    lit = run_light(network, run_scene(network, image) | lamps)
    with torch.inference_mode():
        photo = torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255
        structure = network.scene_reconversion(photo)
        light, softness = (torch.from_numpy(values) for values in lamps.values())
        arriving = network.shadow_prior(structure, light, softness)

    exact = arriving.irradiance[:, 0].numpy()
    assert np.ptp(exact) > 0.1
    np.testing.assert_allclose(lit["irradiance"], exact, rtol=1e-3, atol=1e-4)


def test_training_can_go_on_from_the_exported_files(
    folder: Path, weights: dict[str, torch.Tensor]
) -> None:
    read = pair_weights(folder / "tiny.scene.onnx")

    for name, exact in weights.items():
        if exact.is_floating_point():
            step = exact.abs().max() / 32767 + 1e-3 * (name == "rerenderer.removal")
            assert (read[name] - exact).abs().max() <= step, name


def test_a_file_of_another_network_is_not_learned_from(tmp_path: Path) -> None:
    graph = onnx.helper.make_graph([], "empty", [], [])
    for part in PARTS:
        onnx.save(onnx.helper.make_model(graph), tmp_path / f"other.{part}.onnx")

    with pytest.raises(CheckpointError, match="lack"):
        pair_weights(tmp_path / "other.scene.onnx")


def test_files_name_no_path_of_the_machine_that_made_them(folder: Path) -> None:
    for part in PARTS:
        assert str(Path.cwd()).encode() not in (folder / f"tiny.{part}.onnx").read_bytes()
