"""The Open Inference Protocol, as its clients speak it, over real HTTP."""

from __future__ import annotations

import base64
import json
import threading

import httpx
import numpy as np
import pytest

from service.app import create_app
from service.imaging import raw
from service.settings import Settings
from service.traffic.keys import digest_of
from tests import http_client as http
from tests.service.api.inference_messages import LENGTH, MODEL, PATH, infer, infer_files, message
from tests.service.calls import metric, problem_of, relight
from tests.service.stand_ins import decoded, encoded, serving


def outputs_of(answer: httpx.Response) -> tuple[dict, bytes]:
    """Return the JSON of an answer, and the bytes behind it."""
    assert answer.status_code == 200, answer.text
    length = int(answer.headers.get(LENGTH, len(answer.content)))
    head = json.loads(answer.content[:length])
    (output,) = head["outputs"]
    binary = answer.content[length:]
    assert output.get("parameters", {}).get("binary_data_size", 0) == len(binary)
    return head, binary


def files_of(answer: httpx.Response) -> list[bytes]:
    head, binary = outputs_of(answer)
    assert head["outputs"][0]["datatype"] == "BYTES"
    files = []
    while binary:
        end = 4 + int.from_bytes(binary[:4], "little")
        files.append(binary[4:end])
        binary = binary[end:]
    assert head["outputs"][0]["shape"] == [len(files)]
    return files


def test_the_server_and_its_models_describe_themselves(url):
    head = http.get(f"{url}/v2").json()
    assert (head["name"], head["extensions"]) == ("relight", ["binary_tensor_data"])
    assert http.get(f"{url}/v2/health/live").json() == {"live": True}
    assert http.get(f"{url}/v2/health/ready").json() == {"ready": True}
    assert http.get(f"{url}{PATH}/ready").json() == {"name": MODEL, "ready": True}
    metadata = http.get(f"{url}{PATH}").json()
    assert metadata["name"] == MODEL
    assert metadata["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    assert metadata["outputs"] == [{"name": "relit", "datatype": "BYTES", "shape": [-1]}]


def test_a_photo_as_bytes_is_relit_as_by_relight(url, png):
    (relit,) = files_of(infer_files(url, png, strength=0.7, temperature=3200))
    same = relight(url, png, strength=0.7, temperature=3200)
    assert np.array_equal(decoded(relit), decoded(same.content))
    assert not np.array_equal(decoded(relit), decoded(png))


def test_a_photo_as_pixels_is_relit_as_by_relight(url, picture, png):
    pixels = np.stack([picture, picture[::-1]])
    body = message(pixels.shape, "UINT8", size=pixels.nbytes, id="42")
    body["outputs"] = [{"name": "relit", "parameters": {"binary_data": True}}]
    head, binary = outputs_of(infer(url, body, pixels.tobytes()))
    assert (head["model_name"], head["id"]) == (MODEL, "42")
    assert head["parameters"]["model"].startswith(f"{MODEL}@")
    output = head["outputs"][0]
    assert (output["name"], output["datatype"]) == ("relit", "UINT8")
    relit = np.frombuffer(binary, np.uint8).reshape(output["shape"])
    for number, photo in enumerate((png, encoded(picture[::-1], "png"))):
        assert np.array_equal(relit[number], decoded(relight(url, photo).content))


def test_json_alone_is_enough(url, picture, png):
    same = decoded(relight(url, png).content)
    file = base64.b64encode(png).decode()
    head, _ = outputs_of(infer(url, message([1], "BYTES", data=[file])))
    output = head["outputs"][0]
    assert output["parameters"] == {"content_type": "base64"}
    assert np.array_equal(decoded(base64.b64decode(output["data"][0])), same)
    for data in (picture.tolist(), picture.ravel().tolist()):
        head, _ = outputs_of(infer(url, message([1, *picture.shape], "UINT8", data=data)))
        output = head["outputs"][0]
        assert np.array_equal(np.reshape(output["data"], output["shape"])[0], same)


def test_pixels_are_converted_by_the_threads_of_photos_within_their_memory(
    models_dir, picture, monkeypatch
):
    seen = []

    def spy(name):
        convert = getattr(raw, name)

        def watched(*args):
            taken_bytes = metric(url, "relight_working_bytes")
            seen.append((name, threading.current_thread().name, taken_bytes))
            return convert(*args)

        monkeypatch.setattr(raw, name, watched)

    body = message([1, *picture.shape], "UINT8", size=picture.nbytes)
    with serving(create_app(Settings(models_dir=models_dir))) as url:
        spy("to_file")
        spy("from_file")
        assert infer(url, body, picture.tobytes()).status_code == 200
    assert [name for name, _, _ in seen] == ["to_file", "from_file"]
    assert {thread for _, thread, _ in seen} == {"cpu"}
    assert min(taken_bytes for _, _, taken_bytes in seen) >= picture.nbytes


def test_the_name_of_the_model_may_be_repeated_as_by_kserves_client(url, png):
    data = [base64.b64encode(png).decode()]
    outputs_of(infer(url, message([1], "BYTES", data=data, model_name=MODEL)))
    refused = infer(url, message([1], "BYTES", data=data, model_name="other"))
    assert (refused.status_code, problem_of(refused)["code"]) == (400, "invalid_tensor")


def test_options_are_parameters(url, png):
    (relit,) = files_of(infer_files(url, png, format="jpeg", quality=80, detail="model"))
    assert relit.startswith(b"\xff\xd8\xff")
    refused = infer_files(url, png, brightness=2)
    assert (refused.status_code, problem_of(refused)["option"]) == (422, "brightness")


def test_one_bad_photo_fails_the_request_and_no_other(url, png):
    refused = infer_files(url, png, b"no photo", png)
    assert (refused.status_code, problem_of(refused)["code"]) == (415, "unsupported_media_type")
    assert len(files_of(infer_files(url, png, png, png))) == 3


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "/ready"), ("POST", "/infer"), ("GET", "/oddity")]
)
def test_a_missing_model_is_not_found_in_the_protocols_own_words(url, method, path):
    answer = http.request(method, f"{url}/v2/models/none{path}")
    assert (answer.status_code, problem_of(answer)["code"]) == (404, "not_found")
    assert answer.json()["error"]


