from __future__ import annotations

import pytest

from relight.errors import ModelRefused
from service.contract.metadata import ModelContract
from tests.service.stand_ins import contract


@pytest.mark.parametrize("softness_px", [None, 0.0, 0.85])
def test_the_promise_comes_back_as_it_was_written(softness_px):
    promise = contract(softness_px=softness_px)
    assert ModelContract.from_metadata(promise.to_metadata()) == promise


def test_the_softness_is_estimated_if_a_model_has_none():
    metadata = contract().to_metadata()
    assert "softness_px" not in metadata
    assert ModelContract.from_metadata(metadata).softness_px is None


@pytest.mark.parametrize("softness", ["soft", "-1", "nan", "inf", "9"])
def test_a_softness_that_no_model_has_is_refused(softness):
    with pytest.raises(ModelRefused):
        ModelContract.from_metadata(contract().to_metadata() | {"softness_px": softness})
