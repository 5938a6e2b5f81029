"""Reads the body of a request: an image, or a multipart form with one or many."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from relight.errors import InvalidMultipart, InvalidOption, MissingImage
from service.api.form_parser import FormParser

IMAGE_FIELDS: Final = ("image_file", "image", "file")

COMPANION_FIELDS: Final = ("mask", "depth", "reference")  # files that a photo may bring along

_NAMES: Final = ", ".join(map(repr, IMAGE_FIELDS))


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """The content of a body.

    Attributes:
        data: the image file's bytes, not empty.
        fields: the form's other fields, in order; none in a raw body.
        companions: the files that came with it, by name.
    """

    data: bytes
    fields: tuple[tuple[str, str], ...] = ()
    companions: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class UploadedPhoto:
    """One file of a form: the caller's name for it, and its bytes."""

    name: str
    data: bytes


async def read_upload(
    request: Request, max_body_bytes: int, *, companions: Sequence[str] = ()
) -> Upload:
    """Read the body of `request`.

    Any body except multipart is the image itself, whatever its Content-Type.

    Args:
        request: the request, not read yet.
        max_body_bytes: limit of the body, enforced by the middleware.
        companions: names of further files that the form may have, one of each.

    Raises:
        InvalidMultipart: the form is malformed.
        MissingImage: there is no image, or an empty one.
    """
    if _is_form(request):
        upload = await _read_single(request, max_body_bytes, companions)
    else:
        upload = Upload(await request.body())
    if not upload.data:
        raise MissingImage("the image is empty: send it as the body, or as a multipart file")
    return upload


async def read_photos(
    request: Request, max_body_bytes: int, *, max_photos: int
) -> tuple[Sequence[UploadedPhoto], Sequence[tuple[str, str]]]:
    """Read a form with many photos; return them and the other fields, in order.

    Args:
        request: the request, not read yet.
        max_body_bytes: limit of the body, enforced by the middleware.
        max_photos: maximum number of files.

    Raises:
        InvalidMultipart: the form is malformed, has too many files, or is missing.
        MissingImage: there is no photo.
    """
    if not _is_form(request):
        raise InvalidMultipart("send the photos as files of a multipart form")
    async with _form(request, max_body_bytes, max_files=max_photos) as form:
        items = form.multi_items()
        photos = [
            await _taken(value)
            for name, value in items
            if name in IMAGE_FIELDS and isinstance(value, UploadFile)
        ]
        fields = [(n, v) for n, v in items if n not in IMAGE_FIELDS and isinstance(v, str)]
    for name, _ in items:
        if name in COMPANION_FIELDS:
            raise InvalidOption(f"a {name} belongs to one photo: use /relight", option=name)
    if not photos:
        raise MissingImage(f"the form has no file named one of {_NAMES}")
    return photos, fields


async def _taken(file: UploadFile) -> UploadedPhoto:
    """Read a file of a form and free it there, so that no body is in memory twice."""
    data = await file.read()
    await file.close()
    return UploadedPhoto(file.filename or "", data)


async def _read_single(request: Request, max_body_bytes: int, companions: Sequence[str]) -> Upload:
    async with _form(request, max_body_bytes, max_files=1 + len(companions)) as form:
        files = [(n, v) for n, v in form.multi_items() if isinstance(v, UploadFile)]
        images = [file for name, file in files if name in IMAGE_FIELDS]
        if not images:
            raise MissingImage(f"the form has no file named one of {_NAMES}")
        if len(images) > 1:
            raise InvalidMultipart("the form has more than one photo; a batch may have many")
        others = [(name, file) for name, file in files if name in companions]
        if len({name for name, _ in others}) < len(others):
            raise InvalidMultipart("the form has two files of one name")
        data = await images[0].read()
        found = {name: await file.read() for name, file in others}
        fields = [(n, v) for n, v in form.multi_items() if n not in IMAGE_FIELDS]
        return Upload(data, tuple((n, v) for n, v in fields if isinstance(v, str)), found)


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


@asynccontextmanager
async def _form(
    request: Request, max_body_bytes: int, *, max_files: int
) -> AsyncIterator[FormData]:
    parser = FormParser(
        request.headers,
        request.stream(),
        max_files=max_files,
        file_names=(*IMAGE_FIELDS, *COMPANION_FIELDS),
    )
    # By default each part over 1 MiB uses a file on disk and a thread for every chunk.
    parser.spool_max_size = max_body_bytes
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidMultipart(f"the form is malformed: {error.message}") from error
    try:
        yield form
    finally:
        await form.close()
