"""Weights in 16 bits: half the file, float32 arithmetic."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx_ir as ir

_INT16_MAX: Final = 32767
# The layers of few weights see the most pixels: rounding theirs makes nearly all of the difference.
_MIN_NARROWED_SHARE: Final = 1 / 460  # of all weights


def narrow_weights(graph: ir.Graph) -> None:
    """Store the large weights as 16-bit integers, and widen them in front of their use.

    w = s q,  q in -32767...32767,  one s for each slice of the first axis
    """
    tensors = {name: weight.const_value for name, weight in graph.initializers.items()}
    num_weights = sum(tensor.size for tensor in tensors.values() if tensor is not None)
    for name, exact in tensors.items():
        if exact is None or exact.dtype != ir.DataType.FLOAT:
            continue
        if exact.size < _MIN_NARROWED_SHARE * num_weights:
            continue
        weight = graph.initializers[name]
        values = exact.numpy()
        peak = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
        scale = np.maximum(peak / _INT16_MAX, np.finfo(np.float32).tiny)
        steps = np.rint(values / scale).astype(np.int16)
        stored = [
            ir.val(part, const_value=ir.tensor(array, name=part))
            for part, array in ((f"{name}.steps", steps), (f"{name}.scale", scale))
        ]
        cast = ir.node("Cast", [stored[0]], attributes={"to": ir.DataType.FLOAT})
        widened = ir.node("Mul", [cast.outputs[0], stored[1]])
        weight.replace_all_uses_with(widened.outputs[0])
        del graph.initializers[name]
        for value in stored:
            graph.register_initializer(value)
        graph.insert_before(graph[0], (cast, widened))
