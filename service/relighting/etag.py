"""Entity tags: what an answer depends on, as one short string.

The tag is known before any work is done, so that a caller who has the answer already costs
nothing. It is weak (RFC 9110, section 8.8.1): in another batch a pixel may differ by one step.
"""

from __future__ import annotations

import hashlib
import json

from relight.options import LAMP_OPTIONS
from service.relighting.options import RelightOptions


def photo_digest(data: bytes) -> str:
    """Return the SHA-256 of an image file, in hex."""
    return hashlib.sha256(data).hexdigest()


def answer_tag(
    digest: str,
    options: RelightOptions,
    *,
    light: str,
    model: str,
    format_name: str,
    revision: str,
) -> str:
    """Return the entity tag of an answer, such as `W/"0a1b..."`.

    Args:
        digest: of the photo.
        options: what is asked for; two ways to say the same get the same tag.
        light: where the light comes from: a direction, or lamps.
        model: name and checksum of the model.
        format_name: format of the answer.
        revision: version of the code.
    """
    said_otherwise = {"light", "direction", "temperature", "format", "model", *LAMP_OPTIONS}
    wanted = options.model_dump(exclude=said_otherwise)
    wanted |= {"light": light, "temperature_k": options.wanted_temperature_k}
    parts = json.dumps([digest, wanted, model, format_name, revision], sort_keys=True)
    return f'W/"{hashlib.sha256(parts.encode()).hexdigest()[:32]}"'
