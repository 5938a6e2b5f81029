"""README and docs say what the code does, and every link leads somewhere."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from markdown_it import MarkdownIt
from markdown_it.token import Token

from service.app import create_app
from service.relighting.options import RelightOptions
from service.settings import Settings, settings_page
from tests import http_client as http
from tests.service.stand_ins import serving, write_model

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
API = (ROOT / "docs/api.md").read_text()
SOURCES = [
    ROOT / name
    for name in ("bench", "docker", "docs", "k8s", "model_export", "relight", "service", "tests")
]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "k8s/**/*.md", "service/models/*.md")
    for path in ROOT.glob(pattern)
)


def tokens(page: Path) -> list[Token]:
    """Return the page's blocks and, after each, what stands inside it."""
    blocks = MarkdownIt("commonmark").enable("table").parse(page.read_text())
    return [token for block in blocks for token in (block, *(block.children or []))]


def links(page: Path) -> list[str]:
    """Return the targets of the page's links and pictures."""
    targets = [token.attrGet("href") or token.attrGet("src") for token in tokens(page)]
    return [unquote(str(target)) for target in targets if target]


def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives to the page's headings."""
    blocks = tokens(page)
    headings = [
        "".join(word.content for word in text.children or [])
        for heading, text in pairwise(blocks)
        if heading.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme:
        return True  # other hosts are not asked
    target = (page.parent / parts.path).resolve() if parts.path else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not parts.fragment or parts.fragment in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    assert [link for link in links(page) if not leads_somewhere(page, link)] == []


@pytest.mark.parametrize(
    "text", ["[a](missing.md)", "![a](missing.png)", "[a](#missing)", "[a](b.md#missing)"]
)
def test_a_dead_link_is_found(tmp_path, monkeypatch, text):
    monkeypatch.setattr("tests.test_docs.ROOT", tmp_path)
    (tmp_path / "b.md").write_text("# There\n")
    page = tmp_path / "a.md"
    page.write_text(f"# Here\n\n[b](b.md#there) [a](#here) {text}\n")
    assert len([link for link in links(page) if not leads_somewhere(page, link)]) == 1


def test_the_index_lists_every_page_of_the_docs():
    index = ROOT / "docs/index.md"
    listed = {(index.parent / urlsplit(link).path).resolve() for link in links(index)}
    assert {page for page in PAGES if page.parent == index.parent} - {index} <= listed


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", "docs/decisions.md"])
def test_every_source_file_that_a_page_names_exists(page):
    spans = {token.content for token in tokens(ROOT / page) if token.type == "code_inline"}
    named = {span for span in spans if re.fullmatch(r"[\w/-]+(/|\.(py|yaml|md|toml|txt|sh))", span)}
    paths = [path for top in SOURCES for path in (top, *top.rglob("*"))] + [*ROOT.iterdir()]
    files = [f"/{path.relative_to(ROOT)}{'/' * path.is_dir()}" for path in paths]
    assert {name for name in named if not any(f.endswith(f"/{name}") for f in files)} == set()


def test_the_settings_are_those_of_the_service():
    assert (ROOT / "docs/settings.md").read_text() == settings_page() + "\n", "run `make settings`"


@pytest.mark.parametrize("option", RelightOptions.model_fields)
def test_every_option_has_a_row(option):
    assert re.search(rf"^\| [^|]*`{option}`[^|]*\|", API, re.MULTILINE)


@pytest.mark.parametrize("command", ["image", "folder", "models", "serve"])
@pytest.mark.parametrize("page", [README, API], ids=["README", "API"])
def test_every_command_of_relight_is_shown(page, command):
    assert re.search(rf"^relight {command}\b", page, re.MULTILINE)


def run_example(page: str) -> dict[str, Any]:
    """Run the one Python example of a page; return the names that it leaves."""
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "example", "exec", dont_inherit=True), names)
    return names


def backend() -> FastAPI:
    """The photo-editing backend of the API's page."""
    app = run_example(API)["app"]
    assert isinstance(app, FastAPI)
    return app


@pytest.fixture
def coffee() -> bytes:
    return (ROOT / "service/web/samples/coffee.jpg").read_bytes()


def test_the_example_of_the_readme_relights(tmp_path, monkeypatch, coffee):
    write_model(tmp_path / "tiny-E-4500.onnx")
    (tmp_path / "photo.jpg").write_bytes(coffee)
    monkeypatch.chdir(tmp_path)
    with serving(create_app(Settings(models_dir=tmp_path))) as url:
        options = {"direction": "W", "temperature": 3200}
        answer = http.post(f"{url}/relight", params=options, content=coffee)
        run_example(README.replace("http://localhost:8000", url))
    assert (tmp_path / "relit.jpg").read_bytes() == answer.content


def test_the_backend_of_the_docs_relights_and_reports_errors(tmp_path, monkeypatch, coffee):
    write_model(tmp_path / "tiny-E-4500.onnx")

    def edit(url: str, data: bytes, **options: object) -> httpx.Response:
        files = {"photo": ("photo.jpg", data)}
        return http.post(f"{url}/edits/light", params=options, files=files)

    with serving(create_app(Settings(models_dir=tmp_path))) as service_url:
        monkeypatch.setenv("RELIGHT_URL", service_url)
        with serving(backend()) as url:
            relit = edit(url, coffee, direction="W", temperature=3200)
            assert (relit.status_code, relit.headers["content-type"]) == (200, "image/jpeg")
            same = {"direction": "W", "temperature": 3200}
            answer = http.post(f"{service_url}/relight", params=same, content=coffee)
            assert relit.content == answer.content
            assert edit(url, coffee[:5000], direction="W").json() == {
                "detail": "the jpeg data are broken or cut off"
            }
            assert edit(url, coffee, direction="N").json()["detail"]["allowed"] == ["E", "W"]


def test_the_backend_of_the_docs_passes_on_the_retry_time(monkeypatch):
    monkeypatch.setenv("RELIGHT_URL", "http://127.0.0.1:9")  # no server listens there
    with serving(backend()) as url:
        answer = http.post(
            f"{url}/edits/light",
            params={"direction": "E"},
            files={"photo": ("a.jpg", b"1")},
        )
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
