"""A tiny real pair of graphs, whose light can be predicted.

normals      (2 (R - B), G - 1/2, 1), made of unit length
relief       mean of R, G, B
log_shading  relief - 1/2
relightable  0 where the picture is blue to the brim, else 1
irradiance   (1 - softness) max(normals . light, 0) + softness / 2
residual     0.2 x, with x from -1/2 at the left to 1/2 at the right: it is not symmetric
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper, save_model

from service.contract.pair import (
    LIGHT_INPUTS,
    LIGHT_OUTPUTS,
    SCENE_OUTPUTS,
    PairContract,
    Part,
    Shapes,
)

NUM_FEATURES = 3
PAIR = PairContract(
    name="tiny-pair",
    version="1",
    size_px=64,
    pair_sha256="a" * 64,
    checkpoint_sha256="0" * 64,
    trained_on="nothing",
    license="Apache-2.0",
    elevation_deg=30.0,
    softness=0.2,
    ambient=0.15,
    removal=0.5,
    metrics={"dataset": "none", "local": 0.5},
)


def write_pair(
    folder: Path,
    *,
    metadata: Mapping[str, Mapping[str, str]] | None = None,
    asymmetry: float = 0.2,
    **changes: Any,
) -> tuple[Path, Path]:
    """Write both files of a pair; return their paths.

    Args:
        folder: where to.
        metadata: by part, instead of those of `PAIR`.
        asymmetry: how far the residual is from symmetric.
        changes: of `PAIR`.
    """
    contract = replace(PAIR, **changes)
    promises = {part: contract.to_metadata(part) for part in ("scene", "light")}
    promises |= metadata or {}
    paths = (folder / f"{contract.name}.scene.onnx", folder / f"{contract.name}.light.onnx")
    graphs: tuple[tuple[Part, Any], ...] = (("scene", _scene()), ("light", _light(asymmetry)))
    for path, (part, graph) in zip(paths, graphs, strict=True):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        helper.set_model_props(model, dict(promises[part]))
        save_model(model, path)
    return paths


def normals_of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the normals that the tiny scene graph reads from (h, w, 3)."""
    red, green, blue = np.moveaxis(pixels / 255, -1, 0)
    raw = np.stack([2 * (red - blue), green - 0.5, np.ones_like(red)], axis=-1)
    unit: NDArray[np.float64] = raw / np.linalg.norm(raw, axis=-1, keepdims=True)
    return unit


def _scene() -> Any:
    constants = {"white": 255.0, "half": 0.5, "two": 2.0, "brim": 0.99, "one": 1.0, "zero": 0.0}
    nodes = [
        _node("Cast", "image", "codes", to=TensorProto.FLOAT),
        _node("Div", "codes white", "unit"),
        _node("Split", "unit", "red green blue", axis=3, num_outputs=3),  # (n, h, w, 1)
        _node("Sub", "red blue", "tilt"),
        _node("Mul", "tilt two", "x"),
        _node("Sub", "green half", "y"),
        _node("Mul", "x zero", "nothing"),
        _node("Add", "nothing one", "z"),
        _node("Concat", "x y z", "raw", axis=3),
        _node("ReduceL2", "raw last", "length", keepdims=1),
        _node("Div", "raw length", "normals"),
        _node("ReduceMean", "unit last", "relief", keepdims=0),
        _node("Sub", "relief half", "log_shading"),
        _node("Squeeze", "z last", "occlusion"),
        _node("Squeeze", "blue last", "blues"),
        _node("Less", "blues brim", "below"),
        _node("Cast", "below", "relightable", to=TensorProto.FLOAT),
        _node("Transpose", "unit", "planes", perm=[0, 3, 1, 2]),
        _node("AveragePool", "planes", "features", kernel_shape=[2, 2], strides=[2, 2]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    return helper.make_graph(
        nodes, "scene", [image], _infos(SCENE_OUTPUTS), _constants(constants, last=[-1])
    )


def _light(asymmetry: float) -> Any:
    constants = {"zero": 0.0, "one": 1.0, "half": 0.5, "skew": asymmetry}
    nodes = [
        _node("Unsqueeze", "light middle", "lamps"),  # (n, 1, 1, 3)
        _node("Mul", "normals lamps", "products"),
        _node("ReduceSum", "products last", "cosine", keepdims=0),
        _node("Relu", "cosine", "hard"),
        _node("Unsqueeze", "softness middle", "soft"),  # (n, 1, 1)
        _node("Sub", "one soft", "rest"),
        _node("Mul", "hard rest", "directed"),
        _node("Mul", "soft half", "even"),
        _node("Add", "directed even", "irradiance"),
        _node("Shape", "relief", "shape"),
        _node("Gather", "shape columns_at", "columns"),
        _node("Cast", "columns", "width", to=TensorProto.FLOAT),
        _node("Range", "zero width one", "places"),
        _node("Div", "places width", "share"),
        _node("Sub", "share half", "x"),
        _node("Mul", "x skew", "slope"),
        _node("Mul", "relief zero", "flat"),
        _node("Add", "flat slope", "residual"),
    ]
    return helper.make_graph(
        nodes,
        "light",
        _infos(LIGHT_INPUTS),
        _infos(LIGHT_OUTPUTS),
        _constants(constants, last=[-1], middle=[1, 2], columns_at=2),
    )


def _node(op: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def _constants(floats: Mapping[str, float], **whole: int | list[int]) -> Sequence[TensorProto]:
    constants: dict[str, Any] = {name: np.float32(value) for name, value in floats.items()}
    constants |= {name: np.array(value, np.int64) for name, value in whole.items()}
    return [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]


def _infos(shapes: Shapes) -> Sequence[Any]:
    return [
        helper.make_tensor_value_info(
            name, TensorProto.FLOAT, [NUM_FEATURES if d == "c" else d for d in shape]
        )
        for name, shape in shapes.items()
    ]
