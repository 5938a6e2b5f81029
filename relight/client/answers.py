"""Converts HTTP answers to typed results: a relit photo, the catalogue, or an exception.

The client's half of `service.api.problems`: a problem's `code` names the class that is raised.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypedDict

import httpx

from relight import errors
from relight.errors import InvalidOption, RelightError, Unavailable
from relight.lights import Lamps, Light, parse_light

JobState = Literal["waiting", "running", "succeeded", "failed"]

_TIMING: Final = re.compile(r"(\w+);dur=([\d.]+)")


class HttpAnswer(NamedTuple):
    """An HTTP answer: its URL, status, headers and body."""

    url: str
    status: int
    headers: httpx.Headers
    data: bytes


class Catalogue(TypedDict):
    """The answer of `GET /models`."""

    models: list[dict[str, Any]]
    directions: list[str]
    lights: list[dict[str, Any]]
    formats: list[str]
    answer_formats: list[str]
    marks: dict[str, str | bool | None]
    limits: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relit:
    """A relit photo.

    Attributes:
        data: the image file.
        media_type: its type, such as `image/jpeg`.
        light: its light.
        model: name and abbreviated checksum of the model.
        request_id: id of the request in the service's log.
        etag: entity tag of the answer; None in a batch.
        cache: where the model's output came from: `hit`, `scene`, `miss` or `coalesced`.
        timings_ms: duration of each stage, in order; empty in a batch.
        digital_source_type: the mark in the file's XMP, a URI of IPTC's vocabulary; None
            without a mark.
        content_credentials: `signed` if the file has a C2PA manifest of the service; else
            `dropped` if the photo had one, `none` if it had none; None where nothing is said.
    """

    data: bytes = field(repr=False)
    media_type: str
    light: Light | Lamps
    model: str
    request_id: str
    etag: str | None = None
    cache: str | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    digital_source_type: str | None = None
    content_credentials: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """What a network reads from a photo.

    Attributes:
        pictures: 16-bit PNG files by name: `normals` (OpenGL), `depth` (inverse, white is near),
            `albedo` (sRGB), `shading`, `occlusion` and `relightable` (linear).
        about: what black and white stand for, as `maps.json` says it.
        archive: all of it, the ZIP archive itself.
        model: name and abbreviated checksum of the model.
        request_id: id of the request in the service's log.
    """

    pictures: Mapping[str, bytes] = field(repr=False)
    about: Mapping[str, Any]
    archive: bytes = field(repr=False)
    model: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request that is answered later.

    Attributes:
        id: its name, for later calls.
        operation: path of the call that it stands for: `/relight` or `/relight/batch`.
        state: `waiting`, `running`, `succeeded` or `failed`.
        created_at, ended_at, expires_at: when it was taken, ended, and will be forgotten.
        problem: why it failed; None if it has not.
    """

    id: str
    operation: str
    state: JobState
    created_at: datetime
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    problem: RelightError | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.state in {"succeeded", "failed"}


def read_job(answer: HttpAnswer) -> Job:
    """Read the state of a job."""
    said = json.loads(answer.data)

    def time(name: str) -> datetime | None:
        return datetime.fromisoformat(said[name]) if said[name] else None

    return Job(
        id=said["id"],
        operation=said["operation"],
        state=said["state"],
        problem=read_problem(said["problem"]) if said["problem"] else None,
        created_at=datetime.fromisoformat(said["created_at"]),
        ended_at=time("ended_at"),
        expires_at=time("expires_at"),
    )


def read_submitted(answer: HttpAnswer) -> Job:
    """Read the state of a job that was just submitted.

    Raises:
        RelightError: the service did not take a job.
    """
    if answer.status != 202:
        raise RelightError(
            f"{answer.url} took no job: it answered with status {answer.status} instead of 202. "
            "Jobs may be turned off there"
        )
    return read_job(answer)


