"""The slider cache and entity tags, over real HTTP."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from service.api.negotiation import parse_if_none_match
from service.relighting import photo_reader
from service.relighting.pipeline import prepare
from tests import http_client as http
from tests.service.calls import metric, relight, wait_until
from tests.service.stand_ins import encoded

CACHE_BYTES = 10_000_000


async def test_twenty_temperatures_of_one_photo_cost_one_inference(fake_service, png):
    with fake_service(lambda n: 0.05, cache_bytes=CACHE_BYTES) as (url, engine):
        async with http.AsyncClient(base_url=url) as client:
            answers = await asyncio.gather(
                *(
                    client.post("/relight", content=png, params={"temperature": 2500 + 100 * i})
                    for i in range(20)
                )
            )
        later = relight(url, png, temperature=9000)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 20
    assert sum(engine.batch_sizes) == 1
    assert later.headers["x-cache"] == "hit"
    assert "infer" not in later.headers["server-timing"]


async def test_requests_that_share_an_inference_are_not_refused_for_each_other(fake_service, png):
    knobs = {"cache_bytes": CACHE_BYTES, "max_queue_wait_ms": 750, "max_batch_size": 1}
    with fake_service(lambda n: 0.5, **knobs) as (url, engine):
        async with http.AsyncClient(base_url=url) as client:
            answers = await asyncio.gather(
                *(
                    client.post("/relight", content=png, params={"temperature": 2500 + 100 * i})
                    for i in range(20)
                )
            )
    assert {answer.status_code for answer in answers} == {200}
    assert sum(engine.batch_sizes) == 1


def test_a_photo_without_inference_does_not_count_at_admission(
    fake_service, png, picture, monkeypatch
):
    untouched, free = encoded(picture[::-1], "png"), threading.Event()

    def held_up(data, *arguments, **options):
        if data == untouched:
            free.wait(50)
        return prepare(data, *arguments, **options)

    monkeypatch.setattr(photo_reader, "prepare", held_up)
    knobs = {
        "cache_bytes": CACHE_BYTES,
        "max_queue_wait_ms": 400,
        "max_batch_size": 1,
        "num_threads": 2,
    }
    with fake_service(lambda n: 0.5, **knobs) as (url, _), ThreadPoolExecutor() as thread:
        try:
            first = thread.submit(relight, url, untouched, strength=0)
            wait_until(
                lambda: metric(url, 'relight_requests_outstanding{priority="interactive"}') == 1
            )
            assert relight(url, png).status_code == 200
        finally:
            free.set()
        assert first.result().status_code == 200


def test_another_photo_or_side_is_another_inference(fake_service, png, picture):
    other = encoded(picture[::-1], "png")
    with fake_service(lambda n: 0.0, cache_bytes=CACHE_BYTES) as (url, engine):
        for data, direction in ((png, "E"), (png, "W"), (other, "E"), (png, "E")):
            relight(url, data, direction=direction)
    assert sum(engine.batch_sizes) == 3


def test_a_hit_is_the_same_image_as_a_miss(fake_service, png):
    with fake_service(lambda n: 0.0, cache_bytes=CACHE_BYTES) as (url, _):
        miss, hit = relight(url, png), relight(url, png)
    assert (miss.headers["x-cache"], hit.headers["x-cache"]) == ("miss", "hit")
    assert miss.content == hit.content


def test_an_answer_that_the_caller_has_is_not_made_again(fake_service, png):
    with fake_service(lambda n: 0.0) as (url, engine):
        tag = relight(url, png).headers["etag"]
        again = http.post(f"{url}/relight", content=png, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert sum(engine.batch_sizes) == 1
        other = http.post(
            f"{url}/relight?strength=0.5", content=png, headers={"If-None-Match": tag}
        )
        assert other.status_code == 200
        assert other.headers["etag"] != tag


def test_two_ways_to_say_the_same_have_one_tag(url, png):
    by_light = relight(url, png, light="W-3000").headers["etag"]
    assert relight(url, png, direction="W", temperature=3000).headers["etag"] == by_light
    assert relight(url, png, direction="W", temperature=3001).headers["etag"] != by_light


def test_tags_are_compared_weakly_and_lists_are_read():
    assert parse_if_none_match('"a", W/"b"') == {'W/"a"', 'W/"b"'}
    assert parse_if_none_match(None) == set()
    assert parse_if_none_match("*") == set()
