"""Reads the request headers that negotiate the answer: `Accept` and `If-None-Match`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from service.imaging.formats import ANSWER_FORMATS, FORMATS


def parse_if_none_match(header: str | None) -> Collection[str]:
    """Return the entity tags of an `If-None-Match` header, each in its weak form.

    `*` gives none: it refers to a resource, and an answer to a POST is not one.
    """
    tags = (tag.strip() for tag in (header or "").split(","))
    return {tag if tag.startswith("W/") else f"W/{tag}" for tag in tags if tag.endswith('"')}


def parse_accept(header: str | None) -> Mapping[str, float]:
    """Return the weight, 0 to 1, that an `Accept` header gives each format of an answer.

    If it allows no image format that the service writes, all weights are 0 and the header is
    disregarded (RFC 9110, section 12.5.1).
    """
    ranges = _media_ranges(header or "")
    return {name: _weight(FORMATS[name].media_type, ranges) for name in ANSWER_FORMATS}


def _media_ranges(header: str) -> dict[str, float]:
    """Read `image/webp, image/*;q=0.8` as range -> weight; malformed ranges are skipped."""
    ranges: dict[str, float] = {}
    for item in header.lower().split(","):
        media_range, *parameters = (part.strip() for part in item.split(";"))
        weights = [value for key, _, value in (p.partition("=") for p in parameters) if key == "q"]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            continue
        if media_range and 0 <= weight <= 1:
            ranges[media_range] = weight
    return ranges


def _weight(media_type: str, ranges: Mapping[str, float]) -> float:
    """Return the weight of the most specific range that matches (RFC 9110, 12.5.1)."""
    for media_range in (media_type, "image/*", "*/*"):
        if media_range in ranges:
            return ranges[media_range]
    return 0.0
