from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

from bench.roofline import profile
from bench.subject import inputs_of, shipped_model

_FLOPS_HZ = 1e3
_BYTES_HZ = 1e12  # so fast that the products alone count


def _one_node(tmp_path, op_type, weights, side_px, **attributes):
    """Write a graph of one convolution without a bias; return its path and its input."""
    given = np.zeros((1, 4, side_px, side_px), np.float32)
    graph = helper.make_graph(
        [helper.make_node(op_type, ["x", "w"], ["y"], "convolution", **attributes)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, given.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.zeros(weights, np.float32), "w")],
    )
    path = tmp_path / f"{op_type}.onnx"
    opset = helper.make_opsetid("", 17)
    save_model(helper.make_model(graph, opset_imports=[opset], ir_version=9), path)
    return path, {"x": given}


# Both multiply 4 channels of 8 x 8 pixels with 3 x 3 weights for each of 16 others.
@pytest.mark.parametrize(
    ("op_type", "weights", "side_px"),
    [("Conv", (16, 4, 3, 3), 16), ("ConvTranspose", (4, 16, 3, 3), 8)],
)
def test_the_floor_of_a_convolution_is_the_products_that_it_needs(
    tmp_path, op_type, weights, side_px
):
    path, inputs = _one_node(
        tmp_path, op_type, weights, side_px, strides=[2, 2], pads=[1, 1, 1, 1], kernel_shape=[3, 3]
    )
    kinds = profile(path, inputs, 1, _FLOPS_HZ, _BYTES_HZ)
    num_products = 4 * 16 * 3 * 3 * 8 * 8
    assert kinds[op_type].floor_s == pytest.approx(2 * num_products / _FLOPS_HZ)


def test_each_convolution_of_a_shipped_model_has_a_floor():
    path = shipped_model().parent / "drn-s.onnx"
    kinds = profile(path, inputs_of(path, 1, 64), 1, _FLOPS_HZ, _BYTES_HZ)
    assert kinds["ConvTranspose"].num_nodes > 0
    assert kinds["ConvTranspose"].floor_s > 0
    assert kinds["Conv"].floor_s > 0
