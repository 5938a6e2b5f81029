"""Parses HTTP/1.1 with httptools, and ignores requests for another protocol.

A request may ask for another protocol: Java's client asks for HTTP/2 with every first one. A server
may ignore that (RFC 9110, section 7.8). httptools cannot: it takes the request for one without a
body, and what follows for the other protocol, so that bodies are lost or read as requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import httptools


class Callbacks(Protocol):
    """What the parser calls, and what these have noted of the request in work."""

    @property
    def url(self) -> bytes:
        """Its target."""

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Its header fields, the names in lower case."""

    def on_read_again(self) -> None:
        """Expect the calls for the request's head once more; the first ones did not count."""


class PlainParser:
    """Parses requests, and ignores that one asks for another protocol.

    Such a request is parsed a second time, without the field `Upgrade`; `should_upgrade` is
    true during the calls of the first time. CONNECT is refused, as no server but a proxy has it.

    Args:
        callbacks: as httptools has them.
    """

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._parser = _new_parser(callbacks)

    def feed_data(self, data: bytes) -> None:
        """Parse.

        Raises:
            httptools.HttpParserError: it is no HTTP/1, or asks for a tunnel.
        """
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self.get_method() == b"CONNECT":
                    raise httptools.HttpParserError("this is no proxy") from None
                data = self._head() + data[upgrade.args[0] :]
                self._parser = _new_parser(self._callbacks)
                self._callbacks.on_read_again()
            else:
                return

    def _head(self) -> bytes:
        """Return the request's line and headers without `Upgrade`."""
        line = b"%s %s HTTP/%s" % (
            self.get_method(),
            self._callbacks.url,
            self.get_http_version().encode(),
        )
        kept = [field for field in self._callbacks.headers if field[0] != b"upgrade"]
        return b"\r\n".join([line, *(b"%s: %s" % field for field in kept), b"", b""])

    def get_method(self) -> bytes:
        """Return the method of the request in work."""
        return bytes(self._parser.get_method())

    def get_http_version(self) -> str:
        """Return the version of the request in work, such as `1.1`."""
        return str(self._parser.get_http_version())

    def should_keep_alive(self) -> bool:
        """Whether the connection stays open behind the request in work."""
        return bool(self._parser.should_keep_alive())

    def should_upgrade(self) -> bool:
        """Whether the request in work is parsed in vain, as it asks for another protocol."""
        return bool(self._parser.should_upgrade())


def _new_parser(callbacks: Callbacks) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(callbacks)
    # As uvicorn has it: the answer to a request leaves, whatever follows behind the last one.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
