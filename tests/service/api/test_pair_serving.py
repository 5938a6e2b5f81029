"""A pair of graphs in service: what is kept between requests, the catalogue, reloading."""

from __future__ import annotations

import asyncio
import re

import numpy as np

from relight.lights import DIRECTIONS
from service.app import create_app
from service.settings import Settings
from tests import http_client as http
from tests.service.api.computed_light import (
    ADMIN,
    KNOBS,
    leaning,
    photo,
)
from tests.service.calls import metric, problem_of, relight, wait_until
from tests.service.pairs import PAIR, write_pair
from tests.service.stand_ins import decoded, encoded, serving


async def test_twenty_directions_of_one_photo_read_the_scene_once(pair_url):
    pixels = leaning(photo())
    pixels[:9, :9] = 77  # no other test has this photo
    data = encoded(pixels, "png")
    runs = {part: metric(pair_url, _runs(part)) for part in ("scene", "light")}
    async with http.AsyncClient(base_url=pair_url) as client:
        answers = await asyncio.gather(
            *(
                client.post(
                    "/relight", content=data, params={"azimuth": 100 + 8 * i, "format": "png"}
                )
                for i in range(20)
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 20
    origins = [answer.headers["x-cache"] for answer in answers]
    assert (origins.count("miss"), origins.count("scene")) == (1, 19)
    assert metric(pair_url, _runs("scene")) - runs["scene"] == 1
    wait_until(lambda: metric(pair_url, _runs("light")) - runs["light"] == 20)


def _runs(part: str) -> str:
    """Images that a graph of the pair ran."""
    return f'relight_batch_size_sum{{model="tiny-pair",part="{part}"}}'


def test_the_answer_names_the_metadata_that_were_kept(pair_url):
    data = encoded(photo(88, 72, 80), "png")

    def ask(**options):
        answer = relight(pair_url, data, **options)
        stages = set(re.findall(r"(\w+);dur", answer.headers["server-timing"]))
        return answer.headers["x-cache"], stages & {"scene", "light", "infer"}

    assert ask(direction="E") == ("miss", {"scene", "light"})
    assert ask(direction="W") == ("scene", {"light"})
    assert ask(direction="W", softness=0.9) == ("scene", {"light"})
    assert ask(direction="W", strength=0.5, fill=0.2, temperature=4000) == ("hit", set())
    assert ask(direction="W", intensity=1) == ("hit", set())


def test_a_photo_is_decoded_for_its_first_two_lights_alone(pair_url, pairs_dir):
    pixels = leaning(photo(111, 72, 80))
    data, azimuths = encoded(pixels, "tiff"), (100, 108, 116, 124, 100)
    kept_bytes = metric(pair_url, "relight_cache_bytes")
    answers = [relight(pair_url, data, azimuth=azimuth) for azimuth in azimuths]
    stages = [re.findall(r"(\w+);dur", answer.headers["server-timing"]) for answer in answers]
    assert ["decode" in names for names in stages] == [True, True, False, False, False]
    assert metric(pair_url, "relight_cache_bytes") - kept_bytes > pixels.nbytes
    assert "decode" in relight(pair_url, data, detail="model").headers["server-timing"]
    forgetful = Settings(models_dir=pairs_dir, max_batch_size=4, cache_bytes=0, **KNOBS)
    with serving(create_app(forgetful)) as url:
        fresh = [relight(url, data, azimuth=azimuth).content for azimuth in azimuths]
    assert [answer.content for answer in answers] == fresh
    assert len(set(fresh)) == 4


def test_an_answer_that_the_caller_has_is_not_made_again(pair_url):
    data = encoded(photo(99, 72, 80), "png")
    tag = relight(pair_url, data, azimuth=40).headers["etag"]
    again = http.post(
        f"{pair_url}/relight?azimuth=40", content=data, headers={"If-None-Match": tag}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert relight(pair_url, data, azimuth=41).headers["etag"] != tag


def test_the_model_that_paints_is_still_there(pair_url):
    data = encoded(photo(), "png")
    assert relight(pair_url, data, model="tiny-E-4500").headers["x-light"] == "E-6500"
    painted = relight(pair_url, data, color="model")
    assert painted.headers["x-model"].startswith("tiny-E-4500@")


def test_the_catalogue_lists_the_options_of_a_model(pair_url):
    catalogue = http.get(f"{pair_url}/models").json()
    pair, whole = sorted(catalogue["models"], key=lambda m: m["name"], reverse=True)
    assert pair["options"] == [
        "azimuth",
        "elevation",
        "softness",
        "intensity",
        "lamp_color",
        "lights",
        "depth",
        "depth_white",
        "reference",
    ]
    assert (pair["elevation"], pair["softness"], pair["lights"]) == (30.0, 0.2, [])
    assert (whole["options"], whole["elevation"]) == (["color"], None)
    assert catalogue["directions"] == sorted(DIRECTIONS)


async def test_requests_for_both_kinds_of_model_are_served_side_by_side(pair_url):
    photos = [encoded(photo(seed, 60, 80), "png") for seed in range(4)]
    wanted = [
        {"azimuth": 10 * n} if n % 3 else {"model": "tiny-E-4500", "direction": "W"}
        for n in range(24)
    ]
    async with http.AsyncClient(base_url=pair_url) as client:
        answers = await asyncio.gather(
            *(
                client.post("/relight", content=photos[n % 4], params=params | {"format": "png"})
                for n, params in enumerate(wanted)
            )
        )
        for n, answer in enumerate(answers):
            assert answer.status_code == 200
            alone = await client.post(
                "/relight", content=photos[n % 4], params=wanted[n] | {"format": "png"}
            )
            assert np.abs(decoded(answer.content).astype(int) - decoded(alone.content)).max() <= 1


async def test_a_reload_swaps_both_graphs_or_none(tmp_path):
    write_pair(tmp_path)
    data = encoded(photo(), "png")
    with serving(create_app(Settings(models_dir=tmp_path, **KNOBS))) as pair_url:
        async with http.AsyncClient(base_url=pair_url) as client:
            before = await client.post("/relight", content=data)
            write_pair(tmp_path, version="2", pair_sha256="b" * 64, ambient=0.5)
            assert (await client.post("/-/reload", headers=ADMIN)).status_code == 200
            after = await client.post("/relight", content=data)
            assert after.headers["x-model"] != before.headers["x-model"]
            assert after.content != before.content
            write_pair(tmp_path, metadata={"light": PAIR.to_metadata("light")}, version="3")
            refused = await client.post("/-/reload", headers=ADMIN)
            assert problem_of(refused)["code"] == "model_refused"
            (tmp_path / "tiny-pair.scene.onnx").unlink()
            refused = await client.post("/-/reload", headers=ADMIN)
            assert "half of a pair" in problem_of(refused)["detail"]
            served = await client.post("/relight", content=data)
            assert served.headers["x-model"] == after.headers["x-model"]
