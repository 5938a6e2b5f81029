"""Reads the settings from the environment."""

from __future__ import annotations

from pydantic import ValidationError

from service.settings.variables import Settings


class InvalidSettings(ValueError):
    """A variable is unknown or its value invalid; the text names the variable, not the value."""


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        InvalidSettings: a variable is unknown or its value is not allowed; one line per variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = [("_".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        lines = [f"settings: {name} {message}" for name, message in problems]
        raise InvalidSettings("\n".join(lines)) from None
