"""Messages of the Open Inference Protocol that are refused, each with its reason."""

from __future__ import annotations

import base64

import pytest

from tests import http_client as http
from tests.service.api.inference_messages import LENGTH, PATH, element, infer, infer_files, message
from tests.service.calls import problem_of


@pytest.mark.parametrize(
    ("body", "binary", "code"),
    [
        ({}, b"", "invalid_tensor"),
        ({"inputs": []}, b"", "invalid_tensor"),
        (message([1], "BYTES"), b"", "invalid_tensor"),
        (message([1], "FP32", data=[1.0]), b"", "invalid_tensor"),
        (message([1], "BYTES", data=["~"]), b"", "invalid_tensor"),
        (message([1], "BYTES", data=[7]), b"", "invalid_tensor"),
        (message([2], "BYTES", data=["aaaa"]), b"", "invalid_tensor"),
        (message([0], "BYTES", data=[]), b"", "invalid_tensor"),
        (message([10**9], "BYTES", size=8), b"\0" * 8, "invalid_tensor"),
        (message([1], "BYTES", size=8), b"\0" * 8, "invalid_tensor"),
        (message([1], "BYTES", size=9), element(b"abc"), "invalid_tensor"),
        (message([1], "BYTES", size=4), b"\xff" * 4, "invalid_tensor"),
        (message([1, 2, 2, 3], "UINT8", data=[[1, 2], [3]]), b"", "invalid_tensor"),
        (message([1, 1, 1, 3], "UINT8", data=[1, 2, 256]), b"", "invalid_tensor"),
        (message([1, 1, 1, 3], "UINT8", data=[1, 2, 0.5]), b"", "invalid_tensor"),
        (message([1, 1, 1, 3], "UINT8", data=["1", "2", "3"]), b"", "invalid_tensor"),
        (message([2, 2, 3], "UINT8", size=12), b"\0" * 12, "invalid_tensor"),
        (message([1, 2, 2, 3], "UINT8", size=12), b"\0" * 12, "image_too_small"),
        (message([1, 2, 2, 3], "UINT8", size=12, parameters={"format": "png"}), b"\0" * 12,
         "invalid_option"),
        (message([1], "BYTES", size=7, parameters={"model": "x"}), element(b"abc"),
         "invalid_option"),
        (message([1], "BYTES", size=7, parameters={"timeout": "x"}), element(b"abc"),
         "invalid_option"),
        (message([1], "BYTES", data=["aaaa"], surprise=1), b"", "invalid_tensor"),
    ],
)  # fmt: skip
def test_malformed_requests_are_refused_as_the_protocol_demands(url, body, binary, code):
    refused = infer(url, body, binary)
    assert (problem_of(refused)["code"], refused.status_code // 100) == (code, 4)
    assert refused.json()["error"] == refused.json()["detail"]


@pytest.mark.parametrize("length", ["-1", "x", "99999999", "9" * 40])
def test_a_length_beyond_the_body_is_refused(url, length):
    refused = infer(url, {"inputs": []}, **{LENGTH: length})
    assert problem_of(refused)["code"] == "invalid_tensor"


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b"[1]", b'{"inputs": 1e999}'])
def test_json_other_than_an_object_is_refused(url, text):
    refused = http.post(f"{url}{PATH}/infer", content=text)
    assert problem_of(refused)["code"] == "invalid_tensor"


HALF = "\ud800"  # of a surrogate pair: JSON may escape it, and no text can hold it


@pytest.mark.parametrize(
    "change",
    [
        {"id": HALF},
        {"model_name": HALF},
        {"parameters": {HALF: 1}},
        {"parameters": {"direction": HALF}},
        {"outputs": [{"name": HALF}]},
        {"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [HALF]}]},
        {
            "inputs": [
                {"name": "image", "shape": [1], "datatype": "BYTES", "data": [""]}
                | {"parameters": {HALF: 1}}
            ]
        },
        {HALF: 1},
    ],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(url, png, change):
    body = message([1], "BYTES", data=[base64.b64encode(png).decode()]) | change
    refused = infer(url, body)
    assert (problem_of(refused)["code"], refused.status_code) == ("invalid_tensor", 400)


@pytest.mark.parametrize("timeout", [True, False, 0, -1, 1.5, 2**63, 10**400, "1", 1e400])
def test_a_time_limit_that_is_no_number_of_microseconds_is_refused(url, png, timeout):
    refused = infer_files(url, png, timeout=timeout)
    assert (refused.status_code, problem_of(refused)["code"]) == (422, "invalid_option")


@pytest.mark.parametrize("place", ["root", "request", "tensor", "output", "data"])
def test_objects_without_end_are_refused(url, png, place):
    body = message([1], "BYTES", data=[base64.b64encode(png).decode()])
    countless = {f"k{n}": [] for n in range(50_000)}
    if place == "root":
        body |= countless
    elif place == "request":
        body["parameters"] = countless
    elif place == "output":
        body["outputs"] = [{"name": "relit", "parameters": countless}]
    else:
        body["inputs"][0] |= {"tensor": {"parameters": countless}, "data": {"data": [countless]}}[
            place
        ]
    problem = problem_of(infer(url, body))
    assert problem["detail"] == "an object of the request has more than 64 entries"
