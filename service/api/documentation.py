"""What OpenAPI says of `POST /relight`, made from the rooms that decide it."""

from __future__ import annotations

from typing import Any

from service.api.access import PRIORITY_HEADER, TIMEOUT_HEADER
from service.api.problems import KINDS, MEDIA_TYPE, SCHEMA
from service.api.upload import IMAGE_FIELDS
from service.imaging.formats import ANSWER_FORMATS, FORMATS
from service.options import RelightOptions


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
    priority = {
        "name": PRIORITY_HEADER,
        "in": "header",
        "schema": {"type": "string", "enum": ["interactive", "bulk"]},
        "description": "bulk work makes way for interactive work, but not for ever",
    }
    known = {
        "name": "If-None-Match",
        "in": "header",
        "schema": {"type": "string"},
        "description": "entity tags of answers at hand: the same one again is a 304, at no cost",
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
        + [timeout, priority, known],
        "requestBody": {
            "required": True,
            "content": {known.media_type: {"schema": image} for known in FORMATS.values()}
            | {"multipart/form-data": {"schema": form}},
        },
    }


def answer_documentation() -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI shall say about the answers of `POST /relight`."""
    image = {"schema": {"type": "string", "format": "binary"}}
    return {
        200: {
            "description": "the relit photo",
            "content": {FORMATS[name].media_type: image for name in ANSWER_FORMATS},
        },
        304: {"description": "the caller has this answer already (`If-None-Match`)"},
        **problem_documentation(),
    }


def batch_documentation() -> dict[str, Any]:
    """Return what OpenAPI shall say about `POST /relight/batch`."""
    single = relight_documentation()
    options = RelightOptions.model_json_schema()["properties"]
    image = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "properties": {"image": {"type": "array", "items": image}} | options,
        "required": ["image"],
        "description": "One file part for each photo; options hold for all of them.",
    }
    archive = {"schema": {"type": "string", "format": "binary"}}
    return {
        "openapi_extra": {
            "parameters": [p for p in single["parameters"] if p["name"] != "If-None-Match"],
            "requestBody": {
                "required": True,
                "content": {"multipart/form-data": {"schema": form}},
            },
        },
        "responses": {
            200: {
                "description": "the relit photos, and `manifest.json` with a problem for each "
                "that failed",
                "content": {"application/zip": archive},
            },
            **problem_documentation(),
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