def read_nothing(answer: HttpAnswer) -> None:
    """Read an answer without a body."""


def unpack_maps(archive: bytes, *, request_id: str = "") -> Maps:
    """Read the archive of `POST /maps`."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        names = [name for name in file.namelist() if name.endswith(".png")]
        about = json.loads(file.read("maps.json"))
        return Maps(
            pictures={name.removesuffix(".png"): file.read(name) for name in names},
            about=about,
            archive=archive,
            model=about["model"],
            request_id=request_id,
        )


def read_maps(answer: HttpAnswer) -> Maps:
    """Read the answer of `POST /maps`."""
    return unpack_maps(answer.data, request_id=answer.headers.get("x-request-id", ""))


def read_relit(answer: HttpAnswer) -> Relit:
    """Read the answer of `POST /relight`."""
    headers = answer.headers
    return Relit(
        data=answer.data,
        media_type=headers["content-type"],
        light=parse_light(headers["x-light"]),
        model=headers["x-model"],
        request_id=headers.get("x-request-id", ""),
        etag=headers.get("etag"),
        cache=headers.get("x-cache"),
        timings_ms={n: float(ms) for n, ms in _TIMING.findall(headers.get("server-timing", ""))},
        digital_source_type=headers.get("x-digital-source-type"),
        content_credentials=headers.get("x-content-credentials"),
    )


def read_batch(answer: HttpAnswer) -> Sequence[Relit | RelightError]:
    """Read the answer of `POST /relight/batch`: the result or error of each photo, in order."""
    request_id = answer.headers.get("x-request-id", "")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:

        def read(entry: Mapping[str, Any]) -> Relit | RelightError:
            if "problem" in entry:
                return read_problem(entry["problem"])
            return Relit(
                data=archive.read(entry["member"]),
                media_type=entry["media_type"],
                light=parse_light(entry["light"]),
                model=entry["model"],
                request_id=request_id,
                digital_source_type=entry.get("digital_source_type"),
                content_credentials=entry.get("content_credentials"),
            )

        return [read(entry) for entry in json.loads(archive.read("manifest.json"))["images"]]


def read_catalogue(answer: HttpAnswer) -> Catalogue:
    """Read the answer of `GET /models`."""
    catalogue: Catalogue = json.loads(answer.data)
    return catalogue


def read_failure(answer: HttpAnswer) -> RelightError:
    """Return the exception for an answer other than 2xx."""
    try:
        return read_problem(json.loads(answer.data), retry_after_s=_retry_after_s(answer))
    except (ValueError, KeyError, TypeError):  # not from this service: a proxy's own page
        detail = f"{answer.url} answered with status {answer.status}"
        if answer.status in {429, 503}:
            return Unavailable(detail, retry_after_s=_retry_after_s(answer))
        return RelightError(detail)


def read_problem(problem: Mapping[str, Any], *, retry_after_s: float = 0.0) -> RelightError:
    """Return the exception for an RFC 9457 problem; for an unknown code, a plain `RelightError`.

    Raises:
        KeyError, TypeError: it is not a problem of this service.
    """
    kind = _KINDS.get(problem["code"], RelightError)
    error: RelightError
    if issubclass(kind, InvalidOption):
        allowed = tuple(problem.get("allowed", ()))
        error = kind(problem["detail"], option=problem.get("option", ""), allowed=allowed)
    elif issubclass(kind, Unavailable):
        exact_ms = float(problem.get("retry_after_ms", retry_after_s * 1e3))
        error = kind(problem["detail"], retry_after_s=exact_ms / 1e3)
    else:
        error = kind(problem["detail"])
    error.request_id = problem["request_id"]
    return error


def _retry_after_s(answer: HttpAnswer) -> float:
    """Read `Retry-After` in seconds; a date, which this service never sends, counts as none."""
    asked = answer.headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdecimal() else 0.0


_KINDS: Final = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RelightError) and "code" in vars(kind)
}
