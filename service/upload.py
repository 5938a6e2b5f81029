"""The body of a relight request: the image itself, or a multipart form that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from service.errors import InvalidMultipart, MissingImage

IMAGE_FIELDS: Final = ("image_file", "image", "file")

_MAX_FIELDS: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """What a body holds.

    Attributes:
        data: the image file's bytes, not empty.
        fields: the form's other fields, in order; none in a raw body.
    """

    data: bytes
    fields: tuple[tuple[str, str], ...] = ()


async def read_upload(request: Request, max_body_bytes: int) -> Upload:
    """Read the body of `request`.

    Anything but multipart counts as the image itself, whatever its Content-Type says.

    Args:
        request: not read yet.
        max_body_bytes: the body's limit, which the middleware keeps.

    Raises:
        InvalidMultipart: the form is malformed.
        MissingImage: there is no image, or an empty one.
    """
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        upload = await _read_form(request, max_body_bytes)
    else:
        upload = Upload(await request.body())
    if not upload.data:
        raise MissingImage("the image is empty: send it as the body, or as a multipart file")
    return upload


async def _read_form(request: Request, max_body_bytes: int) -> Upload:
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=_MAX_FIELDS)
    # Else each part over 1 MiB goes through a file on disk and a thread for every chunk.
    parser.spool_max_size = max_body_bytes
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidMultipart(f"the form is malformed: {error.message}") from error
    try:
        images = [value for name, value in form.multi_items() if name in IMAGE_FIELDS]
        if not images or not isinstance(images[0], UploadFile):
            names = ", ".join(map(repr, IMAGE_FIELDS))
            raise MissingImage(f"the form has no file (with a filename) named one of {names}")
        data = await images[0].read()
        fields = [(n, v) for n, v in form.multi_items() if n not in IMAGE_FIELDS]
        return Upload(data, tuple((n, v) for n, v in fields if isinstance(v, str)))
    finally:
        await form.close()
