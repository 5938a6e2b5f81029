"""API keys: who may call, and how much at once.

The service knows only SHA-256 digests of the keys, as `name:digest`. That is enough for keys
that a machine made: what protects a guessable password, salt and slowness, they do not need.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from service.errors import Forbidden, RateLimited, Unauthorized

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was given to somebody.

    Attributes:
        name: whose it is; shown in logs.
        digest: SHA-256 of the key, in hex.
        is_admin: whether it may reload the models.
    """

    name: str
    digest: str
    is_admin: bool

    @classmethod
    def parse(cls, text: str, *, is_admin: bool) -> Key:
        """Read `name:digest`."""
        name, _, digest = text.partition(":")
        return cls(name, digest.lower(), is_admin)


def digest_of(key: str) -> str:
    """Return what the settings hold instead of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


class Keyring:
    """All keys. Without any, everybody may call, but nobody may reload.

    Args:
        keys: callers' keys, each `name:digest`.
        admin_keys: operators' keys, written alike; they may call, too.
        max_concurrency: most requests at once for one name; None: no limit.
    """

    def __init__(
        self, keys: Sequence[str], admin_keys: Sequence[str], *, max_concurrency: int | None
    ) -> None:
        self._keys = [
            *(Key.parse(text, is_admin=False) for text in keys),
            *(Key.parse(text, is_admin=True) for text in admin_keys),
        ]
        self._is_open = not keys
        self._max_concurrency = max_concurrency
        self._num_requests: Counter[str] = Counter()

    def caller(self, given: str | None) -> str:
        """Return the name of whoever calls with a key.

        Raises:
            Unauthorized: a key is needed and none is given, or it is unknown.
        """
        if given is None and self._is_open:
            return ANONYMOUS
        return self._find(given).name

    def check_admin(self, given: str | None) -> None:
        """Let operators pass.

        Raises:
            Unauthorized: there is no key, or it is unknown.
            Forbidden: it is no operator's.
        """
        if not self._find(given).is_admin:
            raise Forbidden("this needs an admin key")

    @contextmanager
    def slot(self, caller: str) -> Iterator[None]:
        """Count a request of a caller.

        Raises:
            RateLimited: the caller has as many in flight as it may have.
        """
        limit = self._max_concurrency
        if caller != ANONYMOUS and limit is not None and self._num_requests[caller] >= limit:
            raise RateLimited(f"this key has {limit} requests in flight, as many as it may have")
        self._num_requests[caller] += 1
        try:
            yield
        finally:
            self._num_requests[caller] -= 1

    def _find(self, given: str | None) -> Key:
        if given is None:
            raise Unauthorized("a key is needed: Authorization: Bearer <key>, or X-Api-Key: <key>")
        digest = digest_of(given)
        # All are compared, in constant time: how long it takes tells nothing about any.
        found = [key for key in self._keys if hmac.compare_digest(key.digest, digest)]
        if not found:
            raise Unauthorized("the key is unknown")
        return found[-1]
