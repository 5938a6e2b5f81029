"""Reads the conditional headers of a request."""

from __future__ import annotations

from collections.abc import Collection


def parse_if_none_match(header: str | None) -> Collection[str]:
    """Return the entity tags of an `If-None-Match` header, each in its weak form.

    `*` gives none: it refers to a resource, and an answer to a POST is not one.
    """
    tags = (tag.strip() for tag in (header or "").split(","))
    return {tag if tag.startswith("W/") else f"W/{tag}" for tag in tags if tag.endswith('"')}
