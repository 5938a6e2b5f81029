"""API keys: authentication, and a limit on concurrent requests.

The service knows only SHA-256 digests of the keys, as `name:digest`, or `name:digest:bulk` for a
caller of bulk work. Digests suffice for random keys, which do not need the salt and the slow hash
of guessable passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from relight.errors import Forbidden, RateLimited, Unauthorized
from service.traffic.occupancy import Occupancy

BULK = "bulk"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An issued key.

    Attributes:
        name: its owner; shown in logs.
        digest: SHA-256 of the key, in hex.
        is_admin: whether it may reload the models.
        bulk_only: whether it may request bulk work only.
    """

    name: str
    digest: str
    is_admin: bool = False
    bulk_only: bool = False

    @classmethod
    def parse(cls, text: str, *, is_admin: bool) -> ApiKey:
        """Read `name:digest` or `name:digest:bulk`."""
        name, digest, *rest = text.split(":")
        return cls(name, digest.lower(), is_admin, bulk_only=rest == [BULK])


ANONYMOUS = ApiKey("anonymous", "")


def digest_of(key: str) -> str:
    """Return the digest of a key, for the settings."""
    return hashlib.sha256(key.encode()).hexdigest()


class Keyring:
    """All keys. Without any, calls need no key, and reloading is closed.

    Args:
        keys: callers' keys, each as `ApiKey.parse` reads it.
        admin_keys: operators' keys in the same form; they may also call.
        max_concurrency: maximum of concurrent requests per name; None: no limit.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        keys: Sequence[str],
        admin_keys: Sequence[str],
        *,
        max_concurrency: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = [
            *(ApiKey.parse(text, is_admin=False) for text in keys),
            *(ApiKey.parse(text, is_admin=True) for text in admin_keys),
        ]
        self._is_open = not keys
        self._max_concurrency = max_concurrency
        self._requests: defaultdict[str, Occupancy] = defaultdict(lambda: Occupancy(clock))

    def caller(self, given: str | None) -> ApiKey:
        """Return the key of a caller.

        Raises:
            Unauthorized: a key is needed and none is given, or it is unknown.
        """
        if given is None and self._is_open:
            return ANONYMOUS
        return self._find(given)

    def check_admin(self, given: str | None) -> None:
        """Admit operators only.

        Raises:
            Unauthorized: the key is missing or unknown.
            Forbidden: the key is not an operator's.
        """
        if not self._find(given).is_admin:
            raise Forbidden("this needs an admin key")

    @contextmanager
    def slot(self, caller: ApiKey) -> Iterator[None]:
        """Count a request of a caller; several keys of one name share its slots.

        Raises:
            RateLimited: the caller has reached its limit.
        """
        limit, requests = self._max_concurrency, self._requests[caller.name]
        if caller != ANONYMOUS and limit is not None and len(requests) >= limit:
            raise RateLimited(
                f"this key has {limit} requests in flight, which is its limit",
                retry_after_s=requests.until_free_s(1),
            )
        request = requests.begin(1)
        try:
            yield
        finally:
            requests.end(request)

    def _find(self, given: str | None) -> ApiKey:
        if given is None:
            raise Unauthorized("a key is needed: Authorization: Bearer <key>, or X-Api-Key: <key>")
        if not given.strip():
            raise Unauthorized("the key is empty")
        digest = digest_of(given)
        # All are compared in constant time, so the duration reveals nothing.
        found = [key for key in self._keys if hmac.compare_digest(key.digest, digest)]
        if not found:
            raise Unauthorized("the key is unknown")
        return found[-1]
