"""Documents what the routes share in OpenAPI: bodies, parameters, headers and problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from relight import errors
from service.api.access import PRIORITY_HEADER, TIMEOUT_HEADER
from service.api.headers import header_parameter, headers_of
from service.api.problem_types import example_of
from service.api.problems import INTERNAL, KINDS, MEDIA_TYPE, Kind
from service.api.upload import COMPANION_FIELDS, IMAGE_FIELDS
from service.imaging.formats import FORMATS
from service.relighting.options import RelightOptions

BINARY: Final = {"type": "string", "format": "binary"}
KEYS: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"key": []}]

_COMPANIONS: Final = {
    "mask": "an image of the photo's proportions: white where the photo is relit, black where it "
    "stays as it is, to the bit in a lossless format; grey is blended in linear light",
    "depth": "a depth map of the photo's proportions, a greyscale PNG of 8 or 16 bits, in place of "
    "the depth that the model reads; `depth_white` says which end is white",
    "reference": "a second photo, of any size, whose dominant light is put on the first one: where "
    "it comes from, how soft it is and its colour temperature, as `X-Light` then says",
}
_ANY_IMAGE: Final = "application/octet-stream"  # the service detects the type from the bytes
_MORE_HEADERS: Final = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}

OF_BATCHES: Final = (
    errors.Unauthorized,
    errors.RateLimited,
    errors.InvalidMultipart,
    errors.MissingImage,
    errors.InvalidOption,
    errors.BodyTooLarge,
    errors.BodyTimeout,
    errors.Overloaded,
    errors.ServerFull,
    errors.Draining,
    errors.ModelNotReady,
    errors.DeadlineExceeded,
)
OF_PHOTOS: Final = (
    *OF_BATCHES,
    errors.UnsupportedMediaType,
    errors.ImageCorrupt,
    errors.ImageTooLarge,
    errors.ImageTooSmall,
    errors.ImageAnimated,
    errors.ImageTooSlow,
    errors.InferenceFailed,
    errors.OutOfMemory,
    errors.DevicePoisoned,
)


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
    return by_status([*found, INTERNAL], instance)


def by_status(kinds: Iterable[Kind], instance: str) -> dict[int | str, dict[str, Any]]:
    """Return each status of some kinds of problem, with an example of each kind."""
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


def photo_body(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's body: a photo alone, or in a form with these other fields."""
    form = {
        "type": "object",
        "properties": {"image": BINARY, **fields},
        "required": ["image"],
        "additionalProperties": False,
        "description": f"The photo as a file named one of {', '.join(IMAGE_FIELDS)}; options too.",
    }
    image_types = [_ANY_IMAGE, *(known.media_type for known in FORMATS.values())]
    return {
        "required": True,
        "content": {media_type: {"schema": BINARY} for media_type in image_types}
        | {"multipart/form-data": {"schema": form}},
    }


def companion_schemas() -> dict[str, Any]:
    """Return the schema of each file that a photo may bring along."""
    return {name: BINARY | {"description": _COMPANIONS[name]} for name in COMPANION_FIELDS}


def option_schemas(kind: type[BaseModel] = RelightOptions) -> dict[str, Any]:
    """Return the schema of each option, without the null of an omitted one."""
    properties = kind.model_json_schema()["properties"]
    return {name: _given(schema) for name, schema in properties.items()}


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in schema.items() if k != "anyOf" and (k, v) != ("default", None)}
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return {**choices[0], **kept} if choices else kept


def option_parameters(kind: type[BaseModel] = RelightOptions) -> list[dict[str, Any]]:
    """Return the options as parameters of the query, and the headers of all work."""
    options = [
        {"name": n, "in": "query", "schema": schema, "description": schema["description"]}
        | {"example": schema["examples"][0]}
        for n, schema in option_schemas(kind).items()
    ]
    return [*options, header_parameter(TIMEOUT_HEADER), header_parameter(PRIORITY_HEADER)]
