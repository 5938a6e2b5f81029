"""The settings of the service, and how they are read from `RELIGHT_*` environment variables."""

from service.settings.environment import PREFIX
from service.settings.key_entries import KEY_NAME
from service.settings.page import settings_page
from service.settings.reading import InvalidSettings, read_settings
from service.settings.variables import Settings

__all__ = [
    "KEY_NAME",
    "PREFIX",
    "InvalidSettings",
    "Settings",
    "read_settings",
    "settings_page",
]
