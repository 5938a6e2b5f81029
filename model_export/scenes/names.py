"""How VIDIT names a picture."""

from __future__ import annotations

from typing import Final

LAMP_TEMPERATURE_K: Final = 4500


def maps_name(scene: int) -> str:
    """Name of the file with the maps of a scene."""
    return f"Image{scene:03d}_maps.npz"


def image_name(scene: int, direction: str) -> str:
    """Name of the picture of a scene that is lit from a direction at `LAMP_TEMPERATURE_K`."""
    return f"Image{scene:03d}_{LAMP_TEMPERATURE_K}_{direction}.png"
