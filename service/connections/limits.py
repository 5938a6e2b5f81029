"""The bounds of one port's connections, and the files that they need."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Final

# Models, logs, pipes and the event loop's own; and the probes' connections on the second port.
_RESERVED_FILES: Final = 128
OPS_CONNECTIONS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What one port accepts.

    Attributes:
        max_connections: most connections at once; a further one is answered 503 and closed.
        max_header_bytes: most bytes of a request's line and headers, and of its trailers.
        max_headers: most header and trailer fields of a request.
        max_pipelined: most requests that one connection may send ahead of their answers.
        first_byte_timeout_s: time from the connection to its first byte.
        header_timeout_s: time from a request's first byte to the end of its headers.
        idle_timeout_s: time between an answer and the next request.
        write_timeout_s: time in which a client must take some of an answer that waits for it.
    """

    max_connections: int
    max_header_bytes: int = 32_768
    max_headers: int = 100
    max_pipelined: int = 100
    first_byte_timeout_s: float = 30.0
    header_timeout_s: float = 10.0
    idle_timeout_s: float = 75.0
    write_timeout_s: float = 30.0


def raise_file_limit() -> int:
    """Raise this process's soft limit of open files to the hard one; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def connections_within(num_files: int, wanted: int) -> int:
    """Return how many connections the API's port can have.

    Args:
        num_files: most files that the process may open.
        wanted: how many are asked for.
    """
    return max(1, min(wanted, num_files - _RESERVED_FILES - OPS_CONNECTIONS))
