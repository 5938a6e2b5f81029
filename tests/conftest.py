from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

from service.app import create_app
from service.inference.fake_engine import FakeEngine
from service.settings import Settings
from tests.service.stand_ins import encoded, serving, write_model

# Speed is measured in bench/, never in a test.
hypothesis.settings.register_profile("relight", deadline=None)
hypothesis.settings.load_profile("relight")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the tiny model."""
    folder = tmp_path_factory.mktemp("models")
    write_model(folder / "tiny-E-4500.onnx")
    return folder


@pytest.fixture(scope="session")
def picture() -> NDArray[np.uint8]:
    """A picture with texture and colour, uint8 (60, 90, 3)."""
    noise = np.random.default_rng(7).integers(0, 60, (60, 90, 3), np.uint8)
    ramp = np.linspace(60, 190, 60).astype(np.uint8)
    return noise + ramp[:, None, None]


@pytest.fixture(scope="session")
def png(picture: NDArray[np.uint8]) -> bytes:
    """The picture as a PNG file."""
    return encoded(picture, "png")


@pytest.fixture(scope="session")
def url(models_dir: Path) -> Iterator[str]:
    """The address of a service with the tiny model."""
    settings = Settings(models_dir=models_dir, max_body_bytes=2_000_000, max_pixels=1_000_000)
    with serving(create_app(settings)) as address:
        yield address


@pytest.fixture
def fake_service(
    tmp_path: Path,
) -> Callable[..., AbstractContextManager[tuple[str, FakeEngine]]]:
    """Serve with a fake engine: `with fake_service(lambda n: 0.01 * n) as (url, engine)`."""
    (tmp_path / "fake.onnx").touch()

    @contextmanager
    def serve(
        duration_s: Callable[[int], float], **settings: object
    ) -> Iterator[tuple[str, FakeEngine]]:
        engine = FakeEngine(duration_s)
        # Without a cache every request reaches the device; it warms up one shape, not nine.
        settings = {"cache_bytes": 0, "buckets": "square"} | settings
        knobs = Settings(models_dir=tmp_path, **settings)  # type: ignore[arg-type]
        with serving(create_app(knobs, open_engine=lambda path: engine)) as address:
            engine.batch_sizes.clear()  # what the warm-up ran
            yield address, engine

    return serve
