"""The OpenAPI document: complete, true, and of use to those who generate clients from it."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.api.problem_types import ADVICE
from service.api.problems import CODES, CONNECTION_KINDS, SCHEMA
from service.app import create_app
from service.imaging.formats import FORMATS
from service.relighting.options import RelightOptions
from service.settings import Settings
from service.traffic.keys import digest_of
from tests import http_client as http
from tests.service.calls import problem_of
from tests.service.pictures import noise
from tests.service.stand_ins import encoded, serving

KEYS = {
    "api_keys": (f"caller:{digest_of('secret')}",),
    "admin_keys": (f"operator:{digest_of('root')}",),
}


@pytest.fixture(scope="module")
def guarded_url(models_dir):
    with serving(create_app(Settings(models_dir=models_dir, **KEYS))) as address:
        yield address


PHOTOS = [encoded(noise(40, 48), name) for name in ("png", "jpeg", "webp", "tiff")]
BODIES = st.sampled_from([*PHOTOS, PHOTOS[0][:500], b"", b"no photo"])
for media_type in ("application/octet-stream", *(known.media_type for known in FORMATS.values())):
    schemathesis.openapi.media_type(media_type, BODIES)
schema = schemathesis.openapi.from_dict(create_app(Settings(**KEYS)).openapi())


@schema.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented(case, guarded_url):
    answer = case.call_and_validate(
        base_url=guarded_url,
        headers={"Authorization": "Bearer root"},
        # Options that exclude each other, and bytes that are no photo, fit any schema; and who
        # asks for an answer within a millisecond gets a 504.
        excluded_checks=[positive_data_acceptance, not_a_server_error],
    )
    assert answer.status_code != 500


def document() -> dict:
    return create_app(Settings()).openapi()


def operations() -> dict[str, dict]:
    paths = document()["paths"]
    return {f"{m} {path}": op for path, methods in paths.items() for m, op in methods.items()}


def test_every_option_has_an_example_and_a_meaning():
    parameters = {p["name"]: p for p in operations()["post /relight"]["parameters"]}
    assert set(RelightOptions.model_fields) <= set(parameters)
    assert all(p["description"] for p in parameters.values())
    for name in RelightOptions.model_fields:
        RelightOptions.parse([(name, str(parameters[name]["example"]))])


def test_every_problem_of_an_operation_has_an_example_under_its_status():
    found = set()
    for operation in operations().values():
        for status, answer in operation["responses"].items():
            problems = answer.get("content", {}).get("application/problem+json", {})
            for code, example in problems.get("examples", {}).items():
                assert example["value"]["code"] == code
                assert example["value"]["status"] == int(status)
                assert set(SCHEMA["required"]) <= set(example["value"]) <= set(SCHEMA["properties"])
                found.add(code)
    of_connections = {kind.code for kind in CONNECTION_KINDS}
    assert found == set(CODES) - {"method_not_allowed", "bad_request"} - of_connections


def test_the_headers_of_an_answer_are_those_that_are_documented(guarded_url):
    answer = http.post(f"{guarded_url}/relight", content=PHOTOS[0], headers={"X-Api-Key": "secret"})
    documented = operations()["post /relight"]["responses"]["200"]["headers"]
    assert {name.lower() for name in documented} <= set(answer.headers)
    own = {
        "date",
        "server",
        "content-length",
        "content-type",
        "cache-control",
        "x-content-type-options",
    }
    assert set(answer.headers) <= {name.lower() for name in documented} | own
    assert set(documented) <= set(document()["components"]["headers"])


def test_names_of_operations_are_short_and_stay():
    names = {op["operationId"] for op in operations().values()}
    assert {"relight", "relight_batch", "models", "reload", "livez", "readyz", "metrics"} <= names


def test_keys_are_documented_as_needed_only_where_they_are():
    free = document()["paths"]["/models"]["get"]["security"]
    assert {} in free
    guarded = create_app(Settings(**KEYS)).openapi()["paths"]["/models"]["get"]["security"]
    assert guarded == [{"bearer": []}, {"key": []}]


def test_a_problems_type_leads_to_advice(guarded_url):
    refused = http.get(f"{guarded_url}/models")
    described = http.get(f"{guarded_url}{refused.json()['type']}").json()  # without a key
    assert (described["code"], described["status"]) == ("unauthorized", 401)
    assert "X-Api-Key" in described["advice"]
    assert {kind["code"] for kind in http.get(f"{guarded_url}/problems").json()} == set(CODES)
    unknown = http.get(f"{guarded_url}/problems/boredom")
    assert problem_of(unknown)["code"] == "not_found"


def test_every_code_has_advice():
    assert list(ADVICE) == list(CODES)
