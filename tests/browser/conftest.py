"""The demo page in a real Chromium, on a real service over real HTTP.

Every test also fails on an error in the console, and on a request to another host.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

from relight.lights import Light
from service.app import create_app
from service.settings import Settings
from tests.service.pairs import write_pair
from tests.service.stand_ins import contract, encoded, serving, write_model

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = [
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP relight.test 127.0.0.1",  # a host that is no secure context
]
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
WAIT_MS = 20_000


def options_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.url).query))


@dataclass
class Visit:
    """One tab, and what happened in it.

    Attributes:
        page: the tab.
        expected: texts of console errors that the test provokes.
        errors: console errors and uncaught exceptions.
        strangers: addresses of other hosts that the page requested.
        relights: every `POST /relight`, in order.
        aborted: those of them that the page gave up.
    """

    page: Page
    expected: tuple[str, ...] = ()
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    relights: list[Request] = field(default_factory=list)
    aborted: list[Request] = field(default_factory=list)

    def watch(self, host: str) -> None:
        def on_console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                self.errors.append(f"{message.text} at {message.location}")

        def on_page_error(error: Error) -> None:
            self.errors.append(str(error))

        def on_request(request: Request) -> None:
            parts = urlsplit(request.url)
            if parts.scheme not in {"blob", "data"} and parts.netloc != host:
                self.strangers.append(request.url)
            if parts.path == "/relight":
                self.relights.append(request)

        def on_request_failed(request: Request) -> None:
            if request in self.relights:
                self.aborted.append(request)

        self.page.on("console", on_console)
        self.page.on("pageerror", on_page_error)
        self.page.on("request", on_request)
        self.page.on("requestfailed", on_request_failed)

    def check(self) -> None:
        unexpected = [e for e in self.errors if not any(text in e for text in self.expected)]
        assert unexpected == []
        assert self.strangers == []

    def choose(self, name: str, data: bytes, media_type: str = "") -> None:
        """Pick a file, as the button's dialog does."""
        file = {"name": name, "mimeType": media_type, "buffer": data}
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name="Choose a photo").or_(
                self.page.get_by_role("button", name="Other photo")
            ).click()
        chooser.value.set_files([file])

    def wait_for(self, text: str) -> None:
        """Wait until the page says that the light is as requested."""
        self.page.get_by_role("status").filter(has_text=text).wait_for()

    @property
    def last_options(self) -> dict[str, str]:
        """The options of the newest request."""
        return options_of(self.relights[-1])

    def download(self, label: str) -> tuple[str, bytes]:
        """Press a button that downloads; return the file's name and bytes."""
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=label).click()
        return download.value.suggested_filename, download.value.path().read_bytes()

    def keep_screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture(scope="module")  # not longer: its event loop would be in the way of other tests
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open the page of a service: `visit(url, viewport={...})`."""
    visits = []

    def open_page(
        url: str, *, expected: tuple[str, ...] = (), width_px: int = 1280, **options: object
    ) -> Visit:
        viewport = {"width": width_px, "height": 860}
        context = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
        context.set_default_timeout(WAIT_MS)
        visit = Visit(context.new_page(), expected)
        visit.watch(urlsplit(url).netloc)
        visits.append(visit)
        visit.page.goto(url)
        return visit

    yield open_page
    for visit in visits:
        visit.page.context.close()
        visit.check()


@pytest.fixture
def opened(visit: Callable[..., Visit]) -> Callable[..., Visit]:
    """Open the page, choose a photo and wait until it is relit: `opened(url, data)`."""

    def open_photo(url: str, data: bytes, **options: object) -> Visit:
        tab = visit(url, **options)
        tab.choose("garden.png", data)
        tab.wait_for("lit from the right")
        return tab

    return open_photo


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with a tiny model, which lights the right side."""
    folder = tmp_path_factory.mktemp("browser-models")
    write_model(folder / "tiny-E-4500.onnx")
    with serving(create_app(Settings(models_dir=folder))) as address:
        yield address


@pytest.fixture(scope="session")
def url_of_eight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that offers all eight directions."""
    folder = tmp_path_factory.mktemp("eight-models")
    for direction in ("N", "NE", "E", "SE", "S"):
        promise = contract(name=f"tiny-{direction}-4500", lights=(Light(direction, 4500),))
        write_model(folder / f"{promise.name}.onnx", promise.to_metadata())
    with serving(create_app(Settings(models_dir=folder))) as address:
        yield address


@pytest.fixture(scope="session")
def url_of_lamps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service whose model computes the light."""
    folder = tmp_path_factory.mktemp("pairs")
    write_pair(folder)
    with serving(create_app(Settings(models_dir=folder))) as address:
        yield address


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """A picture of soft patches, uint8 (240, 360, 3)."""
    y, x = np.mgrid[0:240, 0:360]
    channels = [120 + 60 * np.sin(x / a) * np.cos(y / b) for a, b in ((40, 30), (25, 55), (70, 20))]
    return np.stack(channels, axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def jpeg(picture: np.ndarray) -> bytes:
    return encoded(picture, "jpeg")
