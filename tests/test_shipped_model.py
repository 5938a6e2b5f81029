"""What the model in the repository promises, served as `make serve` serves it."""

import asyncio
import io
import shutil
import socket
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from relight.lights import DIRECTIONS, Light
from service.app import create_app
from service.contract.golden import golden_path
from service.contract.metadata import ModelContract
from service.settings import Settings
from service.traffic.keys import digest_of
from tests.service.calls import metric, problem_of, wait_until
from tests.service.stand_ins import encoded, serving

PACKAGE = Path(__file__).parents[1] / "service"
(MODEL,) = (PACKAGE / "models").glob("*.onnx")
PHOTO = PACKAGE / "web" / "samples" / "coffee.jpg"
ENDS = (200, 499, 503)  # of a request with a good photo
NO_LIMITS = httpx.Limits(max_connections=None)


@pytest.fixture(scope="module")
def url():
    with serving(create_app(Settings())) as address:
        yield address


def relight(url, **options):
    answer = httpx.post(
        f"{url}/relight", params=options, content=PHOTO.read_bytes(), timeout=50
    ).raise_for_status()
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(float)


def small_photo(seed):
    noise = np.random.default_rng(seed).integers(60, 190, (12, 12, 3), np.uint8)
    return encoded(np.kron(noise, np.ones((8, 8, 1), np.uint8)), "png")


def tilt(picture):
    """How much brighter the right half is than the left, in stops."""
    middle = picture.shape[1] // 2
    return np.log2(picture[:, middle:].mean() / picture[:, :middle].mean())


def test_the_file_is_small_enough_to_clone_and_has_its_card():
    assert MODEL.stat().st_size < 16_000_000
    card = MODEL.with_suffix(".md").read_text()
    assert MODEL.name in card
    assert "PSNR" in card or "psnr_db" in card


def test_its_contract_tells_where_it_comes_from():
    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    contract = ModelContract.from_metadata(session.get_modelmeta().custom_metadata_map)
    assert contract.name == MODEL.stem
    assert contract.lights == tuple(Light(direction, 4500) for direction in DIRECTIONS)
    assert contract.license == "Apache-2.0"
    assert contract.metrics["psnr_db"] > contract.metrics["unchanged_psnr_db"] + 3
    assert contract.metrics["ssim"] > contract.metrics["unchanged_ssim"]


def test_a_photo_is_lit_from_the_side_that_was_asked_for(url):
    east, west = relight(url, direction="E"), relight(url, direction="W")
    with Image.open(PHOTO) as photo:
        assert east.shape[1::-1] == photo.size
    assert tilt(east) > tilt(west) + 0.2


def test_each_direction_gives_a_picture_of_its_own(url):
    pictures = [relight(url, direction=direction) for direction in DIRECTIONS]
    for at, picture in enumerate(pictures):
        for other in pictures[at + 1 :]:
            assert np.abs(picture - other).mean() > 1  # of 255 steps


def test_the_photo_keeps_its_exposure_and_its_hue(url):
    with Image.open(PHOTO) as file:
        photo = np.asarray(file).astype(float)
    east = relight(url, direction="E")
    assert east.mean() == pytest.approx(photo.mean(), rel=0.15)
    shares = [p.mean(axis=(0, 1)) / p.mean() for p in (photo, east)]
    np.testing.assert_allclose(shares[1], shares[0], atol=0.1)


async def test_one_corrupt_photo_does_not_fail_its_neighbours(url):
    photo = PHOTO.read_bytes()
    bodies = [photo, photo, photo[: len(photo) // 2], photo]
    async with httpx.AsyncClient(base_url=url, timeout=50) as client:
        answers = await asyncio.gather(*(client.post("/relight", content=b) for b in bodies))
    assert [answer.status_code for answer in answers] == [200, 200, 422, 200]


async def test_twenty_temperatures_of_one_photo_cost_one_inference(url):
    before = metric(url, "relight_batch_size_sum")
    photo = small_photo(seed=1)
    async with httpx.AsyncClient(base_url=url, timeout=50) as client:
        answers = await asyncio.gather(
            *(
                client.post("/relight", content=photo, params={"temperature": t})
                for t in range(2500, 6500, 200)
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    assert metric(url, "relight_batch_size_sum") == before + 1


def test_clients_that_leave_do_not_cost_device_time(url):
    def num_ended() -> float:
        labels = 'method="POST",route="/relight"'
        names = (f'relight_http_requests_total{{code="{code}",{labels}}}' for code in ENDS)
        return sum(metric(url, name) for name in names)

    before, ended_before = metric(url, "relight_batch_size_sum"), num_ended()
    target = urlsplit(url)
    connections = [socket.create_connection((target.hostname, target.port)) for _ in range(20)]
    for seed, connection in enumerate(connections):
        photo = small_photo(seed=100 + seed)
        head = f"POST /relight HTTP/1.1\r\nHost: x\r\nContent-Length: {len(photo)}\r\n\r\n"
        connection.sendall(head.encode() + photo)
    for connection in connections:
        connection.close()
    wait_until(lambda: num_ended() == ended_before + 20, timeout_s=30)
    wait_until(lambda: metric(url, "relight_bytes_in_flight") == 0, timeout_s=10)
    assert metric(url, "relight_batch_size_sum") < before + 10


async def test_more_than_it_can_do_is_refused_at_once_and_what_is_let_in_is_served():
    settings = Settings(buckets="square", cache_bytes=0, max_queue_wait_ms=1000)
    with serving(create_app(settings)) as url:
        async with httpx.AsyncClient(base_url=url, limits=NO_LIMITS, timeout=50) as client:
            calls = (client.post("/relight", content=small_photo(seed)) for seed in range(100))
            answers = await asyncio.gather(*calls)
        num_made = metric(url, "relight_batch_size_sum")
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 503}
    assert num_made == statuses[200]
    refused = [problem_of(answer) for answer in answers if answer.status_code == 503]
    assert {problem["code"] for problem in refused} == {"overloaded"}
    assert all(problem["retry_after_ms"] > 0 for problem in refused)


async def test_no_request_fails_while_the_model_is_swapped(tmp_path):
    for file in (MODEL, golden_path(MODEL)):
        shutil.copy(file, tmp_path)
    knobs = {"admin_keys": (f"operator:{digest_of('root')}",), "buckets": "square"}
    with serving(create_app(Settings(models_dir=tmp_path, cache_bytes=0, **knobs))) as url:
        async with httpx.AsyncClient(base_url=url, timeout=50) as client:
            stop, statuses, tags = asyncio.Event(), [], set()

            async def keep_asking() -> None:
                while not stop.is_set():
                    answer = await client.post("/relight", content=small_photo(seed=4))
                    statuses.append(answer.status_code)
                    tags.add(answer.headers.get("x-model"))

            callers = [asyncio.create_task(keep_asking()) for _ in range(2)]
            path = tmp_path / MODEL.name
            path.write_bytes(path.read_bytes() + bytes((0xC0, 0x3E, 1)))  # a field of no meaning
            answer = await client.post("/-/reload", headers={"X-Api-Key": "root"})
            assert answer.status_code == 200
            with anyio.fail_after(40):
                while len(tags) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            stop.set()
            await asyncio.gather(*callers)
    assert set(statuses) == {200}
    assert len(tags) == 2


def test_a_warmer_lamp_makes_a_warmer_picture(url):
    warm, cool = relight(url, temperature=3000), relight(url, temperature=9000)
    ratios = [p[..., 0].mean() / p[..., 2].mean() for p in (warm, cool)]
    assert ratios[0] > 1.5 * ratios[1]
