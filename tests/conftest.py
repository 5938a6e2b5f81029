from __future__ import annotations

import hypothesis
import pytest
from hypothesis import settings

# How long an example takes is the machine's matter, and no test's.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# Speed is measured in bench/, never in a test.
hypothesis.settings.register_profile("relight", deadline=None)
hypothesis.settings.load_profile("relight")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
