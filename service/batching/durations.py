"""T(key, n): measured batch durations of the device."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from service.moving_average import MovingAverage

_WEIGHT: Final = 0.2  # of the newest duration


class Durations:
    """T(key, n): duration of a batch of n items of a key, in seconds.

    Seeded at warm-up and updated by an exponentially weighted moving average. Work may follow from
    a batch, as lighting follows from reading a scene: its time counts from the start.

    Args:
        following: the key of the work that follows from a batch of a key; None: none does.
    """

    def __init__(self, following: Callable[[Hashable], Hashable | None] = lambda key: None) -> None:
        self._following = following
        self._followers: set[Hashable] = set()
        self._known_s: dict[Hashable, dict[int, MovingAverage]] = {}
        self._fastest_s: dict[tuple[Hashable, int], float] = {}
        self._last_key: Hashable = None

    @property
    def last_key(self) -> Hashable:
        """The key measured last of those that work begins with; None at first."""
        return self._last_key

    def following(self, key: Hashable) -> Hashable | None:
        """Return the key of the work that follows from a batch of `key`, if any does."""
        return self._following(key)

    def follows(self, key: Hashable) -> bool:
        """Return whether items of `key` follow from a batch of another key."""
        return key in self._followers

    def observe(self, key: Hashable, size: int, duration_s: float) -> None:
        """Record that a batch of `size` items of `key` took `duration_s`."""
        following = self._following(key)
        if following is not None:
            self._followers.add(following)
        if not self.follows(key):
            self._last_key = key
        known_s = self._known_s.setdefault(key, {})
        known_s.setdefault(size, MovingAverage(_WEIGHT)).observe(duration_s)
        fastest_s = self._fastest_s.get((key, size), duration_s)
        self._fastest_s[key, size] = min(fastest_s, duration_s)

    def doubt(self, key: Hashable, size: int) -> None:
        """Move the estimate for `size` items towards the fastest duration measured.

        An estimate that is too high can keep the device idle; without a batch it would never
        be corrected.
        """
        if size in self._known_s.get(key, {}):
            self._known_s[key][size].observe(self._fastest_s[key, size])
        following = self._following(key)
        if following is not None:
            self.doubt(following, size)

    def estimate_s(self, key: Hashable, size: int) -> float:
        """Return how long it takes until items of `key` need the device no more."""
        following = self._following(key)
        then_s = 0.0 if following is None else self.estimate_s(following, size)
        return self.batch_s(key, size) + then_s

    def batch_s(self, key: Hashable, size: int) -> float:
        """Return the expected duration of one batch; 0 while nothing is known about `key`.

        An unmeasured size is estimated in proportion to the next smaller one, which a
        batch never exceeds by much, else by the next larger one.
        """
        known_s = {n: mean.value or 0.0 for n, mean in self._known_s.get(key, {}).items()}
        if not known_s:
            return 0.0
        below = max((n for n in known_s if n <= size), default=None)
        if below is None:
            return known_s[min(known_s)]
        return known_s[below] * size / below
