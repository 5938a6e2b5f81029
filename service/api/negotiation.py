"""What a request's headers say about the answer that its sender already has."""

from __future__ import annotations

from collections.abc import Collection


def parse_if_none_match(header: str | None) -> Collection[str]:
    """Return the entity tags of an `If-None-Match` header, each in its weak form.

    `*` gives none: it asks about a resource, and an answer to a POST is none.
    """
    tags = (tag.strip() for tag in (header or "").split(","))
    return {tag if tag.startswith("W/") else f"W/{tag}" for tag in tags if tag.endswith('"')}
