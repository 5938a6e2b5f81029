"""What the adversarial losses promise."""

import dataclasses

import pytest
import torch

from model_export.config import DEFAULT
from model_export.networks.discriminators import PatchDiscriminator
from model_export.training.adversarial import AdversarialLearner
from model_export.training.losses import adversarial_loss, shadow_region

ALPHA = 15 / 255


def test_above_the_threshold_pictures_look_alike_to_the_shadow_judge():
    bright = torch.full((1, 3, 4, 4), -1 + 2 * 0.5, requires_grad=True)
    brighter = torch.full((1, 3, 4, 4), -1 + 2 * 0.9)
    seen = shadow_region(bright, ALPHA)
    assert torch.equal(seen, shadow_region(brighter, ALPHA))
    seen.sum().backward()
    assert bright.grad.abs().max() == 0


def test_below_the_threshold_the_shadow_judge_sees_the_whole_range():
    codes = torch.tensor([0.0, ALPHA / 2, ALPHA, 1.0])
    found = shadow_region((codes * 2 - 1).view(1, 1, 2, 2), ALPHA)
    torch.testing.assert_close(found.flatten(), torch.tensor([-1.0, 0.0, 1.0, 1.0]))


@pytest.mark.parametrize("gan", ["log", "least_squares"])
def test_a_discriminator_that_is_right_has_the_smaller_loss(gan):
    high, low = torch.full((2, 1, 3, 3), 1.0), torch.full((2, 1, 3, 3), 0.0)
    if gan == "log":
        high, low = high * 5, low - 5
    assert adversarial_loss(high, real=True, gan=gan) < adversarial_loss(low, real=True, gan=gan)
    assert adversarial_loss(low, real=False, gan=gan) < adversarial_loss(high, real=False, gan=gan)
    assert adversarial_loss(high, real=True, gan=gan) < 0.01


def test_the_discriminator_scores_patches_and_looks_at_the_condition():
    judge = PatchDiscriminator(2)
    image, picture = torch.rand(2, 3, 128, 128), torch.rand(2, 3, 128, 128)
    scores = judge(image, picture)
    assert scores.shape == (2, 1, 7, 7)
    assert not torch.allclose(scores, judge(image.flip(3), picture))


@pytest.mark.parametrize("gan", ["log", "least_squares"])
def test_a_discriminator_learns_to_distinguish_real_from_generated(gan):
    torch.manual_seed(0)
    config = dataclasses.replace(DEFAULT, gan=gan, discriminator_width=4)
    adversary = AdversarialLearner(config, 2e-3, torch.device("cpu"))
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    real = image * 0.5 + 0.3 * torch.randn_like(image)
    made = image * 0.5 - 0.3
    before = adversary.fooled(image, made) - adversary.fooled(image, real)
    for _ in range(30):
        adversary.learn(image, real, made)
    after = adversary.fooled(image, made) - adversary.fooled(image, real)
    assert after > before + 0.1
