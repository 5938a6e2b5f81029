"""What the measure of a colour cast promises."""

import numpy as np
import pytest

from model_export.evaluation.color_cast import measure_cast


@pytest.fixture
def photos():
    rng = np.random.default_rng(0)
    return [rng.integers(20, 200, (32, 32, 3)).astype(np.uint8) for _ in range(3)]


def test_a_darker_picture_has_no_cast(photos):
    cast = measure_cast(photos, lambda photo: photo // 2)
    assert cast == pytest.approx((0, 0, 0), abs=0.5)


def test_less_red_is_reported_with_its_sign(photos):
    cast = measure_cast(photos, lambda photo: (photo * np.array([0.8, 1, 1])).astype(np.uint8))
    assert cast.red < -10
    assert cast.green > 0
    assert cast.blue > 0
    assert str(cast).startswith("-1")
