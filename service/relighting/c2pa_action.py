"""Describes the relighting of a photo as an action of C2PA (specification 2.2, section 18.15)."""

from __future__ import annotations

from typing import Any

from relight.lights import Lamps, Light
from service.imaging import DIGITAL_SOURCE_TYPE
from service.relighting.options import RelightOptions


def action_of(options: RelightOptions, light: Light | Lamps, model: str) -> dict[str, Any]:
    """Return the action that led to an answer.

    At strength 0 the picture is as it was, in a new file.

    Args:
        options: what was asked for.
        light: the light of the answer.
        model: name and abbreviated checksum of the model.
    """
    if options.strength == 0:
        return {"action": "c2pa.transcoded"}
    return {
        "action": "c2pa.edited",
        "description": "The light was changed by a neural network.",
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "parameters": {
            "light": str(light),
            "strength": options.strength,
            "fill": options.fill,
            "color": options.color,
            "model": model,
        },
    }
