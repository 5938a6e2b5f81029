"""What the parts that no lamp reaches promise."""

import numpy as np
import pytest

from model_export.data.voids import draw_lit


@pytest.mark.parametrize("seed", range(8))
def test_a_tenth_to_half_of_a_picture_is_void_and_most_of_the_rest_is_lit(seed):
    lit = draw_lit(np.random.default_rng(seed), 96)
    assert lit.shape == (96, 96, 1)
    assert lit.min() == 0
    assert lit.max() == 1
    assert 0.09 <= np.mean(lit == 0) <= 0.51
    assert np.mean((lit > 0) & (lit < 1)) < 0.1


def test_voids_differ_from_pair_to_pair():
    rng = np.random.default_rng(0)
    assert not np.array_equal(draw_lit(rng, 64), draw_lit(rng, 64))
