"""The command `fuse`: the shadow-free targets of a data set."""

from __future__ import annotations

from model_export.data.fusion import fuse_folder
from model_export.data.vidit import ViditFolder
from model_export.options import DataFolder


def fuse_command(data: DataFolder, size_px: int = 256) -> None:
    """Write the shadow-free target of each scene by exposure fusion."""
    fuse_folder(ViditFolder.open(data), size_px)
