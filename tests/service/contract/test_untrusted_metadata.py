"""A contract that would break a header, a log line or the warm-up is refused."""

from __future__ import annotations

import pytest

from relight.errors import ModelRefused
from service.contract.metadata import ModelContract
from tests.service.stand_ins import contract


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a\nb"},
        {"name": "<script>"},
        {"name": "x" * 65},
        {"version": "1\r\n"},
        {"license": "MIT\0"},
        {"size_px": "100"},
        {"size_px": "20000"},
        {"size_px": "9" * 5000},
        {"metrics": "[" * 100_000},
        {"lights": ",".join(["E-4500"] * 257)},
    ],
)
def test_metadata_that_no_exporter_writes_are_refused(change):
    with pytest.raises(ModelRefused):
        ModelContract.from_metadata(contract().to_metadata() | change)
