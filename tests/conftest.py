from __future__ import annotations

import hypothesis
import pytest

# Speed is measured in bench/, never in a test.
hypothesis.settings.register_profile("relight", deadline=None)
hypothesis.settings.load_profile("relight")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
