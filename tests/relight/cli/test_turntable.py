"""`relight image --turntable`: an animation of the lamp that goes round a photo."""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from relight import Client
from relight.cli import webp
from service.app import create_app
from service.settings import Settings
from tests import http_client as http
from tests.relight.cli.relight_command import run
from tests.service import exiftool
from tests.service.calls import metric, relight
from tests.service.pairs import write_pair
from tests.service.stand_ins import encoded, serving

NUM_FRAMES = 36
LAMP = {"elevation": 10, "softness": 0, "temperature": 3200, "intensity": 1}
LAMP_ARGUMENTS = [text for name, value in LAMP.items() for text in (f"--{name}", value)]


@pytest.fixture(scope="module")
def pairs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    write_pair(folder)
    return folder


@pytest.fixture(scope="module")
def pair_url(pairs_dir):
    with serving(create_app(Settings(models_dir=pairs_dir))) as address:
        yield address


def bumps(width_px: int, height_px: int) -> np.ndarray:
    """A picture whose normals lean every way, for the tiny pair."""
    y, x = np.mgrid[0:height_px, 0:width_px] / max(width_px, height_px)
    channels = [128 + 100 * np.sin(k + 9 * x) * np.cos(7 * y - k) for k in (0, 1, 2)]
    return np.stack(channels, axis=-1).astype(np.uint8)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(bumps(180, 120), "png"))
    return path


@dataclass(frozen=True)
class Made:
    """An animation, the output of the command, and the number of images that each graph ran on."""

    photo: Path
    out: Path
    printed: str
    num_images: dict[str, float]


@pytest.fixture(scope="module")
def webp_of_a_service(pair_url, tmp_path_factory):
    return make(tmp_path_factory, ".webp", "--azimuth", 20, *LAMP_ARGUMENTS, url=pair_url)


@pytest.fixture(scope="module")
def gif_of_this_process(pairs_dir, tmp_path_factory):
    return make(tmp_path_factory, ".gif", RELIGHT_MODELS_DIR=pairs_dir)


def make(tmp_path_factory, suffix, *options, url=None, **variables) -> Made:
    photo = tmp_path_factory.mktemp("made") / "photo.png"
    photo.write_bytes(encoded(bumps(190, 120), "png"))  # which no other test sends
    out = photo.with_suffix(suffix)
    service = () if url is None else ("--url", url)
    before = num_images(url)  # of the warm-up and of other tests
    arguments = ("--turntable", out, "--explain", *options, *service)
    done = run("image", photo, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    since = {part: number - before[part] for part, number in num_images(url).items()}
    return Made(photo, out, done.stdout, since)


def num_images(url: str | None) -> dict[str, float]:
    """How many images each graph has read in a service; nothing without one."""
    labels = {part: f'model="tiny-pair",part="{part}"' for part in ("scene", "light") if url}
    return {p: metric(url, f"relight_batch_size_sum{{{text}}}") for p, text in labels.items()}


def frames_of(path) -> list[np.ndarray]:
    with Image.open(path) as image:
        assert image.is_animated
        assert image.info["loop"] == 0  # without end
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]


def test_a_webp_shows_the_answer_of_the_service_for_each_azimuth(pair_url, webp_of_a_service):
    assert f"{NUM_FRAMES} frames by tiny-pair@" in webp_of_a_service.printed
    frames = frames_of(webp_of_a_service.out)
    assert len(frames) == NUM_FRAMES
    for k in (0, 10, 35):
        lit = {**LAMP, "azimuth": (20 + 10 * k) % 360, "format": "webp", "quality": 75}
        answer = relight(pair_url, webp_of_a_service.photo.read_bytes(), **lit).content
        with Image.open(io.BytesIO(answer)) as still:
            np.testing.assert_array_equal(frames[k], np.asarray(still.convert("RGB")))
    assert np.abs(frames[0].astype(int) - frames[18]).mean() > 5


def test_the_scene_is_read_once(webp_of_a_service):
    assert webp_of_a_service.num_images == {"scene": 1, "light": NUM_FRAMES}


def test_this_process_makes_it_of_a_small_copy(pairs_dir, tmp_path):
    photo = tmp_path / "large.png"
    photo.write_bytes(encoded(bumps(1500, 1000), "png"))
    mask = tmp_path / "left.png"
    left = np.zeros((1000, 1500, 3), np.uint8)
    left[:, :750] = 255
    mask.write_bytes(encoded(left, "png"))
    out = tmp_path / "new" / "turn.webp"
    done = run(
        *("image", photo, "--turntable", out, "--mask", mask, "--quality", 90),
        RELIGHT_MODELS_DIR=pairs_dir,
    )
    assert done.returncode == 0, done.stderr
    frames = np.stack(frames_of(out)).astype(np.int16)
    assert frames.shape == (NUM_FRAMES, 427, 640, 3)
    change = np.abs(frames - frames[0]).mean(axis=(0, 3))
    assert change[:, :300].mean() > 10 * change[:, 340:].mean()  # where only the codec differs


