"""Documents the routes in OpenAPI, from the modules that implement them.

Each function returns the keyword arguments of a route; `install` adds the shared parts.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from relight import errors
from service.api.headers import ANSWER_HEADERS, PHOTO_HEADERS, header_parameter, headers_of
from service.api.job_documentation import job_answer, job_parameters
from service.api.openapi_parts import (
    BINARY,
    KEYS,
    OF_BATCHES,
    OF_PHOTOS,
    by_status,
    companion_schemas,
    option_parameters,
    option_schemas,
    photo_body,
    problem_documentation,
)
from service.api.problems import CODES, INTERNAL, NOT_FOUND, SCHEMA
from service.imaging.formats import ANSWER_FORMATS, FORMATS
from service.relighting.map_maker import MapOptions

_TAGS: Final = [
    {"name": "relight", "description": "photos in, relit photos out"},
    {"name": "jobs", "description": "requests that are answered later"},
    {"name": "catalogue", "description": "what may be asked for, and what can go wrong"},
    {"name": "operations", "description": "for operators: probes, metrics, reload"},
]
_SECURITY_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}

_OF_ADMINS: Final = (errors.Unauthorized, errors.Forbidden, errors.ModelRefused)


def relight_documentation() -> dict[str, Any]:
    """Return the documentation of `POST /relight`."""
    headers = headers_of(*PHOTO_HEADERS)
    return {
        "tags": ["relight"],
        "openapi_extra": {
            "parameters": [
                *option_parameters(),
                header_parameter("If-None-Match"),
                *job_parameters(),
            ],
            "requestBody": photo_body(companion_schemas() | option_schemas()),
            "security": KEYS,
        },
        "responses": {
            200: {
                "description": "the relit photo",
                "headers": headers,
                "content": {FORMATS[n].media_type: {"schema": BINARY} for n in ANSWER_FORMATS},
            },
            304: {
                "description": "the caller has this answer already (`If-None-Match`)",
                "headers": headers,
            },
            202: job_answer(),
            **problem_documentation(
                (
                    *OF_PHOTOS,
                    errors.LightUnreadable,
                    errors.SigningFailed,
                    errors.IdempotencyKeyReused,
                ),
                "/relight",
            ),
        },
    }


def maps_documentation() -> dict[str, Any]:
    """Return the documentation of `POST /maps`."""
    return {
        "tags": ["relight"],
        "openapi_extra": {
            "parameters": option_parameters(MapOptions),
            "requestBody": photo_body(option_schemas(MapOptions)),
            "security": KEYS,
        },
        "responses": {
            200: {
                "description": "the maps as 16-bit PNG files, and `maps.json`",
                "headers": headers_of("Content-Disposition", "Server-Timing", "X-Cache", "X-Model"),
                "content": {"application/zip": {"schema": BINARY}},
            },
            **problem_documentation(OF_PHOTOS, "/maps"),
        },
    }


def batch_documentation() -> dict[str, Any]:
    """Return the documentation of `POST /relight/batch`."""
    form = {
        "type": "object",
        "properties": {"image": {"type": "array", "items": BINARY, "minItems": 1}}
        | option_schemas(),
        "required": ["image"],
        "additionalProperties": False,
        "description": "One file part for each photo; options hold for all of them.",
    }
    return {
        "tags": ["relight"],
        "openapi_extra": {
            "parameters": [*option_parameters(), *job_parameters()],
            "requestBody": {
                "required": True,
                "content": {"multipart/form-data": {"schema": form}},
            },
            "security": KEYS,
        },
        "responses": {
            200: {
                "description": "the relit photos, and `manifest.json` with a problem for each "
                "that failed",
                "headers": headers_of("Content-Disposition"),
                "content": {"application/zip": {"schema": BINARY}},
            },
            202: job_answer(),
            **problem_documentation((*OF_BATCHES, errors.IdempotencyKeyReused), "/relight/batch"),
        },
    }


def catalogue_documentation() -> dict[str, Any]:
    """Return the documentation of `GET /models`."""
    return {
        "tags": ["catalogue"],
        "openapi_extra": {"security": KEYS},
        "responses": {
            200: {"headers": headers_of()},
            **problem_documentation([errors.Unauthorized], "/models"),
        },
    }


def admin_documentation() -> dict[str, Any]:
    """Return the documentation of `POST /-/reload`."""
    return {
        "openapi_extra": {"security": KEYS},
        "responses": {
            200: {"headers": headers_of()},
            **problem_documentation(_OF_ADMINS, "/-/reload"),
        },
    }


def problem_type_documentation() -> dict[str, Any]:
    """Return the documentation of `GET /problems/{code}`."""
    code = {"type": "string", "enum": list(CODES)}
    return {
        "tags": ["catalogue"],
        "openapi_extra": {
            "parameters": [{"name": "code", "in": "path", "required": True, "schema": code}]
        },
        "responses": {
            200: {"headers": headers_of()},
            **by_status([NOT_FOUND, INTERNAL], "/problems/unheard_of"),
        },
    }


def install(app: FastAPI, *, is_open: bool) -> None:
    """Add the OpenAPI description to `app`, with the shared parts of the routes' documentation.

    Args:
        app: the app.
        is_open: whether calls need no key.
    """

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                routes=app.routes,
                tags=_TAGS,
                license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            )
            components = document["components"]
            components["schemas"]["Problem"] = SCHEMA
            components["securitySchemes"] = _SECURITY_SCHEMES
            components["headers"] = ANSWER_HEADERS
            if is_open:
                for path, operations in document["paths"].items():
                    for operation in operations.values():
                        if "security" in operation and not path.startswith("/-/"):
                            operation["security"] = [*KEYS, {}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it
