from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from service.api.problems import CODES
from service.imaging.formats import ANSWER_FORMATS, FORMATS
from tests import http_client as http
from tests.service.calls import metric, problem_of, relight
from tests.service.stand_ins import decoded, encoded


def brightness_by_half(pixels: np.ndarray) -> tuple[float, float]:
    middle = pixels.shape[1] // 2
    return float(pixels[:, :middle].mean()), float(pixels[:, middle:].mean())


def test_the_answer_has_the_size_and_format_of_the_photo(url, png, picture):
    answer = relight(url, png)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert decoded(answer.content).shape == picture.shape


def test_no_request_waits_for_a_thread_before_its_work_begins(url, png, monkeypatch):
    async def run_sync(*_, **__):
        raise AssertionError("FastAPI handed a dependency to a thread")

    monkeypatch.setattr("anyio.to_thread.run_sync", run_sync)
    assert relight(url, png).status_code == 200


def test_east_lights_the_right_and_is_the_default(url, png):
    left, right = brightness_by_half(decoded(relight(url, png).content))
    assert right > left + 10
    assert relight(url, png, direction="E").content == relight(url, png).content


def test_west_is_the_mirror_of_east(url, png, picture):
    west = decoded(relight(url, png, direction="W").content)
    east_of_mirror = decoded(relight(url, encoded(picture[:, ::-1], "png"), direction="E").content)
    difference = west.astype(int) - east_of_mirror[:, ::-1].astype(int)
    assert np.abs(difference).max() <= 2  # resizing is not symmetrical to the last bit


def test_strength_0_gives_the_photo_back_bit_for_bit(fake_service, png, picture):
    with fake_service(lambda n: 0.0) as (url, engine):
        answer = relight(url, png, strength=0)
    assert np.array_equal(decoded(answer.content), picture)
    assert not engine.batch_sizes  # the device was not asked


def test_a_lower_temperature_is_redder(url, png):
    warm = decoded(relight(url, png, light="E-2500").content).mean(axis=(0, 1))
    cold = decoded(relight(url, png, light="E-6500").content).mean(axis=(0, 1))
    assert warm[0] > cold[0]
    assert warm[2] < cold[2]


def test_the_headers_describe_the_edit(url, picture):
    answer = relight(url, encoded(picture[::-1], "png"), direction="W", temperature=3000)
    assert answer.headers["x-cache"] == "miss"
    assert answer.headers["x-light"] == "W-3000"
    assert answer.headers["x-model"].startswith("tiny-E-4500@")
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["etag"].strip('"')
    stages = [part.split(";")[0] for part in answer.headers["server-timing"].split(", ")]
    assert stages == [
        "read",
        "decode",
        "fit",
        "queue",
        "infer",
        "color",
        "detail",
        "encode",
        "total",
    ]
    assert "infer;dur=" in answer.headers["server-timing"]
    assert ';desc="n=1"' in answer.headers["server-timing"]


def test_a_request_id_is_kept_when_sound_and_made_when_not(url):
    kept = http.get(f"{url}/models", headers={"X-Request-ID": "abc-1.2_3"})
    made = http.get(f"{url}/models", headers={"X-Request-ID": "no spaces"})
    assert kept.headers["x-request-id"] == "abc-1.2_3"
    assert made.headers["x-request-id"] not in {"", "no spaces"}


@pytest.mark.parametrize("field", ["image_file", "image", "file"])
def test_a_form_is_as_good_as_a_raw_body(url, png, field):
    raw = relight(url, png, direction="W", fill=0.5)
    form = http.post(
        f"{url}/relight", files={field: ("a.png", png)}, data={"direction": "W", "fill": "0.5"}
    )
    assert form.status_code == 200
    assert form.content == raw.content


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_a_format_can_be_asked_for(url, png, format_name):
    answer = relight(url, png, format=format_name)
    assert answer.headers["content-type"] == FORMATS[format_name].media_type
    by_accept = http.post(
        f"{url}/relight", content=png, headers={"Accept": FORMATS[format_name].media_type}
    )
    assert by_accept.content == answer.content


def test_detail_model_keeps_the_proportions_of_a_large_photo(url):
    large = encoded(np.full((800, 1200, 3), 128, np.uint8), "jpeg")
    height, width = decoded(relight(url, large, detail="model").content).shape[:2]
    assert width <= 736
    assert width / height == pytest.approx(1.5, rel=0.01)


def test_transparency_survives(url, picture):
    alpha = np.tile(np.arange(90, dtype=np.uint8), (60, 1))
    photo = encoded(np.dstack([picture, alpha]), "png")
    answer = Image.open(io.BytesIO(relight(url, photo).content))
    assert np.array_equal(np.asarray(answer)[..., 3], alpha)


@pytest.mark.parametrize(
    ("options", "name", "allowed"),
    [
        ({"colour": "red"}, "colour", "direction"),
        ({"direction": "UP"}, "direction", "NW"),
        ({"direction": "N"}, "direction", "W"),
        ({"model": "other"}, "model", "tiny-E-4500"),
        ({"format": "bmp"}, "format", "jpeg"),
    ],
)
def test_an_unavailable_option_is_refused_with_the_available_ones(url, png, options, name, allowed):
    problem = problem_of(relight(url, png, **options))
    assert problem["status"] == 422
    assert problem["code"] == "invalid_option"
    assert problem["option"] == name
    assert allowed in problem["allowed"]


