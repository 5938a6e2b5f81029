"""Closes a refused connection so that its client gets the answer (RFC 9112, section 9.6).

A client that is still sending loses an answer behind which its connection is closed at once: the
kernel resets the connection. So its bytes are read and dropped until it closes, or for a moment.
"""

from __future__ import annotations

import asyncio
from typing import Final

MAX_LINGERING: Final = 32  # connections; each takes one of the files that are reserved
_LINGER_S: Final = 2.0


class _Dropping(asyncio.Protocol):
    """Drops what comes, and ends as the protocol in whose place it stands."""

    def __init__(self, refused: asyncio.Protocol) -> None:
        self._refused = refused

    def connection_lost(self, exc: Exception | None) -> None:
        self._refused.connection_lost(exc)


def close_lingering(transport: asyncio.Transport, refused: asyncio.Protocol) -> None:
    """Close a connection once its client has closed it, at most two seconds later.

    Args:
        transport: the connection, with the whole answer written.
        refused: its protocol, which hears of nothing but the end.
    """
    if not transport.can_write_eof():  # TLS
        transport.close()
        return
    transport.set_protocol(_Dropping(refused))
    transport.write_eof()
    asyncio.get_running_loop().call_later(_LINGER_S, transport.abort)
