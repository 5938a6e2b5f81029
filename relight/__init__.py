"""Relight from Python: photos lit from another direction, at another colour temperature.

    from relight import Client

    with Client("http://localhost:8000") as client:
        relit = client.relight("photo.jpg", direction="W", temperature=3200)
        Path("relit.jpg").write_bytes(relit.data)

`AsyncClient` has the same calls to `await`. Every failure is a `RelightError`.

    client     Client, AsyncClient: the HTTP API from Python
    cli        the command `relight`
    options    names, values and limits of a request's options
    lights     directions and colour temperatures
    errors     what can go wrong
"""

from __future__ import annotations

from relight.client import (
    AsyncClient,
    Catalogue,
    Client,
    Image,
    Job,
    JobOptions,
    Maps,
    Priority,
    Relit,
)
from relight.errors import (
    BodyTimeout,
    BodyTooLarge,
    DeadlineExceeded,
    DevicePoisoned,
    Draining,
    Forbidden,
    IdempotencyKeyReused,
    ImageAnimated,
    ImageCorrupt,
    ImageError,
    ImageTooLarge,
    ImageTooSlow,
    ImageTooSmall,
    InferenceFailed,
    InvalidMultipart,
    InvalidOption,
    InvalidRequest,
    InvalidTensor,
    JobNotFound,
    JobUnfinished,
    LightUnreadable,
    MissingImage,
    ModelNotReady,
    ModelRefused,
    OutOfMemory,
    Overloaded,
    RateLimited,
    RelightError,
    ServerFull,
    SigningFailed,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from relight.lights import Light
from relight.options import Options

__all__ = [
    "AsyncClient",
    "BodyTimeout",
    "BodyTooLarge",
    "Catalogue",
    "Client",
    "DeadlineExceeded",
    "DevicePoisoned",
    "Draining",
    "Forbidden",
    "IdempotencyKeyReused",
    "Image",
    "ImageAnimated",
    "ImageCorrupt",
    "ImageError",
    "ImageTooLarge",
    "ImageTooSlow",
    "ImageTooSmall",
    "InferenceFailed",
    "InvalidMultipart",
    "InvalidOption",
    "InvalidRequest",
    "InvalidTensor",
    "Job",
    "JobNotFound",
    "JobOptions",
    "JobUnfinished",
    "Light",
    "LightUnreadable",
    "Maps",
    "MissingImage",
    "ModelNotReady",
    "ModelRefused",
    "Options",
    "OutOfMemory",
    "Overloaded",
    "Priority",
    "RateLimited",
    "RelightError",
    "Relit",
    "ServerFull",
    "SigningFailed",
    "Unauthorized",
    "Unavailable",
    "UnsupportedMediaType",
]
