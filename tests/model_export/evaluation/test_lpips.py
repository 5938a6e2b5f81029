"""What the perceptual metric promises, with random features; real weights are not shipped."""

import cv2
import numpy as np
import pytest
import torch

from model_export.evaluation.lpips import Lpips, NotLpips, alexnet_features, squeezenet_features
from tests.model_export.random_lpips import random_weights


@pytest.fixture(
    scope="module", params=[squeezenet_features, alexnet_features], ids=["SqueezeNet", "AlexNet"]
)
def lpips(request):
    return Lpips(*random_weights(request.param))


@pytest.fixture(scope="module")
def photo():
    noise = np.random.default_rng(0).uniform(0, 255, (8, 8, 3)).astype(np.float32)
    return np.clip(cv2.resize(noise, (96, 96), interpolation=cv2.INTER_NEAREST), 0, 255).astype(
        np.uint8
    )


def test_the_backbone_is_recognised_by_its_weights(lpips, request):
    assert lpips.backbone_name in request.node.name


def test_equal_pictures_have_no_distance_and_order_does_not_matter(lpips, photo):
    other = photo[::-1].copy()
    assert lpips.distance(photo, photo) == 0
    assert lpips.distance(photo, other) == pytest.approx(lpips.distance(other, photo), rel=1e-5)


def test_more_blur_is_further_away(lpips, photo):
    blurred = [cv2.GaussianBlur(photo, (0, 0), sigma) for sigma in (1, 2, 4, 8)]
    distances = [lpips.distance(picture, photo) for picture in blurred]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_more_noise_is_further_away(lpips, photo):
    noise = np.random.default_rng(1).normal(0, 1, photo.shape)
    noisy = [np.clip(photo + s * noise, 0, 255).astype(np.uint8) for s in (5, 20, 60)]
    distances = [lpips.distance(picture, photo) for picture in noisy]
    assert distances == sorted(distances)


def test_a_batch_is_measured_picture_by_picture(lpips):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(2, 3, 64, 48, generator=generator) * 2 - 1 for _ in range(2))
    each = torch.cat([lpips(x[:1], y[:1]), lpips(x[1:], y[1:])])
    torch.testing.assert_close(lpips(x, y), each, rtol=1e-4, atol=1e-6)


def test_weights_that_do_not_belong_together_are_refused():
    squeezenet, layers = random_weights(squeezenet_features)
    alexnet, _ = random_weights(alexnet_features)
    with pytest.raises(NotLpips, match="SqueezeNet"):
        Lpips(squeezenet, {})
    with pytest.raises(NotLpips, match="AlexNet"):
        Lpips({}, layers)
    del alexnet["features.10.bias"]
    with pytest.raises(NotLpips, match="AlexNet"):
        Lpips(alexnet, layers)
