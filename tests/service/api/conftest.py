"""A service with a pair of graphs, one for each module of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.app import create_app
from service.settings import Settings
from tests.service.api.computed_light import KNOBS
from tests.service.pairs import write_pair
from tests.service.stand_ins import serving, write_model


@pytest.fixture(scope="module")
def pairs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pair and a model that paints."""
    folder = tmp_path_factory.mktemp("pairs")
    write_pair(folder)
    write_model(folder / "tiny-E-4500.onnx")
    return folder


@pytest.fixture(scope="module")
def pair_url(pairs_dir: Path) -> Iterator[str]:
    """The address of a service with both."""
    settings = Settings(models_dir=pairs_dir, max_batch_size=4, **KNOBS)
    with serving(create_app(settings)) as address:
        yield address
