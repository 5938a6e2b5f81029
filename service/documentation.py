"""What OpenAPI says of `POST /relight`, made from the rooms that decide it."""

from __future__ import annotations

from typing import Any, Final

from service.formats import FORMATS
from service.options import RelightOptions
from service.problems import KINDS, MEDIA_TYPE, SCHEMA
from service.upload import IMAGE_FIELDS

TIMEOUT_HEADER: Final = "X-Request-Timeout-Ms"


def relight_documentation() -> dict[str, Any]:
    """Return what OpenAPI shall say about the body and the options of `POST /relight`."""
    options = RelightOptions.model_json_schema()["properties"]
    image = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "properties": dict.fromkeys(IMAGE_FIELDS, image) | options,
        "additionalProperties": False,
        "description": f"The image as a file in one of {', '.join(IMAGE_FIELDS)}; options too.",
    }
    timeout = {
        "name": TIMEOUT_HEADER,
        "in": "header",
        "schema": {"type": "integer", "minimum": 1},
        "description": "time for the whole request, in milliseconds; can only shorten the limit",
    }
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "schema": schema,
                "description": schema.get("description", ""),
            }
            for name, schema in options.items()
        ]
        + [timeout],
        "requestBody": {
            "required": True,
            "content": {known.media_type: {"schema": image} for known in FORMATS.values()}
            | {"multipart/form-data": {"schema": form}},
        },
    }


def problem_documentation() -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI shall say about every status that a problem can have."""
    titles: dict[int, list[str]] = {}
    for kind in KINDS.values():
        titles.setdefault(kind.status, []).append(f"`{kind.code}`: {kind.title}")
    return {
        status: {
            "description": "; ".join(lines),
            "content": {MEDIA_TYPE: {"schema": SCHEMA}},
        }
        for status, lines in sorted(titles.items())
    }
