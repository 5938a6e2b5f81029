from __future__ import annotations

import asyncio

import pytest

from relight.errors import DeadlineExceeded, InferenceFailed
from service.traffic.cache import Cache


class Maker:
    """Makes bytes when it is let, and counts how often it was asked."""

    def __init__(self) -> None:
        self.num_calls = 0
        self.free = asyncio.Event()
        self.failures: list[Exception] = []

    async def __call__(self) -> bytes:
        self.num_calls += 1
        await self.free.wait()
        if self.failures:
            raise self.failures.pop()
        return b"1234"


async def test_an_answer_is_computed_once_and_kept():
    cache, make = Cache[bytes](100, len), Maker()
    make.free.set()
    assert await cache.get("k", make) == (b"1234", "miss")
    assert await cache.get("k", make) == (b"1234", "hit")
    assert make.num_calls == 1


async def test_simultaneous_callers_share_one_computation():
    cache, make = Cache[bytes](100, len), Maker()
    asked = [asyncio.create_task(cache.get("k", make)) for _ in range(20)]
    await asyncio.sleep(0)
    make.free.set()
    origins = [origin for _, origin in await asyncio.gather(*asked)]
    assert make.num_calls == 1
    assert sorted(origins) == ["coalesced"] * 19 + ["miss"]


async def test_only_calls_of_the_same_urgency_share_one_computation():
    cache, make = Cache[bytes](100, len), Maker()
    asked = [asyncio.create_task(cache.get("k", make, urgency=u)) for u in (0, 1, 0, 1)]
    await asyncio.sleep(0)
    make.free.set()
    origins = [origin for _, origin in await asyncio.gather(*asked)]
    assert make.num_calls == 2
    assert origins == ["miss", "miss", "coalesced", "coalesced"]


async def test_the_first_caller_may_leave_without_hurting_the_others():
    cache, make = Cache[bytes](100, len), Maker()
    first, second = (asyncio.create_task(cache.get("k", make)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    make.free.set()
    assert (await second)[0] == b"1234"
    assert make.num_calls == 1


async def test_when_all_callers_have_left_the_computation_stops_and_the_next_begins_anew():
    cache, make = Cache[bytes](100, len), Maker()
    left = [asyncio.create_task(cache.get("k", make)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in left:
        task.cancel()
    next_one = asyncio.create_task(cache.get("k", make))
    await asyncio.sleep(0)
    make.free.set()
    assert (await next_one)[0] == b"1234"
    assert all(task.cancelled() for task in left)


async def test_a_deadline_of_the_first_is_not_the_others():
    cache, make = Cache[bytes](100, len), Maker()
    make.failures = [DeadlineExceeded("the first one's")]
    first, second = (asyncio.create_task(cache.get("k", make)) for _ in range(2))
    await asyncio.sleep(0)
    make.free.set()
    with pytest.raises(DeadlineExceeded):
        await first
    assert (await second)[0] == b"1234"


async def test_a_failure_is_raised_to_all_waiting_callers_and_not_kept():
    cache, make = Cache[bytes](100, len), Maker()
    make.failures = [InferenceFailed("no")]
    asked = [asyncio.create_task(cache.get("k", make)) for _ in range(3)]
    await asyncio.sleep(0)
    make.free.set()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(result, InferenceFailed) for result in results)
    assert (await cache.get("k", make))[1] == "miss"


async def test_it_never_holds_more_bytes_than_it_may_and_forgets_the_least_used():
    cache, make = Cache[bytes](10, len), Maker()
    make.free.set()
    for key in ("a", "b", "a", "c"):  # 4 bytes each: two fit
        await cache.get(key, make)
        assert cache.num_bytes <= 10
    assert (await cache.get("a", make))[1] == "hit"
    assert (await cache.get("b", make))[1] == "miss"


async def test_answers_larger_than_the_cache_are_not_kept():
    cache, make = Cache[bytes](3, len), Maker()
    make.free.set()
    assert (await cache.get("k", make))[1] == "miss"
    assert cache.num_bytes == 0


async def test_without_memory_nothing_is_kept_or_shared():
    cache, make = Cache[bytes](0, len), Maker()
    make.free.set()
    origins = await asyncio.gather(*(cache.get("k", make) for _ in range(3)))
    assert [origin for _, origin in origins] == ["miss"] * 3
    assert make.num_calls == 3
