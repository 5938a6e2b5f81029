"""Rewrites an exported graph into the form that ONNX Runtime runs fastest on a CPU.

Its quick convolutions and resizing work on blocks of 16 channels, and it leaves a node out of them
that it cannot prove to fit. All weights stay in the file as they were trained: what is added to
them here is constant, so the runtime computes it once, when it loads the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np
import onnx_ir as ir
from onnxscript import optimizer

_BLOCK: Final = 16  # fewer input channels than this are quick as they are
_ALIGNMENT: Final = 4  # more must be a multiple of this
_DOUBLE: Final = (1.0, 1.0, 2.0, 2.0)  # n, c, h, w
_MULTIPLE: Final = re.compile(r"(?:(\d+)\*)?[a-z]\w*")  # of a height or width: "8*h"


def suit_runtime(model: ir.Model) -> None:
    """Rewrite a graph in place; its results stay the same but for rounding.

    A convolution whose joined input has too few channels for whole blocks sees some of them twice,
    the second time with weights of 0. Convolutions of one input that together fill no block become
    one. A resizing that doubles names its factor instead of a size,
    but not one whose input was rounded up to whole pixels. Softplus becomes functions that the
    runtime computes on whole vectors.
    """
    graph = model.graph
    for node in list(graph):
        if rewrite := _REWRITES.get(node.op_type):
            rewrite(graph, node)
    optimizer.remove_unused_nodes(model)


def _suit_convolution(graph: ir.Graph, convolution: ir.Node) -> None:
    _align_channels(graph, convolution)
    _join_small(graph, convolution)


def _align_channels(graph: ir.Graph, convolution: ir.Node) -> None:
    seen, weight = convolution.inputs[:2]
    assert seen is not None and weight is not None and weight.shape is not None
    join, num_channels = seen.producer(), weight.shape[1]
    assert isinstance(num_channels, int)
    num_missing = -num_channels % _ALIGNMENT
    if num_channels < _BLOCK or not num_missing or join is None or join.op_type != "Concat":
        return
    planes = next(part for part in join.inputs if _size(part, 1) >= num_missing)
    again = _insert(
        convolution,
        "Slice",
        [planes, *(_constant(graph, [n], np.int64) for n in (0, num_missing, 1))],
    )
    joined = _insert(convolution, "Concat", [*join.inputs, again], {"axis": 1})
    after_the_last = [0] * 5 + [num_missing, 0, 0]
    padded = _insert(convolution, "Pad", [weight, _constant(graph, after_the_last, np.int64)])
    convolution.replace_input_with(0, joined)
    convolution.replace_input_with(1, padded)


def _join_small(graph: ir.Graph, convolution: ir.Node) -> None:
    seen = convolution.inputs[0]
    assert seen is not None
    alike = [user for user in seen.consumers() if _stands_beside(user, convolution)]
    sizes = [_size(user.inputs[1], 0) for user in alike]
    if len(alike) < 2 or sum(sizes) > _BLOCK or alike[0] is not convolution:
        return
    weights, biases = (
        _insert(convolution, "Concat", [user.inputs[place] for user in alike], {"axis": 0})
        for place in (1, 2)
    )
    joined = _insert(convolution, "Conv", [seen, weights, biases], convolution.attributes)
    for end, size, user in zip(accumulate(sizes), sizes, alike, strict=True):
        bounds = [_constant(graph, [n], np.int64) for n in (end - size, end, 1)]
        own = _insert(convolution, "Slice", [joined, *bounds])
        user.outputs[0].replace_all_uses_with(own)


def _stands_beside(node: ir.Node, convolution: ir.Node) -> bool:
    """Return whether a node is a convolution that differs in its weights and bias alone."""
    if node.op_type != "Conv" or not len(node.inputs) == len(convolution.inputs) == 3:
        return False
    weight, own = node.inputs[1], convolution.inputs[1]
    return (
        {name: x.value for name, x in node.attributes.items()}
        == {name: x.value for name, x in convolution.attributes.items()}
        and not node.outputs[0].is_graph_output()
        and weight is not None
        and own is not None
        and weight.shape is not None
        and own.shape is not None
        and weight.shape[1:] == own.shape[1:]
    )


def _size(value: ir.Value | None, axis: int) -> int:
    """Return the size of an axis; 0 where it is not known."""
    size = value.shape[axis] if value is not None and value.shape is not None else None
    return size if isinstance(size, int) else 0


def _name_factor(graph: ir.Graph, resize: ir.Node) -> None:
    before, after = resize.inputs[0], resize.outputs[0]
    if before is None or before.shape is None or after.shape is None:
        return
    sizes = [(_factor(before.shape[axis]), _factor(after.shape[axis])) for axis in (2, 3)]
    if any(old is None or new != 2 * old for old, new in sizes):
        return
    resize.replace_input_with(2, _constant(graph, _DOUBLE, np.float32))
    resize.replace_input_with(3, None)


def _factor(size: int | ir.SymbolicDim) -> int | None:
    """Return a size, or its factor in front of a height or width; None for a rounded one."""
    if isinstance(size, int):
        return size
    multiple = _MULTIPLE.fullmatch(str(size.value))
    return int(multiple[1] or 1) if multiple else None


def _spell_out_softplus(graph: ir.Graph, softplus: ir.Node) -> None:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    x = softplus.inputs[0]
    power = _insert(softplus, "Exp", [_insert(softplus, "Neg", [_insert(softplus, "Abs", [x])])])
    raised = _insert(softplus, "Add", [power, _constant(graph, 1.0, np.float32)])
    bend, ramp = _insert(softplus, "Log", [raised]), _insert(softplus, "Relu", [x])
    softplus.outputs[0].replace_all_uses_with(_insert(softplus, "Add", [ramp, bend]))


def _insert(
    before: ir.Node,
    op_type: str,
    inputs: Sequence[ir.Value | None],
    attributes: Mapping[str, Any] | None = None,
) -> ir.Value:
    node = ir.node(op_type, inputs, attributes)
    before.prepend(node)
    return node.outputs[0]


def _constant(graph: ir.Graph, value: Any, dtype: type[np.generic]) -> ir.Value:
    name = f"form_{len(graph.initializers)}"
    constant = ir.val(name, const_value=ir.tensor(np.array(value, dtype), name=name))
    graph.register_initializer(constant)
    return constant


_REWRITES: Final[Mapping[str, Callable[[ir.Graph, ir.Node], None]]] = {
    "Conv": _suit_convolution,
    "Resize": _name_factor,
    "Softplus": _spell_out_softplus,
}
