"""A client of the HTTP API, blocking and asynchronous.

    with Client("http://localhost:8000") as client:
        relit = client.relight("photo.jpg", direction="W", temperature=3200)
        Path("relit.jpg").write_bytes(relit.data)

A call ends within its time, and tries again while that is of use: where there is no connection,
and where the service says (429, 503) when to come back. What fails is raised as the class of
`relight.errors` that the service itself raised; a service out of reach is `Unavailable`.

    http       Client, AsyncClient: the I/O, and nothing else
    calls      what is sent, and when it is sent again
    answers    what comes back, typed
"""

from __future__ import annotations

from relight.client.answers import Catalogue, Relit
from relight.client.calls import Image, Priority
from relight.client.http import AsyncClient, Client

__all__ = ["AsyncClient", "Catalogue", "Client", "Image", "Priority", "Relit"]
