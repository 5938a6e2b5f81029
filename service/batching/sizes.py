"""How many items one call of the device may hold."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


class BatchSizes:
    """The sizes that a device was warmed for, less those that it had no memory for.

    Args:
        sizes: what it was, or will be, warmed for; 1 must be among them.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        if 1 not in sizes:
            raise ValueError(f"batch sizes {tuple(sizes)} lack 1")
        self._sizes = sorted(sizes)
        self._too_large: dict[Hashable, int] = {}

    def largest(self, key: Hashable, num_items: int | None = None) -> int:
        """Return the largest size of a key that is not above `num_items`; None: the largest."""
        most = self._sizes[-1] if num_items is None else num_items
        too_large = self._too_large.get(key, most + 1)
        return max(size for size in self._sizes if size <= most and size < too_large)

    def forbid(self, key: Hashable, size: int) -> None:
        """Never give `size` items of a key, or more, again; single ones always may be."""
        self._too_large[key] = max(2, min(size, self._too_large.get(key, size)))
