"""Procedural scenes in VIDIT's manner: one view, eight light directions, no download.

seed -> describe (layouts, parts, materials) -> render (Mitsuba) -> tone-map -> VIDIT's files
"""

from model_export.scenes.contact import contact_sheet
from model_export.scenes.dataset import RECIPE, render_scenes

__all__ = ["RECIPE", "contact_sheet", "render_scenes"]
