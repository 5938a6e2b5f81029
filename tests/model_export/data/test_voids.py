"""What the parts that no lamp reaches promise."""

import numpy as np
import pytest
import torch

from model_export.data.augmentation import light_in_voids
from model_export.data.sampling import Void

CPU = torch.device("cpu")


@pytest.mark.parametrize("seed", range(8))
def test_a_tenth_to_half_of_a_picture_is_void_and_most_of_the_rest_is_lit(seed):
    arriving = light_in_voids([Void.draw(np.random.default_rng(seed))], 96, CPU)
    assert arriving.shape == (1, 96, 96)
    assert arriving.min() == 0
    assert arriving.max() == 1
    assert 0.09 <= (arriving == 0).float().mean() <= 0.51
    assert ((arriving > 0) & (arriving < 1)).float().mean() < 0.1


def test_voids_differ_from_pair_to_pair_and_not_with_their_neighbours():
    rng = np.random.default_rng(0)
    one, other = Void.draw(rng), Void.draw(rng)
    both = light_in_voids([one, other], 64, CPU)
    assert not torch.equal(both[0], both[1])
    torch.testing.assert_close(both[:1], light_in_voids([one], 64, CPU))
