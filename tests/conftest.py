from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes is the machine's matter, and no test's.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
