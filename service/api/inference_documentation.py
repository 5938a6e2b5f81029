"""Documents the routes of the Open Inference Protocol in OpenAPI."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from relight import errors
from service.api.access import PRIORITY_HEADER, TIMEOUT_HEADER
from service.api.headers import HEADER_LENGTH, header_parameter, headers_of
from service.api.openapi_parts import BINARY, KEYS, OF_PHOTOS, problem_documentation
from service.api.problems import NOT_FOUND
from service.api.tensors import InferenceRequest

TAG: Final = "open inference protocol"

_NAME: Final = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
_OF_INFERENCE: Final = (
    *(kind for kind in OF_PHOTOS if kind not in {errors.InvalidMultipart, errors.MissingImage}),
    errors.InvalidTensor,
    errors.SigningFailed,
)


def probe_documentation(model: type[BaseModel]) -> dict[str, Any]:
    """Return the documentation of a probe, whose answer is a `model` in both cases."""
    return {"tags": [TAG], "responses": {200: {"headers": headers_of()}, 503: {"model": model}}}


def model_probe_documentation(model: type[BaseModel]) -> dict[str, Any]:
    """Return the documentation of a probe of one model."""
    documentation = probe_documentation(model)
    not_found = problem_documentation([], "/v2/models/drn-s/ready", others=[NOT_FOUND])
    documentation["responses"] = not_found | documentation["responses"]
    return documentation | {"openapi_extra": {"parameters": [_NAME]}}


def metadata_documentation() -> dict[str, Any]:
    """Return the documentation of `GET /v2/models/{name}`."""
    return {
        "tags": [TAG],
        "openapi_extra": {"parameters": [_NAME], "security": KEYS},
        "responses": {
            200: {"headers": headers_of()},
            **problem_documentation(
                [errors.Unauthorized, errors.ModelNotReady], "/v2/models/drn-s", others=[NOT_FOUND]
            ),
        },
    }


def inference_documentation() -> dict[str, Any]:
    """Return the documentation of `POST /v2/models/{name}/infer`."""
    schema = InferenceRequest.model_json_schema()
    headers = [HEADER_LENGTH, TIMEOUT_HEADER, PRIORITY_HEADER]
    problems = problem_documentation(_OF_INFERENCE, "/v2/models/drn-s/infer", others=[NOT_FOUND])
    return {
        "tags": [TAG],
        "openapi_extra": {
            "parameters": [_NAME, *map(header_parameter, headers)],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": _inlined(schema, schema.pop("$defs"))},
                    "application/octet-stream": {"schema": BINARY},
                },
            },
            "security": KEYS,
        },
        "responses": {
            200: {
                "description": "the relit photos, as JSON or behind it",
                "headers": headers_of("Server-Timing"),
                "content": {"application/octet-stream": {"schema": BINARY}},
            },
            **problems,
        },
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Put definitions in the places of their references, which OpenAPI would not find."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}
