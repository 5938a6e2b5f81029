"""Sources of pictures: a folder, or a downloaded ZIP archive."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]  # (h, w, 3) sRGB

_NOT_DATA: Final = ("__MACOSX", ".")  # prefixes of files that archivers and editors leave behind


class MissingData(FileNotFoundError):
    """A folder or an archive lacks what training or evaluation needs."""


class Source:
    """The PNG files of a folder and its subfolders, or of a ZIP archive.

    Args:
        root: the folder or the archive.

    Raises:
        MissingData: it is neither.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._archive: tuple[int, zipfile.ZipFile] | None = None
        if not root.is_dir() and not zipfile.is_zipfile(root):
            what = "neither a folder nor a ZIP archive" if root.exists() else "not there"
            raise MissingData(f"{root} is {what}")

    def names(self) -> list[str]:
        """Return the names of the PNG files, relative and with slashes, in order."""
        if self.root.is_dir():
            found = [path.relative_to(self.root).as_posix() for path in self.root.rglob("*.png")]
        else:
            found = [name for name in self._zip().namelist() if name.endswith(".png")]
        parts = {name: PurePosixPath(name).parts for name in found}
        return sorted(n for n in found if not any(p.startswith(_NOT_DATA) for p in parts[n]))

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            MissingData: the file does not exist or is damaged.
        """
        try:
            if self.root.is_dir():
                return (self.root / name).read_bytes()
            return self._zip().read(name)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise MissingData(f"{self.root / name} is missing or cannot be read: {error}") from None

    def _zip(self) -> zipfile.ZipFile:
        """Return the archive, opened in this process: forked processes would share a position."""
        if self._archive is None or self._archive[0] != os.getpid():
            self._archive = (os.getpid(), zipfile.ZipFile(self.root))
        return self._archive[1]


def read_picture(source: Source, name: str, size_px: int) -> Picture:
    """Return a picture as (size_px, size_px, 3), resized by area; alpha is dropped.

    Raises:
        MissingData: the file does not exist or is not a picture.
    """
    content = np.frombuffer(source.read(name), dtype=np.uint8)
    codes = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB) if content.size else None
    if codes is None:
        raise MissingData(f"{source.root / name} is missing or cannot be read")
    if codes.shape[:2] != (size_px, size_px):
        codes = cv2.resize(codes, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return np.asarray(codes, dtype=np.uint8)
