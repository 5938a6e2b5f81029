"""Light that is computed, over real HTTP: a pair of graphs behind `POST /relight`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.lights import DIRECTIONS, Lamps, azimuth_of, mirror_direction, parse_light
from service.app import create_app
from service.settings import Settings
from service.traffic.keys import digest_of
from tests.service.calls import metric, problem_of, relight
from tests.service.pairs import PAIR, normals_of, write_pair
from tests.service.stand_ins import decoded, encoded, serving, write_model

ADMIN = {"X-Api-Key": "root"}
KNOBS = {"providers": "cpu", "admin_keys": (f"operator:{digest_of('root')}",)}


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The address of a service with a pair and a model that paints."""
    folder = tmp_path_factory.mktemp("pairs")
    write_pair(folder)
    write_model(folder / "tiny-E-4500.onnx")
    with serving(create_app(Settings(models_dir=folder, max_batch_size=4, **KNOBS))) as address:
        yield address


def photo(seed: int = 0, height_px: int = 64, width_px: int = 64):
    """A photo of muted colours, brighter to the right and never its own mirror image."""
    rng = np.random.default_rng(seed)
    base = rng.integers(60, 110, (height_px, width_px, 3))
    return (base + np.linspace(0, 60, width_px)[None, :, None]).astype(np.uint8)


def relit_png(url: str, pixels, **options) -> np.ndarray:
    answer = relight(url, encoded(pixels, "png"), format="png", **options)
    assert answer.status_code == 200, answer.text
    return decoded(answer.content)


