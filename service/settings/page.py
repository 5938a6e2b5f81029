"""Generates the page `docs/settings.md` from the settings."""

from __future__ import annotations

from collections.abc import Mapping

from service.settings.environment import PREFIX
from service.settings.variables import Settings


def settings_page() -> str:
    """Return `docs/settings.md`: every setting in a Markdown table."""
    lines = [
        "# Settings",
        "",
        "The service reads these environment variables once, at its start. An unknown `RELIGHT_*`",
        "variable refuses the start.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    own = set(Settings.__annotations__)
    for name in sorted(Settings.model_fields, key=lambda name: name not in own):
        info = Settings.model_fields[name]
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, Mapping) else {}
        default = extra.get("default_text", f"`{info.default}`")
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {info.description} |")
    lines += ["", "`make settings` generates this page from `service/settings`."]
    return "\n".join(lines)
