"""Checks that a file has the inputs and outputs of its graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from relight.errors import ModelRefused
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME, ModelContract
from service.contract.pair import LIGHT_INPUTS, LIGHT_OUTPUTS, SCENE_OUTPUTS, Shapes
from service.inference.session import Engine, TensorSpec

_ELEMENT_TYPES: Final = {"float16": "tensor(float16)", "float32": "tensor(float)"}
_IMAGE: Final = TensorSpec("tensor(uint8)", ("n", "h", "w", 3))
_FIXED: Final = "c"  # a dimension that a file may fix as it likes


def check_whole(contract: ModelContract, engine: Engine) -> None:
    """Hold a "relight/1" graph against `service.contract.metadata`.

    Raises:
        ModelRefused: a name, type or shape is another than promised.
    """
    inputs = {INPUT_NAME: _IMAGE}
    if len(contract.lights) > 1:
        inputs[LIGHT_NAME] = TensorSpec("tensor(int64)", ("n",))
    relit = TensorSpec(_ELEMENT_TYPES[contract.precision], ("n", "h", "w", 3))
    _check(engine, inputs, {OUTPUT_NAME: relit})


def check_pair(scene: Engine, light: Engine) -> None:
    """Hold the graphs of a pair against `service.contract.pair`.

    Raises:
        ModelRefused: a name, type or shape is another than promised.
    """
    _check(scene, {INPUT_NAME: _IMAGE}, floats(SCENE_OUTPUTS))
    _check(light, floats(LIGHT_INPUTS), floats(LIGHT_OUTPUTS))
    made, taken = (e["features"].shape[1] for e in (scene.outputs, light.inputs))
    if not isinstance(made, int) or made != taken:
        raise ModelRefused(f"the scene has {made} features, the light graph takes {taken}")


def floats(shapes: Shapes, num_features: int | str = _FIXED) -> Mapping[str, TensorSpec]:
    """Return the tensors of a graph of a pair, with so many features."""
    return {
        name: TensorSpec("tensor(float)", tuple(num_features if d == _FIXED else d for d in dims))
        for name, dims in shapes.items()
    }


def _check(
    engine: Engine, inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec]
) -> None:
    for kind, promised, found in (
        ("input", inputs, engine.inputs),
        ("output", outputs, engine.outputs),
    ):
        if set(found) != set(promised):
            raise ModelRefused(f"its {kind}s are {sorted(found)}, not {sorted(promised)}")
        for name, spec in promised.items():
            if not _keeps(found[name], spec):
                raise ModelRefused(f"{kind} {name!r} is {found[name]}, not {spec}")


def _keeps(found: TensorSpec, promised: TensorSpec) -> bool:
    """Return whether a tensor is as promised: a dynamic dimension must not be fixed."""
    return (
        found.type == promised.type
        and len(found.shape) == len(promised.shape)
        and all(
            not isinstance(has, int) or wants in {has, _FIXED}
            for has, wants in zip(found.shape, promised.shape, strict=True)
        )
    )
