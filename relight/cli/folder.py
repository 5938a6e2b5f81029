"""Relights a folder of photos; an interrupted run can be resumed.

    photos_in -> Journal.is_done -> relight_folder -> photo by photo: relit, moved, recorded

A relit photo appears under its name only when all of it is written, and takes the place of no
file but an earlier one of its own. The journal, a line of JSON for each relit photo, lies among
them and says what need not be done again, and which names are whose.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Unpack

from relight.atomic import replacing
from relight.cli.output_names import SUFFIXES, OutputNames
from relight.client import Catalogue, Maps, Priority, Relit
from relight.errors import Forbidden, RelightError, Unauthorized, Unavailable
from relight.options import Options

JOURNAL: Final = "relight.jsonl"

_PHOTO_SUFFIXES: Final = {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}
_HOPELESS: Final = (Unauthorized, Forbidden, Unavailable)  # for the next photo as well
_HOPELESS_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class Relighting(Protocol):
    """A client: `relight.client.AsyncClient` or `relight.cli.local.LocalClient`."""

    async def relight(
        self,
        image: Path | bytes,
        *,
        mask: Path | bytes | None = None,
        depth: Path | bytes | None = None,
        reference: Path | bytes | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Relit:
        """Relight one photo: the path of a file, or its bytes."""

    async def maps(self, image: Path, *, model: str | None = None) -> Maps:
        """Return what a model reads from one photo."""

    async def models(self) -> Catalogue:
        """Return the models, lights, formats and limits."""


@dataclass(frozen=True, slots=True)
class SourcePhoto:
    """A photo to relight.

    Attributes:
        name: its path inside the folder, with `/`.
        path: path of the file.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class PhotoOutcome:
    """The outcome of a photo; `error` is the reason of a failure."""

    photo: SourcePhoto
    error: RelightError | OSError | None = None


def photos_in(
    folder: Path, out: Path, on_unreadable: Callable[[OSError], None] = lambda _: None
) -> Sequence[SourcePhoto]:
    """Return the photos of a folder and its subfolders, by name; hidden ones are left out.

    So are relit ones: what lies in `out`, where that is inside the folder; where it is around
    it, what its journal names.

    Args:
        folder: where they are looked for.
        out: the folder of the relit photos.
        on_unreadable: called with the error of each folder that cannot be read.
    """
    real_folder, real_out = os.path.realpath(folder), os.path.realpath(out)
    is_around = Path(real_folder).is_relative_to(real_out)
    relit = {os.path.realpath(out / name) for name in _outputs(out)} if is_around else set()
    photos = []
    for path in sorted(_files(folder, on_unreadable)):
        real = os.path.realpath(path)  # as Path.resolve, but it bears links in a circle
        is_relit = real in relit if is_around else Path(real).is_relative_to(real_out)
        if path.suffix.lower() in _PHOTO_SUFFIXES and not is_relit and path.is_file():
            photos.append(SourcePhoto(path.relative_to(folder).as_posix(), path))
    return photos


def _files(folder: Path, on_unreadable: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield what is no folder, in a folder and its subfolders, but for hidden ones."""
    for parent, folders, names in os.walk(folder, onerror=on_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def _outputs(out: Path) -> Iterator[str]:
    return (entry["output"] for entry in _entries(out / JOURNAL))


def _entries(journal: Path) -> Iterator[dict[str, Any]]:
    if not journal.exists():
        return
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # a line truncated by a power cut
        if isinstance(entry, dict) and {"photo", "output"} <= entry.keys():
            yield entry


class Journal:
    """What was done before, and how; which names are whose.

    Args:
        out: the folder of the relit photos; created if missing.
        options: options of this run.
        photos: of this run.
    """

    def __init__(self, out: Path, options: Options, photos: Sequence[SourcePhoto]) -> None:
        self.out, self.options = out, options
        out.mkdir(parents=True, exist_ok=True)
        self._path = out / JOURNAL
        self._by_output: dict[str, dict[str, Any]] = {}
        for entry in _entries(self._path):
            self._by_output.pop(entry["output"], None)  # the order is that of time
            self._by_output[entry["output"]] = entry
        self._by_photo = {entry["photo"]: entry for entry in self._by_output.values()}
        taken = {output: entry["photo"] for output, entry in self._by_output.items()}
        self._names = OutputNames([photo.name for photo in photos], taken)
        # A truncated line must not corrupt the next one.
        lines = "".join(json.dumps(entry) + "\n" for entry in self._by_output.values())
        with replacing(self._path) as file:
            file.write(lines.encode())

    def is_done(self, photo: SourcePhoto) -> bool:
        """Return whether the same photo was relit with the same options and still exists."""
        entry = self._by_photo.get(photo.name)
        try:
            if entry is None or entry.get("source") != self.source(photo):
                return False
            return bool((self.out / entry["output"]).stat().st_size == entry["output_bytes"])
        except OSError:
            return False

    def source(self, photo: SourcePhoto) -> dict[str, Any]:
        """Return everything that a relit photo depends on.

        Raises:
            OSError: the photo is gone.
        """
        status = photo.path.stat()
        options = {name: str(value) for name, value in sorted(self.options.items())}
        return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "options": options}

    def keep(self, photo: SourcePhoto, relit: Relit, source: dict[str, Any]) -> None:
        """Write a relit photo, and record it once it is complete.

        Args:
            photo: which.
            relit: what became of it.
            source: what `source` returned before.

        Raises:
            OSError: it cannot be written, or its name is that of a file of someone else.
        """
        name = self._names.name(photo.name, relit.media_type)
        path = self.out / name
        if name not in self._by_output:
            if os.path.lexists(path):
                raise FileExistsError(f"{path} is there, and no run of relight wrote it: move it")
            # Noted first: a run that is killed between the two must find its own file.
            self._note({"photo": photo.name, "output": name})
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(relit.data)
        self._note(
            {
                "photo": photo.name,
                "source": source,
                "output": name,
                "output_bytes": len(relit.data),
                "light": str(relit.light),
                "model": relit.model,
            }
        )

    def _note(self, entry: dict[str, Any]) -> None:
        self._by_output[entry["output"]] = self._by_photo[entry["photo"]] = entry
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


async def relight_folder(
    client: Relighting,
    photos: Sequence[SourcePhoto],
    journal: Journal,
    *,
    num_jobs: int,
    observe: Callable[[PhotoOutcome], None],
) -> None:
    """Relight photos concurrently; a failure does not affect the others.

    Args:
        client: the client.
        photos: the photos.
        journal: the destination and the options.
        num_jobs: maximum number at once.
        observe: called with each outcome.

    Raises:
        Unauthorized, Forbidden, Unavailable: the service refuses all; finished photos are kept.
        OSError: there is no space left, or the disk takes no more.
    """
    left = iter(photos)

    async def work() -> None:
        for photo in left:
            try:
                source = journal.source(photo)
                relit = await client.relight(photo.path, priority="bulk", **journal.options)
                journal.keep(photo, relit, source)
            except _HOPELESS:
                raise
            except (RelightError, OSError) as error:
                if getattr(error, "errno", None) in _HOPELESS_ERRNOS:
                    raise
                observe(PhotoOutcome(photo, error))
            else:
                observe(PhotoOutcome(photo))

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(num_jobs):
                tasks.create_task(work())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
