"""What the README says is what the code does."""

import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from service.app import create_app
from service.relighting.options import RelightOptions
from service.settings import Settings, settings_table
from tests.service.stand_ins import serving, write_model

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_settings_table_is_the_one_that_the_service_prints():
    assert settings_table() in README, "paste the output of `python -m service --print-settings`"


@pytest.mark.parametrize("option", RelightOptions.model_fields)
def test_every_option_has_a_row(option):
    assert re.search(rf"^\| [^|]*`{option}`[^|]*\|", README, re.MULTILINE)


def test_every_picture_and_file_that_it_shows_exists():
    paths = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def example() -> FastAPI:
    """The photo-editing backend that the README shows."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {"__name__": "backend"}
    exec(compile(code, "README.md", "exec", dont_inherit=True), names)
    app = names["app"]
    assert isinstance(app, FastAPI)
    return app


def test_the_backend_that_it_shows_relights_and_tells_what_is_wrong(tmp_path, monkeypatch):
    write_model(tmp_path / "tiny-E-4500.onnx")
    photo = (ROOT / "service/web/samples/coffee.jpg").read_bytes()

    def edit(url: str, data: bytes, **options: object) -> httpx.Response:
        files = {"photo": ("photo.jpg", data)}
        return httpx.post(f"{url}/edits/light", params=options, files=files, timeout=30)

    with serving(create_app(Settings(models_dir=tmp_path))) as service_url:
        monkeypatch.setenv("RELIGHT_URL", service_url)
        with serving(example()) as url:
            relit = edit(url, photo, direction="W", temperature=3200)
            assert (relit.status_code, relit.headers["content-type"]) == (200, "image/jpeg")
            same = {"direction": "W", "temperature": 3200}
            answer = httpx.post(f"{service_url}/relight", params=same, content=photo)
            assert relit.content == answer.content
            assert edit(url, photo[:5000], direction="W").json() == {
                "detail": "the jpeg data are broken or cut off"
            }
            assert edit(url, photo, direction="N").json()["detail"]["allowed"] == ["E", "W"]


def test_the_backend_that_it_shows_says_when_to_come_back(monkeypatch):
    monkeypatch.setenv("RELIGHT_URL", "http://127.0.0.1:9")  # nobody listens there
    with serving(example()) as url:
        answer = httpx.post(
            f"{url}/edits/light",
            params={"direction": "E"},
            files={"photo": ("a.jpg", b"1")},
            timeout=40,
        )
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("command", ["image", "folder", "models", "serve"])
def test_every_command_of_relight_is_shown(command):
    assert re.search(rf"^relight {command}\b", README, re.MULTILINE)
