"""`relight`: one photo, the catalogue, the service, and what is said when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import get_type_hints

import httpx
import pytest

from bench.harness import free_port
from relight.cli.options import DEFAULTS, OPTIONS
from relight.options import DEFAULT_DIRECTION, Options
from service.relighting.options import RelightOptions
from tests import http_client as http
from tests.relight.cli.relight_command import COMMAND, environment, run
from tests.service.calls import relight, wait_until


@pytest.fixture
def photo(tmp_path, png):
    path = tmp_path / "photo.png"
    path.write_bytes(png)
    return path


def test_a_photo_is_relit_in_this_process_as_a_service_does_it(url, models_dir, photo, png):
    out = photo.with_name("relit.png")
    options = ("--direction", "W", "--temperature", "3200", "--strength", "0.5")
    done = run("image", photo, "-o", out, *options, RELIGHT_MODELS_DIR=models_dir)
    assert done.returncode == 0, done.stderr
    assert "W-3200 by tiny-E-4500@" in done.stdout
    same = relight(url, png, direction="W", temperature=3200, strength=0.5).content
    assert out.read_bytes() == same
    done = run("image", photo, "-o", out.with_name("other.png"), *options, "--url", url)
    assert out.with_name("other.png").read_bytes() == same


def test_the_metadata_of_a_relit_photo_are_explained(url, models_dir, photo):
    out = photo.with_name("relit.png")
    here = run("image", photo, "-o", out, "--explain", RELIGHT_MODELS_DIR=models_dir).stdout
    there = run("image", photo, "-o", out, "--explain", "--url", url).stdout
    assert here.splitlines()[1:] == there.splitlines()[1:]
    assert "mark: edited with AI" in there
    assert "compositeWithTrainedAlgorithmicMedia" in there
    assert "content credentials: none" in there
    same = run("image", photo, "-o", out, "--explain", "--strength", "0", "--url", url).stdout
    assert "mark: none" in same


def test_the_name_of_the_output_sets_its_format(url, photo):
    run("image", photo, "-o", photo.with_suffix(".webp"), "--url", url)
    assert photo.with_suffix(".webp").read_bytes()[8:12] == b"WEBP"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--direction", "X"], ["'X'", "'N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'"]),
        (["--direction", "N"], ["no model relights from N (allowed: E, W)"]),
        (["--temperature", "100"], ["--temperature", "2000"]),
        (["--light", "E"], ["'E' is not of the form 'E-4500'"]),
        (["--model", "best"], ["there is no model 'best' (allowed: tiny-E-4500)"]),
        (["-o", "relit.gif"], [".jpg, .jpeg, .png"]),
        (["--url", "localhost:8000"], ["http://"]),
    ],
)
def test_a_mistake_is_reported_with_the_allowed_values(models_dir, photo, arguments, words):
    refused = run(
        "image",
        photo,
        *(["-o", photo.with_name("relit.png")] if "-o" not in arguments else []),
        *arguments,
        RELIGHT_MODELS_DIR=models_dir,
    )
    assert refused.returncode in {1, 2}
    assert all(word in refused.stderr.splitlines()[-1] for word in words), refused.stderr
    assert "Traceback" not in refused.stderr
    assert not photo.with_name("relit.png").exists()


def test_a_broken_photo_is_reported_in_a_line(url, photo):
    photo.write_bytes(photo.read_bytes()[:500])
    refused = run("image", photo, "-o", photo.with_name("relit.png"), "--url", url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert refused.stderr.count("\n") == 1


def test_an_unknown_setting_is_named(photo):
    refused = run("image", photo, "-o", photo.with_name("relit.png"), RELIGHT_PROT="1")
    assert refused.returncode == 1
    assert "RELIGHT_PROT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_lights_are_shown_from_here_and_from_a_service(url, models_dir):
    here = run("models", RELIGHT_MODELS_DIR=models_dir)
    there = run("models", "--url", url)
    assert here.stdout == there.stdout
    assert "W-4500" in here.stdout
    printed = json.loads(run("models", "--url", url, "--json").stdout)
    assert printed == http.get(f"{url}/models").json()


def test_a_photo_takes_its_own_place_only_when_asked(url, photo, png):
    link = photo.with_name("link.png")
    link.symlink_to(photo)
    for out in (photo, link):
        refused = run("image", photo, "-o", out, "--url", url)
        assert (refused.returncode, photo.read_bytes()) == (1, png)
        assert "add --overwrite" in refused.stderr
    assert run("image", photo, "-o", photo, "--overwrite", "--url", url).returncode == 0
    assert photo.read_bytes() != png


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("photo.png", (), "photo-relit.png"),
        ("photo.JPEG", (), "photo-relit.JPEG"),
        ("photo.png", ("--format", "tiff"), "photo-relit.tiff"),
        ("photo.heic", (), "photo-relit.jpg"),
        ("photo", (), "photo-relit.jpg"),
    ],
)
def test_without_a_name_the_relit_photo_lies_beside_the_photo(
    url, tmp_path, png, name, options, expected
):
    photo = tmp_path / name
    photo.write_bytes(png)
    done = run("image", photo, *options, "--url", url)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {name, expected}


def test_files_beside_the_photo_are_replaced_only_on_request(url, photo):
    relit = photo.with_name("photo-relit.png")
    relit.write_bytes(b"something of the user")
    done = run("image", photo, "--url", url)
    assert "exists: add --overwrite" in done.stderr
    assert relit.read_bytes() == b"something of the user"
    assert run("image", photo, "--overwrite", "--url", url).returncode == 0
    assert relit.read_bytes() != b"something of the user"


def test_a_folder_that_is_missing_is_made(url, photo):
    out = photo.parent / "new" / "folder" / "relit.png"
    assert run("image", photo, "-o", out, "--url", url).returncode == 0
    assert out.exists()


def test_the_help_names_the_defaults_of_the_api():
    shown = " ".join(run("folder", "--help").stdout.split()).replace("- ", "-")  # lines end there
    given = RelightOptions().model_dump()
    given |= {"direction": DEFAULT_DIRECTION, "subsampling": "444"}
    given["progressive"] = "no-progressive"
    for name, default in DEFAULTS.items():
        if default is not None:
            assert str(given[name]).removesuffix(".0") == default
            assert f"({default})" in shown or f"[default: {default}]" in shown, (name, shown)


def test_every_option_of_the_api_is_one_of_the_commands():
    assert set(OPTIONS) == set(get_type_hints(Options))


def test_serve_serves_until_a_signal(models_dir, png):
    port = free_port()
    settings = {"RELIGHT_MODELS_DIR": models_dir, "RELIGHT_PORT": port, "RELIGHT_OPS_PORT": 0}
    with subprocess.Popen(
        [COMMAND, "serve"], env=environment(**settings, RELIGHT_DRAIN_S=0), stderr=subprocess.PIPE
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"

            def is_up() -> bool:
                try:
                    return http.get(f"{url}/readyz").status_code == 200
                except httpx.TransportError:
                    return False

            wait_until(is_up, timeout_s=50)
            assert relight(url, png).status_code == 200
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
            assert process.returncode == 0
        finally:
            process.kill()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete(shell):
    asked = environment(_RELIGHT_COMPLETE=f"source_{shell}")
    shown = subprocess.run([COMMAND], env=asked, capture_output=True, text=True, check=False)
    assert "_RELIGHT_COMPLETE" in shown.stdout


def test_without_the_services_packages_it_calls_a_service_or_says_what_to_install(url, photo):
    heavy = ["cv2", "fastapi", "numpy", "onnxruntime", "PIL", "pydantic_settings", "uvicorn"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({heavy}));"
        "from relight.cli import main; sys.argv[0] = 'relight'; main()"
    )

    def run_bare(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ)

    image = ("image", photo, "-o", photo.with_name("relit.png"))
    assert run_bare(*image, "--url", url).returncode == 0
    for refused in (run_bare(*image), run_bare("serve")):
        assert refused.returncode == 1
        assert "install relight[cpu]" in refused.stderr
        assert "Traceback" not in refused.stderr
