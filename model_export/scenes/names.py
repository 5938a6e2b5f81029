"""How VIDIT names a picture."""

from __future__ import annotations

from typing import Final

LAMP_TEMPERATURE_K: Final = 4500


def image_name(scene: int, direction: str) -> str:
    """Name of the picture of a scene that is lit from a direction at `LAMP_TEMPERATURE_K`."""
    return f"Image{scene:03d}_{LAMP_TEMPERATURE_K}_{direction}.png"
