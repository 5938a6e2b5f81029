from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest

from model_export.export.runtime_form import suit_runtime

_GRAPH = """
<ir_version: 10, opset_import: ["" : 20]>
form (float[1,20,12,16] photo, float[1,3,12,16] lamp) => (float[1,8,HEIGHT,WIDTH] relit)
{
    seen = Concat <axis = 1> (photo, lamp)
    size = Constant <value = int64[4] {1, 8, HEIGHT, WIDTH}> ()
    read = Conv <pads = [1, 1, 1, 1]> (seen, weight)
    large = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (read, , , size)
    bent = Softplus (large)
    relit = Neg (bent)
}
"""


def document(height_px: int = 24, width_px: int = 32) -> onnx.ModelProto:
    text = _GRAPH.replace("HEIGHT", str(height_px)).replace("WIDTH", str(width_px))
    made = onnx.parser.parse_model(text)
    weight = np.random.default_rng(0).normal(0, 1, (8, 23, 3, 3)).astype(np.float32)
    made.graph.initializer.append(onnx.numpy_helper.from_array(weight, "weight"))
    return onnx.shape_inference.infer_shapes(made)


_HEADS = """
<ir_version: 10, opset_import: ["" : 20]>
heads (float[1,20,12,16] photo, float[1,3,12,16] lamp)
    => (float[1,A,12,16] shade, float[1,B,12,16] glow, float[1,1,10,14] inner)
{
    a = Conv <pads = [1, 1, 1, 1]> (photo, a_weight, a_bias)
    b = Conv <pads = [1, 1, 1, 1]> (photo, b_weight, b_bias)
    inner = Conv (photo, c_weight, c_bias)
    shade = Neg (a)
    glow = Neg (b)
}
"""


def heads(num_shades: int, num_glows: int) -> onnx.ModelProto:
    sizes = {"a": num_shades, "b": num_glows, "c": 1}
    made = onnx.parser.parse_model(
        _HEADS.replace("A]", f"{num_shades}]").replace("B]", f"{num_glows}]")
    )
    rng = np.random.default_rng(0)
    for name, size in sizes.items():
        for kind, shape in (("weight", (size, 20, 3, 3)), ("bias", (size,))):
            values = rng.normal(0, 1, shape).astype(np.float32)
            made.graph.initializer.append(onnx.numpy_helper.from_array(values, f"{name}_{kind}"))
    return onnx.shape_inference.infer_shapes(made)


def suited(made: onnx.ModelProto) -> onnx.ModelProto:
    model = ir.from_proto(made)
    suit_runtime(model)
    changed = ir.to_proto(model)
    onnx.checker.check_model(changed, full_check=True)
    return changed


def run(made: onnx.ModelProto, path: str | None = None) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    inputs = {
        name: rng.normal(0, 3, (1, num_channels, 12, 16)).astype(np.float32)
        for name, num_channels in (("photo", 20), ("lamp", 3))
    }
    options = ort.SessionOptions()
    options.log_severity_level = 3  # it warns that an optimised file is for this machine alone
    if path:
        options.optimized_model_filepath = path
    session = ort.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)


@pytest.mark.parametrize(
    "made",
    [document(24, 32), document(23, 32), document(24, 31), heads(2, 1), heads(9, 8)],
    ids=["doubled", "nearly", "nearly", "small heads", "large heads"],
)
def test_the_form_of_a_graph_does_not_change_what_it_makes(made):
    for changed, exact in zip(run(suited(made)), run(made), strict=True):
        np.testing.assert_allclose(changed, exact, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("num_glows", "num_left"), [(14, 2), (15, 3)])
def test_convolutions_of_one_input_that_fit_a_block_become_one(num_glows, num_left):
    nodes = suited(heads(2, num_glows)).graph.node
    assert [node.op_type for node in nodes].count("Conv") == num_left


def test_the_weights_stay_as_they_were_trained():
    made = document()
    weights = {tensor.name: tensor for tensor in suited(made).graph.initializer}
    assert weights["weight"] == made.graph.initializer[0]


def test_the_runtime_runs_convolution_and_resizing_on_blocks_of_channels(tmp_path):
    path, made = tmp_path / "optimised.onnx", document()
    run(made, str(path))
    before = [node.domain for node in onnx.load(path).graph.node]
    run(suited(made), str(path))
    after = [node.op_type for node in onnx.load(path).graph.node if "nchwc" in node.domain]
    assert not any("nchwc" in domain for domain in before)
    assert {"Conv", "Upsample"} <= set(after)