def test_the_time_limit_of_the_protocol_counts(url, png):
    late = infer_files(url, png, timeout=1)  # a microsecond
    assert (late.status_code, problem_of(late)["code"]) == (504, "deadline_exceeded")


def test_a_request_is_counted_under_its_route(url, png):
    series = 'relight_http_requests_total{code="200",method="POST",route="/v2/models/{name}/infer"}'
    before = metric(url, series)
    files_of(infer_files(url, png))
    assert metric(url, series) == before + 1


def test_keys_are_asked_for_as_by_relight(models_dir, png):
    settings = Settings(models_dir=models_dir, api_keys=(f"editor:{digest_of('secret')}",))
    with serving(create_app(settings)) as url:
        for method, path in (("GET", PATH), ("POST", f"{PATH}/infer")):
            refused = http.request(method, f"{url}{path}")
            assert (refused.status_code, problem_of(refused)["code"]) == (401, "unauthorized")
        for path in ("/v2", "/v2/health/live", "/v2/health/ready", f"{PATH}/ready"):
            assert http.get(f"{url}{path}").status_code == 200
        body = message([1], "BYTES", data=[base64.b64encode(png).decode()])
        assert infer(url, body, **{"X-Api-Key": "secret"}).status_code == 200


def test_json_that_would_take_too_much_memory_is_refused_unread(models_dir):
    settings = Settings(models_dir=models_dir, max_inflight_bytes=2_000_000)
    with serving(create_app(settings)) as url:
        refused = infer(url, message([1, 1, 1, 3], "UINT8", data=[[]] * 50_000))
        assert (refused.status_code, problem_of(refused)["code"]) == (413, "body_too_large")


def test_tritons_own_client_relights_a_photo(url, picture, png):
    triton = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
    with triton.InferenceServerClient(url.removeprefix("http://")) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(MODEL)
        assert client.get_model_metadata(MODEL)["inputs"][0]["name"] == "image"
        same = decoded(relight(url, png).content)
        file = triton.InferInput("image", [1], "BYTES")
        file.set_data_from_numpy(np.array([png], object))
        (relit,) = client.infer(MODEL, [file]).as_numpy("relit")
        assert np.array_equal(decoded(relit), same)
        pixels = triton.InferInput("image", [1, *picture.shape], "UINT8")
        for is_binary in (True, False):
            pixels.set_data_from_numpy(picture[None], binary_data=is_binary)
            wanted = triton.InferRequestedOutput("relit", binary_data=is_binary)
            answer = client.infer(
                MODEL, [pixels], outputs=[wanted], request_id="7", parameters={"strength": 1.0}
            )
            assert answer.get_response()["id"] == "7"
            assert np.array_equal(answer.as_numpy("relit")[0], same)
        with pytest.raises(triton.InferenceServerException, match="brightness"):
            client.infer(MODEL, [file], parameters={"brightness": 2})
