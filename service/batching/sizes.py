"""Bounds how many items a device gets at once: in one batch, or in batches of one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


class BatchSizes:
    """The numbers that a device was warmed for, minus those that exceed its memory.

    Args:
        sizes: the sizes of the warm-up; must include 1.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        if 1 not in sizes:
            raise ValueError(f"batch sizes {tuple(sizes)} lack 1")
        self._sizes = sorted(sizes)
        self._too_large: dict[Hashable, int] = {}

    def largest(self, key: Hashable, num_items: int | None = None) -> int:
        """Return the largest size of a key up to `num_items`; None: the largest of all."""
        most = self._sizes[-1] if num_items is None else num_items
        too_large = self._too_large.get(key, most + 1)
        return max(size for size in self._sizes if size <= most and size < too_large)

    def enough(self, key: Hashable, num_items: int) -> int:
        """Return the smallest size of a key that holds `num_items`, else its largest."""
        largest = self.largest(key)
        return min((n for n in self._sizes if num_items <= n <= largest), default=largest)

    def forbid(self, key: Hashable, size: int) -> None:
        """Never allow `size` or more items of a key again; a single one is always allowed."""
        self._too_large[key] = max(2, min(size, self._too_large.get(key, size)))
