"""Documents the routes in OpenAPI, from the modules that implement them.

Each function returns the keyword arguments of a route; `install` adds the shared parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from relight import errors
from service.api.access import PRIORITY_HEADER, TIMEOUT_HEADER
from service.api.headers import ANSWER_HEADERS, header_parameter, headers_of
from service.api.problem_types import example_of
from service.api.problems import CODES, INTERNAL, KINDS, MEDIA_TYPE, NOT_FOUND, SCHEMA, Kind
from service.api.upload import IMAGE_FIELDS, MASK_FIELD
from service.imaging.formats import ANSWER_FORMATS, FORMATS
from service.relighting.map_maker import MapOptions
from service.relighting.options import RelightOptions

_BINARY: Final = {"type": "string", "format": "binary"}
_MASK: Final = _BINARY | {
    "description": "an image of the photo's proportions: white where the photo is relit, black "
    "where it stays as it is, to the bit in a lossless format; grey is blended in linear light"
}
_ANY_IMAGE: Final = "application/octet-stream"  # the service detects the type from the bytes

_TAGS: Final = [
    {"name": "relight", "description": "photos in, relit photos out"},
    {"name": "catalogue", "description": "what may be asked for, and what can go wrong"},
    {"name": "operations", "description": "for operators: probes, metrics, reload"},
]
_SECURITY_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}
_MORE_HEADERS: Final = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
KEYS: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"key": []}]

_OPEN_PATHS: Final = frozenset(  # where there are no keys
    {
        *("/relight", "/relight/batch", "/maps", "/models"),
        *("/v2/models/{name}", "/v2/models/{name}/infer"),
    }
)

_OF_ADMINS: Final = (
    errors.Unauthorized,
    errors.Forbidden,
    errors.ModelRefused,
)
_OF_BATCHES: Final = (
    *(errors.Unauthorized, errors.RateLimited),
    *(errors.InvalidMultipart, errors.MissingImage, errors.InvalidOption, errors.BodyTooLarge),
    *(errors.BodyTimeout, errors.Overloaded, errors.ServerFull, errors.Draining),
    *(errors.ModelNotReady, errors.DeadlineExceeded),
)
OF_PHOTOS: Final = (
    *_OF_BATCHES,
    *(errors.UnsupportedMediaType, errors.ImageCorrupt, errors.ImageTooLarge),
    *(errors.ImageTooSmall, errors.ImageAnimated, errors.ImageTooSlow),
    *(errors.InferenceFailed, errors.OutOfMemory, errors.DevicePoisoned),
)


def relight_documentation() -> dict[str, Any]:
    """Return the documentation of `POST /relight`."""
    headers = headers_of(
        *("ETag", "Server-Timing", "Vary", "X-Cache", "X-Content-Credentials"),
        *("X-Digital-Source-Type", "X-Light", "X-Model"),
    )
    return {
        "tags": ["relight"],
        "openapi_extra": {
            "parameters": [*_parameters(), header_parameter("If-None-Match")],
            "requestBody": _photo_body({MASK_FIELD: _MASK} | _options()),
            "security": KEYS,
        },
        "responses": {
            200: {
                "description": "the relit photo",
                "headers": headers,
                "content": {FORMATS[n].media_type: {"schema": _BINARY} for n in ANSWER_FORMATS},
            },
            304: {
                "description": "the caller has this answer already (`If-None-Match`)",
                "headers": headers,
            },
            **problem_documentation((*OF_PHOTOS, errors.SigningFailed), "/relight"),
        },
    }


def maps_documentation() -> dict[str, Any]:
    """Return the documentation of `POST /maps`."""
    return {
        "tags": ["relight"],
        "openapi_extra": {
            "parameters": _parameters(MapOptions),
            "requestBody": _photo_body(_options(MapOptions)),
            "security": KEYS,
        },
        "responses": {
            200: {
                "description": "the maps as 16-bit PNG files, and `maps.json`",
                "headers": headers_of("Content-Disposition", "Server-Timing", "X-Cache", "X-Model"),
                "content": {"application/zip": {"schema": _BINARY}},
            },
            **problem_documentation(OF_PHOTOS, "/maps"),
        },
    }


def batch_documentation() -> dict[str, Any]:
    """Return the documentation of `POST /relight/batch`."""
    form = {
        "type": "object",
        "properties": {"image": {"type": "array", "items": _BINARY, "minItems": 1}} | _options(),
        "required": ["image"],
        "additionalProperties": False,
        "description": "One file part for each photo; options hold for all of them.",
    }
    return {
        "tags": ["relight"],
        "openapi_extra": {
            "parameters": _parameters(),
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
                "content": {"application/zip": {"schema": _BINARY}},
            },
            **problem_documentation(_OF_BATCHES, "/relight/batch"),
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
            **_by_status([NOT_FOUND, INTERNAL], "/problems/unheard_of"),
        },
    }


def problem_documentation(
    kinds: Sequence[type[errors.RelightError]], instance: str, *, others: Sequence[Kind] = ()
) -> dict[int | str, dict[str, Any]]:
    """Return every status of a route's problems, with an example of each problem."""
    found = [*(KINDS[kind] for kind in kinds), *others]
    if errors.ServerFull in kinds:  # the setting `overload_status` changes these
        found += [
            k._replace(status=429)
            for k in found
            if k.code in {errors.Overloaded.code, errors.ServerFull.code}
        ]
    return _by_status([*found, INTERNAL], instance)


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
                for path in _OPEN_PATHS & set(document["paths"]):
                    for operation in document["paths"][path].values():
                        operation["security"] = [*KEYS, {}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _by_status(kinds: Iterable[Kind], instance: str) -> dict[int | str, dict[str, Any]]:
    groups: dict[int, dict[str, Kind]] = {}
    for kind in kinds:
        groups.setdefault(kind.status, {})[kind.code] = kind
    return {
        status: {
            "description": "; ".join(f"`{k.code}`: {k.title}" for k in group.values()),
            "headers": headers_of(*_MORE_HEADERS.get(status, ())),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {
                        code: {"summary": kind.title, "value": example_of(kind, instance)}
                        for code, kind in group.items()
                    },
                }
            },
        }
        for status, group in sorted(groups.items())
    }


def _photo_body(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's body: a photo alone, or in a form with these other fields."""
    form = {
        "type": "object",
        "properties": {"image": _BINARY, **fields},
        "required": ["image"],
        "additionalProperties": False,
        "description": f"The photo as a file named one of {', '.join(IMAGE_FIELDS)}; options too.",
    }
    image_types = [_ANY_IMAGE, *(known.media_type for known in FORMATS.values())]
    return {
        "required": True,
        "content": {media_type: {"schema": _BINARY} for media_type in image_types}
        | {"multipart/form-data": {"schema": form}},
    }


def _options(kind: type[BaseModel] = RelightOptions) -> dict[str, Any]:
    """Return the schema of each option, without the null of an omitted one."""
    properties = kind.model_json_schema()["properties"]
    return {name: _given(schema) for name, schema in properties.items()}


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in schema.items() if k != "anyOf" and (k, v) != ("default", None)}
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return {**choices[0], **kept} if choices else kept


def _parameters(kind: type[BaseModel] = RelightOptions) -> list[dict[str, Any]]:
    options = [
        {"name": n, "in": "query", "schema": schema, "description": schema["description"]}
        | {"example": schema["examples"][0]}
        for n, schema in _options(kind).items()
    ]
    return [*options, header_parameter(TIMEOUT_HEADER), header_parameter(PRIORITY_HEADER)]
