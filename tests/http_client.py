"""The HTTP client of the tests: httpx, with a timeout that a loaded machine keeps.

All calls share one TLS context. httpx makes one for each call otherwise, which takes 30 ms of CPU
time, and the services here speak plain HTTP.
"""

from __future__ import annotations

import ssl
from functools import partial
from typing import Final

import httpx

TIMEOUT_S: Final = 50.0  # below pytest's own, so that a test names the call that hung

_KNOBS: Final = {"timeout": TIMEOUT_S, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}

get = partial(httpx.get, **_KNOBS)
head = partial(httpx.head, **_KNOBS)
post = partial(httpx.post, **_KNOBS)
put = partial(httpx.put, **_KNOBS)
delete = partial(httpx.delete, **_KNOBS)
request = partial(httpx.request, **_KNOBS)
stream = partial(httpx.stream, **_KNOBS)
AsyncClient = partial(httpx.AsyncClient, **_KNOBS)
