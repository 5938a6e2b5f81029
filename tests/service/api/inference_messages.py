"""Messages of the Open Inference Protocol, and how they are sent."""

from __future__ import annotations

import json

import httpx

from tests import http_client as http

MODEL = "tiny-E-4500"
PATH = f"/v2/models/{MODEL}"
LENGTH = "Inference-Header-Content-Length"


def message(shape, datatype, *, data=None, size=None, **members) -> dict:
    tensor = {"name": "image", "shape": list(shape), "datatype": datatype}
    if data is not None:
        tensor["data"] = data
    if size is not None:
        tensor["parameters"] = {"binary_data_size": size}
    return {"inputs": [tensor], **members}


def infer(url: str, body: dict, binary: bytes = b"", **headers: str) -> httpx.Response:
    text = json.dumps(body).encode()
    if binary:
        headers[LENGTH] = str(len(text))
    return http.post(f"{url}{PATH}/infer", content=text + binary, headers=headers)


def element(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def infer_files(url: str, *photos: bytes, **parameters: object) -> httpx.Response:
    binary = b"".join(map(element, photos))
    parameters = {"binary_data_output": True} | parameters
    body = message([len(photos)], "BYTES", size=len(binary), parameters=parameters)
    return infer(url, body, binary)