def leaning(pixels):
    """The photo's left half faces left, its right half right, as the tiny network sees it."""
    faced = pixels.copy()
    faced[:, : pixels.shape[1] // 2] = [70, 120, 130]
    faced[:, pixels.shape[1] // 2 :] = [130, 120, 70]
    faced[:, -3:] += 20
    return faced


def linear(pixels):
    codes = pixels / 255
    return np.where(codes < 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def luminance(pixels):
    return linear(pixels) @ [0.2126729, 0.7151522, 0.0721750]


@pytest.mark.parametrize(("azimuth", "brighter"), [(90, "right"), (270, "left")])
def test_the_lit_side_follows_the_azimuth(url, azimuth, brighter):
    pixels = leaning(photo())
    change = luminance(relit_png(url, pixels, azimuth=azimuth, elevation=10)) / luminance(pixels)
    left, right = change[:, :28].mean(), change[:, 36:].mean()
    assert (right > 1.3 * left) if brighter == "right" else (left > 1.3 * right)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_direction_is_an_azimuth_at_the_models_own_elevation_and_softness(url, direction):
    by_name = relight(url, encoded(photo(), "png"), direction=direction)
    by_azimuth = relight(
        url,
        encoded(photo(), "png"),
        azimuth=azimuth_of(direction),
        elevation=PAIR.elevation_deg,
        softness=PAIR.softness,
        intensity=0,
    )
    assert by_name.content == by_azimuth.content
    assert by_name.headers["etag"] == by_azimuth.headers["etag"]
    assert by_name.headers["x-light"] == by_azimuth.headers["x-light"]


@settings(max_examples=15)
@given(
    azimuth=st.integers(0, 360),
    elevation=st.integers(0, 90),
    seed=st.integers(0, 9999),
    size=st.sampled_from([(64, 64), (70, 90), (61, 97), (300, 201), (40, 130)]),
)
def test_a_mirrored_photo_under_the_mirrored_lamp_is_the_mirrored_answer(
    url, azimuth, elevation, seed, size
):
    pixels = photo(seed, *size)
    one = relit_png(url, pixels, azimuth=azimuth, elevation=elevation)
    other = relit_png(url, pixels[:, ::-1], azimuth=360 - azimuth, elevation=elevation)
    assert np.abs(one.astype(int) - other[:, ::-1]).max() <= 1


@pytest.mark.parametrize("direction", ["E", "SW", "N"])
def test_mirrored_photos_and_directions_match_at_the_models_size_too(url, direction):
    pixels = photo(3, 300, 200)
    one = relit_png(url, pixels, direction=direction, detail="model")
    back = mirror_direction(direction)
    other = relit_png(url, pixels[:, ::-1], direction=back, detail="model")
    assert np.abs(one.astype(int) - other[:, ::-1]).max() <= 1


@settings(max_examples=10)
@given(seed=st.integers(0, 9999), azimuth=st.integers(0, 359), elevation=st.integers(0, 60))
def test_the_answer_is_what_the_contract_says(url, seed, azimuth, elevation):
    """The picture has the bucket's size, so that the formula can be held against every pixel."""
    pixels = photo(seed)
    answer = relit_png(url, pixels, azimuth=azimuth, elevation=elevation, softness=0.1)
    around, above = np.radians(azimuth), np.radians(elevation)
    flat = np.cos(above)
    lamp = [flat * np.sin(around), np.sin(above), -flat * np.cos(around)]
    irradiance = 0.9 * np.maximum(normals_of(pixels) @ lamp, 0) + 0.05
    light = PAIR.ambient + (1 - PAIR.ambient) * irradiance
    own = pixels.mean(axis=-1) / 255 - 0.5
    residual = 0.2 * (np.arange(64) / 64 - 0.5)
    change = np.exp(np.log(light) - PAIR.removal * own + residual)
    change *= luminance(pixels).mean() / (luminance(pixels) * change).mean()
    relit = linear(pixels) * change[..., None]
    codes = np.where(relit < 0.0031308, 12.92 * relit, 1.055 * relit ** (1 / 2.4) - 0.055)
    is_below_the_shoulder = relit.max(axis=-1) < 0.85
    off = np.abs(answer - 255 * codes)[is_below_the_shoulder]
    assert off.max() < 1.6


def test_black_stays_black_and_hue_and_mean_luminance_stay(url):
    pixels = photo(1)
    pixels[20:30, 20:30] = 0
    relit = relit_png(url, pixels, azimuth=135, elevation=20)
    assert relit[21:29, 21:29].max() <= 1
    assert luminance(relit).mean() == pytest.approx(luminance(pixels).mean(), rel=0.02)
    before, after = linear(pixels)[40:], linear(relit)[40:]
    shares = before / before.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(after / after.sum(axis=-1, keepdims=True), shares, atol=0.02)


def test_what_no_lamp_lights_is_left_as_it_is(url):
    pixels = photo(2)
    pixels[:, :32, 2] = 255  # where the tiny network sees a sky
    relit = relit_png(url, pixels, direction="W")
    assert np.abs(relit[:, :30].astype(int) - pixels[:, :30]).max() <= 1
    assert np.abs(relit[:, 34:].astype(int) - pixels[:, 34:]).max() > 3


def test_strength_0_gives_every_bit_back(url):
    pixels = photo(4, 90, 70)
    np.testing.assert_array_equal(relit_png(url, pixels, azimuth=77, strength=0), pixels)


def test_temperature_fill_and_strength_act_on_computed_light(url):
    pixels = leaning(photo())
    plain = relit_png(url, pixels, direction="E").astype(int)
    warm = relit_png(url, pixels, direction="E", temperature=3000).astype(int)
    assert (warm[..., 0] - warm[..., 2]).mean() > (plain[..., 0] - plain[..., 2]).mean() + 15
    filled = relit_png(url, pixels, direction="E", fill=0.5).astype(int)
    assert filled.mean() > plain.mean() + 5
    half = relit_png(url, pixels, direction="E", strength=0.5).astype(int)
    low, high = np.minimum(plain, pixels), np.maximum(plain, pixels)
    assert ((half >= low - 1) & (half <= high + 1)).all()


def test_intensity_makes_the_lit_side_brighter(url):
    pixels = leaning(photo())
    means = [relit_png(url, pixels, direction="E", intensity=i)[:, 36:].mean() for i in (-1, 0, 1)]
    assert means[0] + 5 < means[1] < means[2] - 5


@pytest.mark.parametrize("gray", [False, True])
def test_a_lamps_color_is_that_of_the_light_it_gives(url, gray):
    pixels = leaning(photo())
    if gray:
        pixels = pixels[..., 0]
    red, blue = (
        relit_png(url, pixels, direction="E", lamp_color=color).astype(int)
        for color in ("#ff6040", "#4060ff")
    )
    assert (red[..., 0] - blue[..., 0]).mean() > 20
    assert (blue[..., 2] - red[..., 2]).mean() > 20


def test_white_of_any_brightness_is_the_neutral_lamp(url):
    pixels = leaning(photo())
    plain = relit_png(url, pixels, direction="E")
    for white in ("#ffffff", "#808080"):
        lit = relit_png(url, pixels, direction="E", lamp_color=white)
        assert np.abs(lit.astype(int) - plain).max() <= 1


def test_two_lamps_of_two_colors_add(url):
    pixels = leaning(photo())
    lamps = [
        {"azimuth": 90, "elevation": 10, "lamp_color": "#ff4040"},
        {"azimuth": 270, "elevation": 10, "lamp_color": "#4040ff"},
    ]
    lit = linear(relit_png(url, pixels, lights=json.dumps(lamps))) / linear(pixels)
    balance = lit[..., 0] / lit[..., 2]
    assert balance[:, 36:].mean() > 1.5 * balance[:, :28].mean()


def test_x_light_gives_the_lamps_color(url):
    answer = relight(url, encoded(photo(), "png"), azimuth=60, lamp_color="#FFB060")
    (lamp,) = parse_light(answer.headers["x-light"]).lamps
    assert lamp.color == "#ffb060"
    other = relight(url, encoded(photo(), "png"), azimuth=60, lamp_color="#ffb061")
    assert answer.headers["etag"] != other.headers["etag"]


def test_x_light_says_what_was_used(url):
    answer = relight(url, encoded(photo(), "png"), azimuth=60.5, softness=0.5, temperature=3200)
    light = parse_light(answer.headers["x-light"])
    assert isinstance(light, Lamps)
    (lamp,) = light.lamps
    assert (lamp.azimuth_deg, lamp.elevation_deg) == (60.5, PAIR.elevation_deg)
    assert (lamp.softness, lamp.intensity_stops, lamp.temperature_k) == (0.5, 0, 3200)
    assert answer.headers["x-model"].startswith("tiny-pair@")


async def test_twenty_directions_of_one_photo_read_the_scene_once(url):
    pixels = leaning(photo())
    pixels[:9, :9] = 77  # no other test has this photo
    data = encoded(pixels, "png")
    runs = {part: metric(url, _runs(part)) for part in ("scene", "light")}
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
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
    assert metric(url, _runs("scene")) - runs["scene"] == 1
    assert metric(url, _runs("light")) - runs["light"] == 20


def _runs(part: str) -> str:
    """Images that a graph of the pair ran."""
    return f'relight_batch_size_sum{{model="tiny-pair",part="{part}"}}'


def test_the_answer_says_what_was_kept(url):
    data = encoded(photo(88, 72, 80), "png")

    def ask(**options):
        answer = relight(url, data, **options)
        stages = set(re.findall(r"(\w+);dur", answer.headers["server-timing"]))
        return answer.headers["x-cache"], stages & {"scene", "light", "infer"}

    assert ask(direction="E") == ("miss", {"scene", "light"})
    assert ask(direction="W") == ("scene", {"light"})
    assert ask(direction="W", softness=0.9) == ("scene", {"light"})
    assert ask(direction="W", strength=0.5, fill=0.2, temperature=4000) == ("hit", set())
    assert ask(direction="W", intensity=1) == ("hit", set())


def test_an_answer_that_the_caller_has_is_not_made_again(url):
    data = encoded(photo(99, 72, 80), "png")
    tag = relight(url, data, azimuth=40).headers["etag"]
    again = httpx.post(
        f"{url}/relight?azimuth=40", content=data, headers={"If-None-Match": tag}, timeout=30
    )
    assert (again.status_code, again.content) == (304, b"")
    assert relight(url, data, azimuth=41).headers["etag"] != tag


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"azimuth": 90, "direction": "E"}, "azimuth"),
        ({"azimuth": 90, "light": "E-4500"}, "azimuth"),
        ({"azimuth": 361}, "azimuth"),
        ({"azimuth": "nan"}, "azimuth"),
        ({"elevation": -1}, "elevation"),
        ({"elevation": 91}, "elevation"),
        ({"softness": 1.1}, "softness"),
        ({"intensity": 2.5}, "intensity"),
        ({"lamp_color": "red"}, "lamp_color"),
        ({"lamp_color": "#000000"}, "lamp_color"),
        ({"lamp_color": "#ff0000", "temperature": 3000}, "lamp_color"),
        ({"lamp_color": "#ff0000", "light": "E-3000"}, "lamp_color"),
        ({"lights": '[{"lamp_color": "#ff00"}]'}, "lights"),
        ({"lights": '[{"lamp_color": "#ff0000", "temperature": 3000}]'}, "lights"),
        ({"model": "tiny-E-4500", "lamp_color": "#ff0000"}, "lamp_color"),
        ({"model": "tiny-pair", "color": "model"}, "color"),
        ({"azimuth": 90, "color": "model"}, "color"),
        ({"model": "tiny-E-4500", "azimuth": 90}, "azimuth"),
        ({"model": "tiny-E-4500", "direction": "E", "softness": 0.5}, "softness"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_name(url, options, option):
    problem = problem_of(relight(url, encoded(photo(), "png"), **options))
    assert (problem["status"], problem["code"]) == (422, "invalid_option")
    assert problem["option"] == option


def test_the_model_that_paints_is_still_there(url):
    data = encoded(photo(), "png")
    assert relight(url, data, model="tiny-E-4500").headers["x-light"] == "E-6500"
    painted = relight(url, data, color="model")
    assert painted.headers["x-model"].startswith("tiny-E-4500@")


def test_the_catalogue_lists_what_a_model_takes(url):
    catalogue = httpx.get(f"{url}/models").json()
    pair, whole = sorted(catalogue["models"], key=lambda m: m["name"], reverse=True)
    assert pair["options"] == [
        "azimuth",
        "elevation",
        "softness",
        "intensity",
        "lamp_color",
        "lights",
    ]
    assert (pair["elevation"], pair["softness"], pair["lights"]) == (30.0, 0.2, [])
    assert (whole["options"], whole["elevation"]) == (["color"], None)
    assert catalogue["directions"] == sorted(DIRECTIONS)


async def test_requests_for_both_kinds_of_model_are_served_side_by_side(url):
    photos = [encoded(photo(seed, 60, 80), "png") for seed in range(4)]
    wanted = [
        {"azimuth": 10 * n} if n % 3 else {"model": "tiny-E-4500", "direction": "W"}
        for n in range(24)
    ]
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
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
    with serving(create_app(Settings(models_dir=tmp_path, **KNOBS))) as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
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


def test_two_lamps_light_both_sides_each_in_its_colour(url):
    pixels = leaning(photo())
    lamps = '[{"azimuth": 90, "temperature": 2700}, {"direction": "W", "temperature": 10000}]'
    answer = relight(url, encoded(pixels, "png"), lights=lamps, format="png")
    light = parse_light(answer.headers["x-light"])
    assert isinstance(light, Lamps)
    assert [lamp.azimuth_deg for lamp in light.lamps] == [90, 270]
    balance = decoded(answer.content).astype(int) - relit_png(url, pixels, azimuth=180)
    redness = balance[..., 0] - balance[..., 2]
    assert redness[:, 36:].mean() > 20
    assert redness[:, :28].mean() < -2


def test_one_lamp_in_a_list_is_the_lamp_of_the_options(url):
    data = encoded(photo(), "png")
    listed = relight(url, data, lights='[{"azimuth": 60, "temperature": 3200, "intensity": 1}]')
    plain = relight(url, data, azimuth=60, temperature=3200, intensity=1)
    assert listed.content == plain.content
    assert listed.headers["x-light"] == plain.headers["x-light"]
    assert relight(url, data, azimuth=60).content != plain.content


@pytest.mark.parametrize(
    "lights",
    [
        "",
        "[]",
        "{}",
        "east",
        '[{"azimuth": 400}]',
        '[{"azimuth": "60"}]',
        '[{"place": 60}]',
        '[{"azimuth": 90, "direction": "E"}]',
        "[" + ",".join(['{"azimuth": 60}'] * 5) + "]",
    ],
)
def test_lamps_that_cannot_be_are_refused(url, lights):
    problem = problem_of(relight(url, encoded(photo(), "png"), lights=lights))
    assert (problem["code"], problem["option"]) == ("invalid_option", "lights")


@pytest.mark.parametrize("name", ["azimuth", "elevation", "softness", "intensity"])
def test_lamps_stand_alone(url, name):
    problem = problem_of(
        relight(url, encoded(photo(), "png"), lights='[{"direction": "E"}]', **{name: 0})
    )
    assert (problem["code"], problem["option"]) == ("invalid_option", "lights")