def test_a_depth_map_lights_all_frames(pair_url, photo):
    depth, out = photo.with_name("depth.png"), photo.with_suffix(".webp")
    rows = np.linspace(0, 255, 120).astype(np.uint8)
    depth.write_bytes(encoded(np.repeat(rows[:, None], 180, axis=1), "png"))  # nearer below
    done = run("image", photo, "--turntable", out, "--depth", depth, "--url", pair_url)
    assert done.returncode == 0, done.stderr
    first = frames_of(out)[0]
    files = {"image": photo.read_bytes(), "depth": depth.read_bytes()}
    asked = {"azimuth": 90, "format": "webp", "quality": 75}
    answer = http.post(f"{pair_url}/relight", files=files, params=asked)
    with Image.open(io.BytesIO(answer.content)) as still:
        np.testing.assert_array_equal(first, np.asarray(still.convert("RGB")))


def test_a_service_gives_large_photos_at_the_size_of_the_network(pair_url, tmp_path):
    photo = tmp_path / "large.png"
    photo.write_bytes(encoded(bumps(1500, 1000), "png"))
    out = tmp_path / "turn.webp"
    done = run("image", photo, "--turntable", out, "--url", pair_url)
    assert done.returncode == 0, done.stderr
    assert len(frames_of(out)) == NUM_FRAMES
    assert max(frames_of(out)[0].shape) < 100


def test_a_gif_shows_the_lamp_going_round(gif_of_this_process):
    frames = frames_of(gif_of_this_process.out)  # fewer, and longer, where two are alike
    with Image.open(gif_of_this_process.out) as image:
        durations_ms = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
    assert sum(durations_ms) == NUM_FRAMES * 90
    assert np.abs(frames[0].astype(int) - frames[len(frames) // 2]).mean() > 5


@exiftool.needs_exiftool
@pytest.mark.parametrize("made", ["webp_of_a_service", "gif_of_this_process"])
def test_an_animation_says_that_it_is_edited_with_ai(request, made):
    animation = request.getfixturevalue(made)
    assert "mark: edited with AI" in animation.printed
    read = ["exiftool", "-j", "-XMP-iptcExt:DigitalSourceType", "-validate", "-warning"]
    read.append(animation.out)
    metadata = json.loads(subprocess.run(read, check=True, capture_output=True).stdout)[0]
    assert metadata["DigitalSourceType"].endswith("compositeWithTrainedAlgorithmicMedia")
    assert "Warning" not in metadata, metadata


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "a.jpg", "--turntable", "a.webp"), "give either -o or --turntable"),
        (("--turntable", "a.webp", "--reference", __file__), "--reference does not go with"),
        (("--turntable", "a.mp4"), "must end in .webp or .gif"),
        (("--turntable", "a.webp", "--direction", "W"), "--direction does not go with"),
        (("--turntable", "a.webp", "--lights", "[]"), "--lights does not go with"),
    ],
)
def test_a_mistake_is_reported_in_one_line(pair_url, photo, arguments, words):
    done = run("image", photo, *arguments, "--url", pair_url)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]


def test_stills_with_transparency_stay_transparent():
    def still(alpha: int) -> bytes:
        file = io.BytesIO()
        Image.new("RGBA", (9, 7), (200, 10, 10, alpha)).save(file, "webp", lossless=alpha > 0)
        return file.getvalue()

    with Image.open(io.BytesIO(webp.animate([still(128), still(255)], 40))) as image:
        assert image.size == (9, 7)
        alphas = [np.asarray(f.convert("RGBA"))[0, 0, 3] for f in ImageSequence.Iterator(image)]
    assert alphas == [128, 255]


@pytest.mark.parametrize("other", [b"", b"no picture at all", b"RIFF\4\0\0\0WEBP"])
def test_a_file_that_is_no_still_webp_is_refused(pair_url, photo, other):
    with Client(pair_url) as client:
        still = client.relight(photo, format="webp").data
    with pytest.raises(ValueError, match="WebP"):
        webp.animate([still, other], 40)


def test_stills_of_another_size_are_refused():
    files = [encoded(bumps(side, side), "webp") for side in (20, 30)]
    with pytest.raises(ValueError, match="not the size of the first"):
        webp.animate(files, 40)