@pytest.mark.parametrize("temperature", ["1999", "12001", "warm", ""])
def test_a_temperature_out_of_range_is_refused(url, png, temperature):
    assert problem_of(relight(url, png, temperature=temperature))["option"] == "temperature"


def test_an_option_given_in_query_and_form_is_refused(url, png):
    answer = http.post(
        f"{url}/relight?strength=1", files={"image": ("a.png", png)}, data={"strength": "1"}
    )
    assert problem_of(answer)["code"] == "invalid_option"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "missing_image"),
        (b"hello", {}, 415, "unsupported_media_type"),
        (b"\x89PNG\r\n\x1a\n rubbish", {}, 422, "image_corrupt"),
        (b"x", {"Content-Type": "multipart/form-data"}, 400, "invalid_multipart"),
        (b"x" * 2_000_001, {}, 413, "body_too_large"),
    ],
)
def test_a_bad_body_gets_its_own_problem(url, body, headers, status, code):
    answer = http.post(f"{url}/relight", content=body, headers=headers)
    assert (answer.status_code, problem_of(answer)["code"]) == (status, code)


def test_a_form_without_an_image_is_refused_with_the_reason(url):
    answer = http.post(f"{url}/relight", files={"photo": ("a.png", b"abc")})
    assert problem_of(answer)["code"] == "missing_image"


def test_a_body_that_grows_too_large_while_it_streams_is_refused(url):
    def chunks():
        for _ in range(40):
            yield b"x" * 100_000

    answer = http.post(f"{url}/relight", content=chunks())
    assert problem_of(answer)["code"] == "body_too_large"


def test_too_many_pixels_are_refused(url):
    large = encoded(np.zeros((1000, 1001), np.uint8), "png")
    assert problem_of(relight(url, large))["code"] == "image_too_large"


def test_errors_of_the_framework_are_problems(url):
    assert problem_of(http.get(f"{url}/nowhere"))["code"] == "not_found"
    assert problem_of(http.get(f"{url}/relight"))["code"] == "method_not_allowed"


def test_models_lists_the_options_of_a_request(url):
    catalogue = http.get(f"{url}/models").json()
    assert catalogue["models"][0]["name"] == "tiny-E-4500"
    assert catalogue["models"][0]["provider"] == "CPUExecutionProvider"
    assert [offer["light"] for offer in catalogue["lights"]] == ["E-4500", "W-4500"]
    assert catalogue["formats"] == list(FORMATS)
    assert catalogue["limits"]["max_body_bytes"] == 2_000_000


def test_probes_are_ok_when_the_models_are_loaded(url):
    for path in ("livez", "readyz"):
        answer = http.get(f"{url}/{path}")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_every_series_exists_from_the_first_scrape(fake_service):
    with fake_service(lambda n: 0.0) as (url, _):
        text = http.get(f"{url}/metrics").text
    for series in (
        'relight_http_requests_total{code="503",method="POST",route="/relight"} 0.0',
        'relight_stage_duration_seconds_count{stage="detail"} 0.0',
        'relight_rejected_total{reason="overload"} 0.0',
        'relight_queue_depth{bucket="128x128",model="fake",part="whole",priority="bulk"} 0.0',
        'relight_queue_oldest_age_seconds{model="fake"} 0.0',
        'relight_rejected_total{reason="bytes"} 0.0',
        'relight_deadline_exceeded_total{given="enough",stage="infer"} 0.0',
        'relight_decode_failures_total{reason="image_corrupt"} 0.0',
        'relight_cache_requests_total{origin="coalesced"} 0.0',
        'relight_model_reloads_total{result="error"} 0.0',
        "relight_event_loop_lag_seconds_count",
        "relight_bytes_in_flight 0.0",
        'relight_estimated_wait_seconds{model="fake"} 0.0',
        'relight_batch_size_count{model="fake",part="whole"} 0.0',
        'relight_requests_outstanding{priority="interactive"} 0.0',
        'relight_cancelled_total{stage="prepare"} 0.0',
        "relight_model_ready 1.0",
    ):
        assert series in text


def test_a_request_is_counted_under_its_route_and_never_under_its_path(url, png):
    series = 'relight_http_requests_total{code="200",method="POST",route="/relight"}'
    before = metric(url, series)
    relight(url, png)
    http.get(f"{url}/made/up/path")
    assert metric(url, series) == before + 1
    assert "/made/up" not in http.get(f"{url}/metrics").text


def test_openapi_documents_body_options_and_every_problem(url):
    document = http.get(f"{url}/openapi.json").json()
    operation = document["paths"]["/relight"]["post"]
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert {"direction", "temperature", "strength", "format", "X-Request-Timeout-Ms"} <= names
    assert {"image/jpeg", "multipart/form-data"} <= set(operation["requestBody"]["content"])
    assert {"200", "400", "408", "413", "415", "422", "500", "503", "504"} <= set(
        operation["responses"]
    )
    schema = document["components"]["schemas"]["Problem"]
    assert schema["properties"]["code"]["enum"] == list(CODES)
