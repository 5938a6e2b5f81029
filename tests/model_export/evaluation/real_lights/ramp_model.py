"""A tiny real model of contract "relight/1": it lights the side that is asked for."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper, save_model

from relight.lights import Light
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME
from tests.service.stand_ins import contract

SLOPES = {"E": 0.8, "W": -0.8, "N": 0.1, "S": -0.1}  # of the gain from left to right


def write_ramp_model(path: Path, directions: str = "EWNS") -> Path:
    """Write image * (0.5 + slope * (column / width - 0.5)), with a slope for each light."""
    floats = {"zero": 0.0, "one": 1.0, "white": 255.0, "half": 0.5}
    constants = [helper.make_tensor(n, TensorProto.FLOAT, [], [v]) for n, v in floats.items()]
    slopes = [SLOPES[direction] for direction in directions]
    constants += [
        helper.make_tensor("slopes", TensorProto.FLOAT, [len(slopes)], slopes),
        helper.make_tensor("columns_at", TensorProto.INT64, [], [2]),
        helper.make_tensor("channel_axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("picture_axes", TensorProto.INT64, [3], [1, 2, 3]),
    ]
    steps = [
        ("Cast", INPUT_NAME, "codes"),
        ("Div", "codes white", "unit"),
        ("Shape", INPUT_NAME, "shape"),
        ("Gather", "shape columns_at", "columns"),
        ("Cast", "columns", "width"),
        ("Range", "zero width one", "x"),
        ("Div", "x width", "share"),
        ("Sub", "share half", "beside"),
        ("Unsqueeze", "beside channel_axis", "besides"),  # (w, 1)
        ("Gather", f"slopes {LIGHT_NAME}", "slope"),  # (n,)
        ("Unsqueeze", "slope picture_axes", "steepness"),  # (n, 1, 1, 1)
        ("Mul", "besides steepness", "more"),  # (n, 1, w, 1)
        ("Add", "more half", "gain"),
        ("Mul", "unit gain", OUTPUT_NAME),
    ]
    nodes = [
        helper.make_node(kind, given.split(), [made], **_attributes(kind))
        for kind, given, made in steps
    ]
    dims = ["n", "h", "w", 3]
    graph = helper.make_graph(
        nodes,
        "ramp",
        [
            helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, dims),
            helper.make_tensor_value_info(LIGHT_NAME, TensorProto.INT64, ["n"]),
        ],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, dims)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    lights = tuple(Light(direction, 4500) for direction in directions)
    promise = contract(name=path.stem, lights=lights, size_px=64, softness_px=0.5)
    helper.set_model_props(model, promise.to_metadata())
    save_model(model, path)
    return path


def _attributes(kind: str) -> dict[str, int]:
    return {"to": TensorProto.FLOAT} if kind == "Cast" else {}
