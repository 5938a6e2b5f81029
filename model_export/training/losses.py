"""The losses of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# VGG-19 up to relu3_1: index of each convolution in torchvision's `features`, and the weight of
# the activation after it if that is compared (relu1_1, relu2_1, relu3_1).
_VGG_CONVOLUTIONS: Final = ((0, 1 / 32), (2, None), (5, 1 / 16), (7, None), (10, 1 / 8))
_VGG_POOL_BEFORE: Final = (5, 10)
_SSIM_C1: Final = 0.01**2
_SSIM_C2: Final = 0.03**2
_PSNR_FLOOR: Final = 0.0025  # added to the squared error: gains above 26 dB matter less
_IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
_IMAGENET_STD: Final = (0.229, 0.224, 0.225)


def adversarial_loss(scores: Tensor, *, real: bool, gan: Literal["log", "least_squares"]) -> Tensor:
    """Return the distance of a discriminator's scores from the verdict real (or not)."""
    wanted = torch.ones_like(scores) if real else torch.zeros_like(scores)
    if gan == "log":
        return F.binary_cross_entropy_with_logits(scores, wanted)
    return F.mse_loss(scores, wanted)


def dissimilarity(picture: Tensor, target: Tensor) -> Tensor:
    """Return 1 - SSIM, 0 for equal pictures (Wang et al. 2004, with flat 7x7 windows).

    Args:
        picture: (n, 3, h, w) in [-1, 1].
        target: the same.
    """
    x, y = (picture + 1) / 2, (target + 1) / 2
    mean_x, mean_y = _windows(x), _windows(y)
    variances = _windows(x * x) - mean_x**2 + _windows(y * y) - mean_y**2
    covariance = _windows(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _SSIM_C1) / (mean_x**2 + mean_y**2 + _SSIM_C1)
    structure = (2 * covariance + _SSIM_C2) / (variances + _SSIM_C2)
    return 1 - (luminance * structure).mean()


def _windows(x: Tensor) -> Tensor:
    rows = F.avg_pool2d(x, kernel_size=(7, 1), stride=1)  # two passes take a third of the time
    return F.avg_pool2d(rows, kernel_size=(1, 7), stride=1)


def negative_psnr(picture: Tensor, target: Tensor) -> Tensor:
    """Return the mean of log10(squared error) over pictures: a tenth of the PSNR, negated.

    Every picture's relative gain counts equally (Chen et al. 2022, NAFNet), while in the mean
    squared error the worst pictures outweigh all others.

    Args:
        picture: (n, 3, h, w) in [-1, 1].
        target: the same.
    """
    error = ((picture - target) / 2).square().mean(dim=(1, 2, 3))
    return (error + _PSNR_FLOOR).log10().mean()


def pyramid_distance(picture: Tensor, target: Tensor, num_levels: int = 5) -> Tensor:
    """Return the mean L1 distance of the levels of two Laplacian pyramids.

        h_k = I_k - up(down(I_k)),  I_{k+1} = down(I_k)          Burt and Adelson 1983

    Args:
        picture: (n, 3, h, w) in [-1, 1].
        target: the same.
        num_levels: levels of the pyramid including the low-pass; fewer if a side would be
            shorter than two pixels.
    """
    difference = picture - target  # the pyramid is linear
    distances = []
    for _ in range(num_levels - 1):
        if min(difference.shape[-2:]) < 4:
            break
        coarse = F.avg_pool2d(difference, 2)
        fine = difference - F.interpolate(coarse, difference.shape[-2:], mode="bilinear")
        distances.append(fine.abs().mean())
        difference = coarse
    distances.append(difference.abs().mean())
    return torch.stack(distances).mean()


def shadow_region(picture: Tensor, threshold: float) -> Tensor:
    """Keep only the dark content of a picture: z = min(alpha, x) with x in [0, 1].

    The result is scaled back to [-1, 1], the range of the discriminator's other inputs.

    Args:
        picture: (n, 3, h, w) in [-1, 1].
        threshold: alpha, in (0, 1]; the paper takes 15/255.
    """
    return ((picture + 1) / 2).clamp(max=threshold) * (2 / threshold) - 1


class NotVgg(ValueError):
    """A state dict does not belong to VGG-19."""


class PerceptualLoss(nn.Module):
    """L1 between VGG-19 features of two pictures (Johnson et al. 2016).

    Compares relu1_1, relu2_1 and relu3_1, weighted 1/32, 1/16 and 1/8.

    Args:
        weights: VGG-19's convolutions up to relu3_1 under torchvision's names
            (`features.0.weight` ... `features.10.bias`), trained on ImageNet.

    Raises:
        NotVgg: a convolution is missing.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        missing = [name for name in _vgg_names() if name not in weights]
        if missing:
            raise NotVgg(f"these are not VGG-19's weights: {missing[0]!r} is missing")
        for name in _vgg_names():
            self.register_buffer(name.replace(".", "_"), weights[name].float())
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(_IMAGENET_STD).view(1, 3, 1, 1))

    def forward(self, picture: Tensor, target: Tensor) -> Tensor:
        """Return the weighted distance of two pictures, (n, 3, h, w) in [-1, 1]."""
        distance = picture.new_zeros(())
        x, y = self._normalise(picture), self._normalise(target)
        for index, weight in _VGG_CONVOLUTIONS:
            x, y = self._layer(x, index), self._layer(y, index)
            if weight is not None:
                distance = distance + weight * F.l1_loss(x, y)
        return distance

    def _normalise(self, picture: Tensor) -> Tensor:
        mean, std = cast(Tensor, self.mean), cast(Tensor, self.std)
        return ((picture + 1) / 2 - mean) / std

    def _layer(self, x: Tensor, index: int) -> Tensor:
        if index in _VGG_POOL_BEFORE:
            x = F.max_pool2d(x, 2)
        weight = cast(Tensor, getattr(self, f"features_{index}_weight"))
        bias = cast(Tensor, getattr(self, f"features_{index}_bias"))
        return F.relu(F.conv2d(x, weight, bias, padding=1))


def _vgg_names() -> list[str]:
    return [
        f"features.{index}.{kind}" for index, _ in _VGG_CONVOLUTIONS for kind in ("weight", "bias")
    ]
