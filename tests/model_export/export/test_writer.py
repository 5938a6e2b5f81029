"""The exported file, run by ONNX Runtime. An export takes ten seconds, so tests share three."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
import torch

from model_export.checkpoint import CheckpointError
from model_export.export.graph import PixelGraph
from model_export.export.parity import ParityError, probe_images, prove_parity, relight
from model_export.export.reader import initial_weights
from model_export.export.writer import EXACT_ATOL, ROUNDED_ATOL, export_onnx
from model_export.networks.drn import build
from relight.errors import ModelRefused
from relight.lights import Light
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME, ModelContract
from tests.model_export.untrained import untrained

SHAPES = ((64, 96), (96, 48))
OPTIONS = {"name": "drn-xs-E-4500", "version": "1.2.3", "parity_shapes": SHAPES}
CHECKSUM = "ab" * 32


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The tensors are too small for two threads to help each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def checkpoint():
    return untrained(
        **{
            "trained_on": "nothing at all",
            "size_px": 256,
            "steps.relight": 12_000,
            "metrics.dataset": "60 held-out scenes",
            "metrics.psnr_db": 17.5,
            "metrics.psnr_db_margin": 0.4,
        }
    )


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "drn-xs.onnx"
    export_onnx(checkpoint, CHECKSUM, path, **OPTIONS)
    return path


@pytest.fixture(scope="module")
def of_three_lights():
    return untrained(("N-4500", "E-4500", "S-4500"), size_px=256)


@pytest.fixture(scope="module")
def several(of_three_lights, tmp_path_factory):
    """The file of three lights, with weights and pixels of 16 bits."""
    path = tmp_path_factory.mktemp("several") / "drn-xs.onnx"
    export_onnx(of_three_lights, CHECKSUM, path, precision="float16", **OPTIONS)
    return path


@pytest.fixture(scope="module")
def exact(of_three_lights, tmp_path_factory):
    """The file of three lights, with weights and pixels of 32 bits."""
    path = tmp_path_factory.mktemp("exact") / "drn-xs.onnx"
    export_onnx(of_three_lights, CHECKSUM, path, narrow_weights=False, **OPTIONS)
    return path


@pytest.fixture(scope="module")
def session(exported):
    return ort.InferenceSession(exported, providers=["CPUExecutionProvider"])


def run(session, images):
    return session.run([OUTPUT_NAME], {INPUT_NAME: images})[0]


@pytest.mark.parametrize("shape", [(64, 64), (48, 112), (128, 80)])
def test_the_graph_agrees_with_the_network_at_sizes_it_was_not_traced_at(
    checkpoint, session, shape
):
    network = checkpoint.network()
    for image in probe_images(*shape):
        relit = run(session, image[None])[0]
        np.testing.assert_allclose(relit, relight(network, image), atol=ROUNDED_ATOL, rtol=0)


def test_with_exact_weights_only_the_order_of_sums_differs(of_three_lights, exact):
    difference = prove_parity(of_three_lights.network(), exact.read_bytes(), SHAPES, EXACT_ATOL)
    assert difference <= EXACT_ATOL


def test_neighbours_in_a_batch_change_nothing(session):
    images = probe_images(64, 80)
    together = run(session, images)
    for image, relit in zip(images, together, strict=True):
        np.testing.assert_allclose(run(session, image[None])[0], relit, atol=1e-6, rtol=0)


def test_pixels_go_in_and_pixels_come_out(session):
    (image,), (relit,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", ["n", "h", "w", 3])
    assert (relit.name, relit.type, relit.shape) == ("relit", "tensor(float)", ["n", "h", "w", 3])
    pixels = run(session, probe_images(48, 64))
    assert pixels.shape == (3, 48, 64, 3)
    assert pixels.min() >= 0
    assert pixels.max() <= 1


def test_the_file_carries_its_contract(session):
    contract = ModelContract.from_metadata(session.get_modelmeta().custom_metadata_map)
    assert contract == ModelContract(
        name="drn-xs-E-4500",
        version="1.2.3",
        lights=(Light("E", 4500),),
        size_px=256,
        precision="float32",
        checkpoint_sha256=CHECKSUM,
        trained_on="nothing at all",
        license="Apache-2.0",
        metrics={"dataset": "60 held-out scenes", "psnr_db": 17.5, "psnr_db_margin": 0.4},
    )


def test_the_card_describes_the_file(exported):
    card = exported.with_suffix(".md").read_text()
    for fact in (
        "# drn-xs-E-4500 1.2.3",
        hashlib.sha256(exported.read_bytes()).hexdigest(),
        CHECKSUM,
        "nothing at all",
        "| steps.relight | 12000 |",
        "| psnr_db | 17.5 ± 0.4 |",
        "Apache-2.0",
        "## Not for",
    ):
        assert fact in card


def test_onnx_runtime_loads_and_runs_it_without_a_warning(exported, capfd):
    options = ort.SessionOptions()
    options.log_severity_level = 2  # warnings and worse
    run(ort.InferenceSession(exported, options), probe_images(32, 48))
    output, errors = capfd.readouterr()
    assert output + errors == ""


def test_no_weight_is_widened_anew_in_each_run(exported, tmp_path):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    ort.InferenceSession(exported, options)
    loaded = onnx.load(tmp_path / "loaded.onnx").graph
    assert sum(node.op_type == "Cast" for node in loaded.node) == 1  # the uint8 pixels'
    assert sum(node.op_type == "Mul" for node in loaded.node) == 1  # the gate's


def test_16_bits_a_weight_make_the_file_half_as_large(several, exact):
    widest = max(onnx.load(exact).graph.initializer, key=lambda weight: len(weight.raw_data))
    assert several.stat().st_size < 0.75 * exact.stat().st_size  # small tensors stay wide
    narrow = {w.name: len(w.raw_data) for w in onnx.load(several).graph.initializer}
    assert narrow[f"{widest.name}.steps"] == len(widest.raw_data) / 2


def test_the_file_reveals_nothing_about_the_machine_that_wrote_it(exported):
    content = exported.read_bytes()
    assert b".py" not in content
    assert b"File " not in content


@pytest.mark.parametrize(("file", "precision"), [("several", "float16"), ("exact", "float32")])
def test_the_output_has_the_promised_precision(request, file, precision):
    session = ort.InferenceSession(request.getfixturevalue(file))
    contract = ModelContract.from_metadata(session.get_modelmeta().custom_metadata_map)
    assert contract.precision == precision
    feeds = {INPUT_NAME: probe_images(32, 32), LIGHT_NAME: np.arange(3)}
    assert session.run([OUTPUT_NAME], feeds)[0].dtype == precision


def test_a_graph_that_disagrees_is_not_written(checkpoint, exported, tmp_path, monkeypatch):
    graph = SimpleNamespace(model=ir.load(exported))  # of other weights than those of `broken`
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: graph)
    broken = {**checkpoint.weights}
    broken["shadow_prior.stem.0.weight"] = broken["shadow_prior.stem.0.weight"] * torch.nan
    out = tmp_path / "broken.onnx"
    out.write_bytes(b"the model before")
    with pytest.raises(ParityError, match="graph and network differ by nan at 96x64 px"):
        export_onnx(
            replace(checkpoint, weights=broken), CHECKSUM, out, narrow_weights=False, **OPTIONS
        )
    assert out.read_bytes() == b"the model before"
    assert list(tmp_path.iterdir()) == [out]


def test_the_graph_of_other_weights_is_found_out(exported):
    torch.manual_seed(1)
    with pytest.raises(ParityError, match=r"is allowed"):
        prove_parity(build("drn-xs").eval(), exported.read_bytes(), SHAPES, ROUNDED_ATOL)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"provenance": {"size_px": 256}}, "provenance lacks trained_on, license"),
    ],
)
def test_a_checkpoint_that_cannot_keep_a_contract_is_refused(
    checkpoint, tmp_path, change, complaint
):
    with pytest.raises(CheckpointError, match=complaint):
        export_onnx(replace(checkpoint, **change), CHECKSUM, tmp_path / "x.onnx", **OPTIONS)


def test_a_model_of_several_lights_gets_an_index_for_each_picture(of_three_lights, several):
    session = ort.InferenceSession(several, providers=["CPUExecutionProvider"])
    image = probe_images(64, 48)[1]
    lights = np.array([2, 0, 1])
    (relit,) = session.run(None, {INPUT_NAME: np.stack([image] * 3), LIGHT_NAME: lights})
    for light, picture in zip(lights, relit, strict=True):
        expected = relight(of_three_lights.network(), image, int(light))
        np.testing.assert_allclose(picture, expected, atol=ROUNDED_ATOL, rtol=0)
    assert np.abs(relit[0] - relit[1]).max() > 10 * ROUNDED_ATOL


def test_the_scene_reconversion_never_knows_the_wanted_light(of_three_lights):
    assert not [
        name
        for name in of_three_lights.weights
        if "table" in name and not name.startswith(("shadow_prior.", "rerenderer."))
    ]


@pytest.mark.parametrize("file", ["several", "exact"])
def test_training_can_go_on_with_the_weights_of_an_exported_file(request, of_three_lights, file):
    read = initial_weights(request.getfixturevalue(file))
    missing = set(of_three_lights.weights) - set(read)
    assert all(name.endswith(".bias") or ".head." in name for name in missing)
    network = build("drn-xs", 3)
    network.load_state_dict({**network.state_dict(), **read})
    image = probe_images(64, 48)[1]
    expected = relight(of_three_lights.network(), image, 1)
    np.testing.assert_allclose(relight(network.eval(), image, 1), expected, atol=ROUNDED_ATOL)


def test_weights_are_not_read_from_another_file(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(CheckpointError):
        initial_weights(tmp_path / "x.onnx")


def test_an_unknown_precision_is_refused(checkpoint, tmp_path):
    with pytest.raises(ModelRefused, match="'int8' is not one of"):
        export_onnx(checkpoint, CHECKSUM, tmp_path / "x.onnx", precision="int8", **OPTIONS)


def test_the_rewrites_change_nothing(checkpoint):
    image = torch.from_numpy(probe_images(64, 96))
    photo = image.permute(0, 3, 1, 2).double() / 127.5 - 1
    expected = (checkpoint.network().double()(photo).permute(0, 2, 3, 1) + 1) / 2
    network = PixelGraph(checkpoint.network(), torch.float64).network.double()
    rewritten = (network(photo).permute(0, 2, 3, 1) + 1) / 2
    torch.testing.assert_close(rewritten, expected, atol=1e-9, rtol=0)
