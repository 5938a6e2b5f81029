"""Messages of the Open Inference Protocol."""

from __future__ import annotations


def message(shape, datatype, *, data=None, size=None, **members) -> dict:
    tensor = {"name": "image", "shape": list(shape), "datatype": datatype}
    if data is not None:
        tensor["data"] = data
    if size is not None:
        tensor["parameters"] = {"binary_data_size": size}
    return {"inputs": [tensor], **members}
