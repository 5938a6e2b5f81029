"""Keeps decoded photos, so that a further light need not decode them again.

They take what the outputs of the models leave of the cache's bytes. The second light of a photo
keeps it, so a photo with one light costs nothing. A photo that is kept is read-only: its answers
are written beside the pixels instead of over them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from cachetools import LRUCache

from service.relighting.pipeline import Prepared


class KeptPhotos:
    """Keep the most recently used photos; used by one event loop only.

    Args:
        max_bytes: bound on their bytes and those of the outputs together.
        num_output_bytes: returns the bytes of the outputs, which come first.
    """

    def __init__(self, max_bytes: int, num_output_bytes: Callable[[], int]) -> None:
        self._max_bytes = max_bytes
        self._num_output_bytes = num_output_bytes
        self._photos: LRUCache[Hashable, Prepared] = LRUCache(
            max_bytes, getsizeof=lambda prepared: prepared.num_bytes
        )

    @property
    def num_bytes(self) -> int:
        """Bytes of the photos."""
        return int(self._photos.currsize)

    def get(self, key: Hashable) -> Prepared | None:
        """Return a photo, or None if it is not kept."""
        self.shrink()
        return self._photos.get(key)

    def keep(self, key: Hashable, prepared: Prepared) -> None:
        """Keep a photo, if there is enough memory when all others are dropped."""
        if prepared.num_bytes + self._num_output_bytes() > self._max_bytes:
            return
        prepared.photo.pixels.flags.writeable = False
        self._photos[key] = prepared
        self.shrink()

    def shrink(self) -> None:
        """Drop the photos that were not used for longest, until the rest is within the bound."""
        while self._photos and self.num_bytes + self._num_output_bytes() > self._max_bytes:
            self._photos.popitem()
