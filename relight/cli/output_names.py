"""Names the files of relit photos, each name once."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {  # the first one is given, the others are known
        "image/jpeg": (".jpg", ".jpeg"),
        "image/png": (".png",),
        "image/webp": (".webp",),
        "image/avif": (".avif",),
        "image/tiff": (".tiff", ".tif"),
        "image/heif": (".heic", ".heif"),
    }
)
READ_ONLY: Final = frozenset({"image/heif"})  # photos have this format, relit photos do not


def beside(photo: Path, format_name: str | None) -> Path:
    """Return a name for the relit photo next to the photo: `photo-relit.jpg`.

    Args:
        photo: path of the photo.
        format_name: what is asked for; None for the photo's format, or JPEG if that is only read.
    """
    suffix = photo.suffix.lower()
    kinds = {known: kind for kind, suffixes in SUFFIXES.items() for known in suffixes}
    media_type = f"image/{format_name}" if format_name else kinds.get(suffix, "image/jpeg")
    if media_type in READ_ONLY:
        media_type = "image/jpeg"
    fitting = photo.suffix if suffix in SUFFIXES[media_type] else SUFFIXES[media_type][0]
    return photo.with_name(f"{photo.stem}-relit{fitting}")


class OutputNames:
    """Names for the relit photos of a folder, of which no two are alike.

    Names that differ in case or in the form of their accents alone count as alike: many file
    systems take them for one.

    Args:
        photos: the photos' paths inside their folder, with `/`.
        taken: names given before, with the photos that have them.
    """

    def __init__(self, photos: Sequence[str], taken: Mapping[str, str]) -> None:
        self._photos = sorted(photos)
        self._taken = taken
        self._num_of_stem = Counter(_alike(_stem(photo)) for photo in photos)
        self._given: dict[str, Mapping[str, str]] = {}

    def name(self, photo: str, media_type: str) -> str:
        """Return the name of a relit photo, with a suffix that fits its format.

        Args:
            photo: one of `photos`.
            media_type: of the relit photo.
        """
        if media_type not in self._given:
            self._given[media_type] = self._hand_out(SUFFIXES[media_type])
        return self._given[media_type][photo]

    def _hand_out(self, suffixes: Collection[str]) -> Mapping[str, str]:
        """Name all photos in one format; no name fits two formats."""
        fitting = {name: photo for name, photo in self._taken.items() if _suffix(name) in suffixes}
        given = {photo: name for name, photo in fitting.items()}
        used = set(map(_alike, self._taken))
        for photo in self._photos:  # these come first: others can have another name
            if photo not in given and _suffix(photo) in suffixes and _alike(photo) not in used:
                given[photo] = photo
                used.add(_alike(photo))
        for photo in self._photos:
            if photo not in given:
                candidates = self._candidates(photo, next(iter(suffixes)))
                given[photo] = next(name for name in candidates if _alike(name) not in used)
                used.add(_alike(given[photo]))
        return given

    def _candidates(self, photo: str, suffix: str) -> Iterator[str]:
        if self._num_of_stem[_alike(_stem(photo))] == 1:
            yield _stem(photo) + suffix
        if _suffix(photo) != suffix:
            yield photo + suffix
        for number in itertools.count(2):
            yield f"{_stem(photo)}-{number}{suffix}"


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
