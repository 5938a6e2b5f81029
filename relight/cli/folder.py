"""A folder of photos in, a folder of relit photos out, in as many goes as it takes.

    photos_in -> Journal.left -> relight_folder -> photo by photo: relit, moved into place, noted

A relit photo appears under its name only when all of it is written. The journal, a line of JSON
for each photo, lies among the relit ones and tells the next run what need not be done again.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, Unpack

from relight.client import Catalogue, Priority, Relit
from relight.errors import Forbidden, RelightError, Unauthorized, Unavailable
from relight.options import Options

JOURNAL: Final = "relight.jsonl"
SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {  # the first one is given, the others are known
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/webp": (".webp",),
    "image/avif": (".avif",),
    "image/tiff": (".tiff", ".tif"),
    "image/heif": (".heic", ".heif"),
}

_PHOTO_SUFFIXES: Final = {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}
_HOPELESS: Final = (Unauthorized, Forbidden, Unavailable)  # for the next photo, too


class Relighting(Protocol):
    """What relights: `relight.client.AsyncClient`, or `relight.cli.local.LocalClient`."""

    async def relight(
        self, image: Path, *, priority: Priority | None = None, **options: Unpack[Options]
    ) -> Relit:
        """Relight one photo."""

    async def models(self) -> Catalogue:
        """Return what may be asked for."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo to relight.

    Attributes:
        name: its path inside the folder, with `/`.
        path: where it lies.
        is_only_of_its_stem: whether no photo beside it differs from it in the suffix alone.
    """

    name: str
    path: Path
    is_only_of_its_stem: bool

    def output_name(self, media_type: str) -> str:
        """Return the relit photo's path inside the other folder, its suffix fitting its format."""
        suffixes = SUFFIXES[media_type]
        name = PurePosixPath(self.name)
        if name.suffix.lower() in suffixes:
            return self.name
        if self.is_only_of_its_stem:
            return str(name.with_suffix(suffixes[0]))
        return self.name + suffixes[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a photo ended: `error` tells why there is no relit one."""

    photo: Photo
    error: RelightError | OSError | None = None


def photos_in(folder: Path, out: Path) -> Sequence[Photo]:
    """Return the photos of a folder and its subfolders, by name; hidden ones and `out` left out."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _PHOTO_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and out.resolve() not in path.resolve().parents
        and path.is_file()
    ]
    stems = Counter(path.with_suffix("") for path in paths)
    return [
        Photo(path.relative_to(folder).as_posix(), path, stems[path.with_suffix("")] == 1)
        for path in paths
    ]


class Journal:
    """What was done before, and how.

    Args:
        out: the folder of the relit photos; made if it is not there.
        options: of this run.
    """

    def __init__(self, out: Path, options: Options) -> None:
        self.out, self.options = out, options
        out.mkdir(parents=True, exist_ok=True)
        self._path = out / JOURNAL
        self._entries = dict(self._read())
        # A line that was cut off must not spoil the next one.
        lines = "".join(json.dumps(entry) + "\n" for entry in self._entries.values())
        replace_file(self._path, lines.encode())

    def is_done(self, photo: Photo) -> bool:
        """Tell whether the same photo was relit with the same options, and still lies there."""
        entry = self._entries.get(photo.name)
        if entry is None or entry["source"] != self._source(photo):
            return False
        output: Path = self.out / entry["output"]
        return output.is_file() and output.stat().st_size == entry["output_bytes"]

    def keep(self, photo: Photo, relit: Relit) -> None:
        """Write a relit photo, and note it once it is complete."""
        source = self._source(photo)
        output = self.out / photo.output_name(relit.media_type)
        output.parent.mkdir(parents=True, exist_ok=True)
        replace_file(output, relit.data)
        entry = {
            "photo": photo.name,
            "source": source,
            "output": output.relative_to(self.out).as_posix(),
            "output_bytes": len(relit.data),
            "light": str(relit.light),
            "model": relit.model,
        }
        self._entries[photo.name] = entry
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def _source(self, photo: Photo) -> dict[str, Any]:
        """Return what a relit photo depends on."""
        status = photo.path.stat()
        options = {name: str(value) for name, value in sorted(self.options.items())}
        return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "options": options}

    def _read(self) -> Iterator[tuple[str, dict[str, Any]]]:
        if not self._path.exists():
            return
        for line in self._path.read_text().splitlines():
            try:
                entry = json.loads(line)
                yield entry["photo"], entry
            except (ValueError, KeyError, TypeError):
                continue  # a line that was cut off when the machine went down


def replace_file(path: Path, data: bytes) -> None:
    """Write a file that takes its name when it is complete."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


async def relight_folder(
    client: Relighting,
    photos: Sequence[Photo],
    journal: Journal,
    *,
    num_jobs: int,
    observe: Callable[[Outcome], None],
) -> None:
    """Relight photos, so many at once; one that fails hurts no other.

    Args:
        client: what relights.
        photos: which.
        journal: where they go, and with which options.
        num_jobs: most at once.
        observe: told of each as it ends.

    Raises:
        Unauthorized, Forbidden, Unavailable: the service takes none; what is done is kept.
        OSError: a relit photo cannot be written.
    """
    left = iter(photos)

    async def work() -> None:
        for photo in left:
            try:
                relit = await client.relight(photo.path, priority="bulk", **journal.options)
            except _HOPELESS:
                raise
            except (RelightError, OSError) as error:
                observe(Outcome(photo, error))
                continue
            journal.keep(photo, relit)
            observe(Outcome(photo))

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(num_jobs):
                tasks.create_task(work())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
