"""A client of the HTTP API, blocking and asynchronous.

    with Client("http://localhost:8000") as client:
        relit = client.relight("photo.jpg", direction="W", temperature=3200)
        Path("relit.jpg").write_bytes(relit.data)

A call ends within its time limit. It retries if it cannot connect, and if the service asks for it
(429, 503). A failure is raised as the class of `relight.errors` that the service raised; a service
that cannot be reached is `Unavailable`.

    http       Client, AsyncClient: the I/O
    jobs       what both do about jobs
    calls      requests and retries
    files      images as files that can be sent again
    answers    typed answers
"""

from __future__ import annotations

from relight.client.answers import Catalogue, Job, Maps, Relit, unpack_maps
from relight.client.calls import JobOptions, Priority
from relight.client.files import Image
from relight.client.http import AsyncClient, Client

__all__ = [
    "AsyncClient",
    "Catalogue",
    "Client",
    "Image",
    "Job",
    "JobOptions",
    "Maps",
    "Priority",
    "Relit",
    "unpack_maps",
]
