"""The soak's rule finds a slow leak, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from bench.soak import Rest, is_kept

NOISE_MB = 8.0  # of memory at rest, as measured


def rests(
    minutes: float, leak_mb: float = 0, num_files: float = 0, num_threads: float = 0, seed: int = 0
) -> list[Rest]:
    """Return a service that warms up, fills its cache, and leaks so much a minute."""
    noise = np.random.default_rng(seed)
    return [
        Rest(
            minute,
            140 + (cache_mb := min(50, 4 * minute)) + leak_mb * minute + noise.normal(0, NOISE_MB),
            cache_mb,
            round(15 + num_files * minute),
            round(12 + num_threads * minute),
        )
        for minute in np.arange(0.4, minutes, 0.4)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_a_leak_of_2_mb_a_minute_is_found_in_30_minutes(seed):
    assert not is_kept(rests(30, leak_mb=2, seed=seed))
    assert is_kept(rests(30, seed=seed))


@pytest.mark.parametrize("seed", range(20))
def test_2_minutes_find_a_large_leak_and_pass_over_noise(seed):
    assert not is_kept(rests(2, leak_mb=60, seed=seed))
    assert is_kept(rests(2, seed=seed))


def test_descriptors_and_threads_that_stay_are_found():
    assert not is_kept(rests(30, num_files=1))
    assert not is_kept(rests(30, num_threads=1))
