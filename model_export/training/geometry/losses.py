"""What `drn-g` learns from: truths of the renderer for each part, and the relit picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from model_export.networks.drn_g import Arriving, Structure
from service.contract.color import LUMINANCE

_SURE: Final = 0.9  # coverage from which a pixel shows one surface
_DARK: Final = 1e-2  # arriving light below which shadows look the same
_POOL: Final = 4  # pixels; finer detail of the change is judged elsewhere
_CONTRAST_LOG: Final = -0.2  # log of the wanted strength: uncertain guesses should be weaker


def structure_losses(structure: Structure, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the losses of the scene reconversion, scalars by name.

    Normals count more where they differ from the view's mean, or a flat guess would do. Relief
    and log shading are known up to a constant. `shading_change` and `shading_contrast` compare the
    pattern and the contrast of log shading, because its distance alone favours flat guesses.
    """
    surface = (batch["coverage"] > _SURE).float()
    normals, relief, shading = batch["normals"], batch["relief"], batch["log_shading"]
    cosine = (structure.normals * normals).sum(1, keepdim=True)
    mean_normal = F.normalize((normals * surface).sum((2, 3), keepdim=True), dim=1)
    turned = (1 - (normals * mean_normal).sum(1, keepdim=True)).clamp(0, 1.5)
    weight = surface * (0.3 + turned)
    off = (structure.normals - normals).abs().sum(1, keepdim=True)
    change, contrast = _likenesses([(structure.log_shading, shading)], surface, wanted_log=0.0)
    relief, own_relief = _centred(relief, surface), _centred(structure.relief, surface)
    shading, own_shading = _centred(shading, surface), _centred(structure.log_shading, surface)
    return {
        "normals": 1.5 * _mean(1 - cosine, weight) + 0.5 * _mean(off, weight),
        "relief": _mean((own_relief - relief).abs() / (1 + relief.abs()), surface)
        + 2 * _slope_distance(own_relief, relief, surface),
        "log_shading": _mean((own_shading - shading).abs(), surface)
        + _slope_distance(own_shading, shading, surface),
        "shading_change": change,
        "shading_contrast": contrast,
        # The expected nearness: most lamps are far, and a distance would be least for 0 everywhere.
        "nearness": _cross_entropy(structure.nearness[:, :, 0, 0], batch["nearness"]),
        "occlusion": _mean((structure.occlusion - batch["occlusion"]).abs(), surface),
        "relightable": _cross_entropy(structure.relightable, batch["relightable"]),
    }


def light_losses(arriving: Arriving, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the loss of the arriving light, on square roots, which eyes find even."""
    surface = (batch["coverage"] > _SURE).float()
    own, true = _root(arriving.irradiance), _root(batch["irradiance"])
    return {
        "irradiance": _mean((own - true).abs(), surface)
        + 0.5 * _slope_distance(own, true, surface, num_scales=3)
    }


def relit_losses(ratio: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the losses of the relit picture, after the one gain that keeps the mean luminance.

    Args:
        ratio: (n, 1, h, w), log of the factor on the photo's linear light.
        batch: with the photo and its relit version.
    """
    photo, wanted = _linear(batch["photo"]), batch["relit"]
    relit = photo * ratio.clamp(-6, 4).exp()
    gain = _luminance(_linear(wanted)).mean((2, 3), keepdim=True) / _luminance(relit).mean(
        (2, 3), keepdim=True
    ).clamp_min(1e-4)
    shown = _codes(relit * gain)
    everywhere = torch.ones_like(ratio)
    return {
        "relit": (shown - wanted).abs().mean(),
        "relit_slopes": _slope_distance(shown, wanted, everywhere, num_scales=4),
    }


def change_losses(ratio: Tensor, arriving: Arriving, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return how far the whole change of light, and the new light alone, are from the truth.

    `change` compares where the light goes, whatever its strength: one less the correlation of
    the log ratios, as they are and with their best plane removed. `contrast` compares their
    strength. A difference in levels would be least for a guess that hardly changes anything.

    Args:
        ratio: (n, 1, h, w), log of the factor on the photo's linear light, all of it predicted.
        arriving: the predicted light.
        batch: with the truths.
    """
    share = batch["ambient"][:, :, None, None]
    true_light = share * batch["occlusion"] + (1 - share) * batch["irradiance"]
    own_light = share * batch["occlusion"] + (1 - share) * arriving.irradiance
    true_log, own_log = (light.clamp_min(_DARK).log() for light in (true_light, own_light))
    pairs = ((ratio, true_log - batch["log_shading"]), (own_log, true_log))
    surface = batch["coverage"] * batch["relightable"]
    change, contrast = _likenesses(pairs, surface, wanted_log=_CONTRAST_LOG)
    return {"change": change, "contrast": contrast}


def normal_error_deg(structure: Structure, batch: dict[str, Tensor]) -> Tensor:
    """Return the mean angle between true and read normals over all surfaces, in degrees."""
    surface = (batch["coverage"] > _SURE).float()
    cosine = (structure.normals * batch["normals"]).sum(1, keepdim=True).clamp(-0.9999, 0.9999)
    return _mean(torch.rad2deg(torch.acos(cosine)), surface)


def _cross_entropy(share: Tensor, true: Tensor) -> Tensor:
    """Return the mean cross-entropy of shares; PyTorch's refuses to run under CUDA's autocast."""
    share, true = share.clamp(1e-6, 1 - 1e-4), true.clamp(0, 1)
    return -(true * share.log() + (1 - true) * (1 - share).log()).mean()


def _mean(x: Tensor, weight: Tensor) -> Tensor:
    return (x * weight).sum() / weight.expand_as(x).sum().clamp_min(1)


def _centred(x: Tensor, weight: Tensor) -> Tensor:
    total = weight.sum((2, 3), keepdim=True).clamp_min(1)
    return x - (x * weight).sum((2, 3), keepdim=True) / total


def _likenesses(
    pairs: Sequence[tuple[Tensor, Tensor]], surface: Tensor, *, wanted_log: float
) -> tuple[Tensor, Tensor]:
    """Return the mean of `_likeness` over pairs of maps, as they are and beyond a plane."""
    weight = F.avg_pool2d(surface, _POOL)
    each = [
        _likeness(residual(own, weight), residual(true, weight), weight, wanted_log)
        for own, true in ((_pooled(own), _pooled(true)) for own, true in pairs)
        for residual in (_centred, _beyond_plane)
    ]
    change, contrast = (torch.stack(values).mean() for values in zip(*each, strict=True))
    return change, contrast


def _likeness(
    own: Tensor, true: Tensor, weight: Tensor, wanted_log: float
) -> tuple[Tensor, Tensor]:
    """Return one less the correlation, and the distance of the strength from the wanted one.

    The correlation ignores pictures whose light hardly varies. The strength is weighted by the
    variance of the true light, at most 1: in soft light guesses are poor, and weak ones do less
    harm.
    """
    own_power, true_power = ((x.square() * weight).sum((1, 2, 3)) for x in (own, true))
    variance = true_power / weight.sum((1, 2, 3)).clamp_min(1)
    varied = (variance > 1e-3).float()
    product = (own * true * weight).sum((1, 2, 3))
    correlation = product * (own_power * true_power + 1e-4).rsqrt()
    strength = 0.5 * ((own_power + 1e-3) / (true_power + 1e-3)).log()
    off = (strength - wanted_log).clamp(-2, 2).abs()
    return ((1 - correlation) * varied).mean(), (off * variance.clamp_max(1)).mean()


def _pooled(log: Tensor) -> Tensor:
    return F.avg_pool2d(log.clamp(-6, 4), _POOL)


def _beyond_plane(x: Tensor, weight: Tensor) -> Tensor:
    """Return (n, 1, h, w) less the plane that fits it best, so that a plain ramp counts nothing."""
    n, _, height, width = x.shape
    rows = torch.linspace(-1, 1, height, device=x.device)[:, None].expand(height, width)
    columns = torch.linspace(-1, 1, width, device=x.device)[None].expand(height, width)
    basis = torch.stack([torch.ones_like(rows), rows, columns]).reshape(3, -1)  # (3, hw)
    with torch.autocast(x.device.type, enabled=False):
        weighted = basis * weight.float().reshape(n, 1, -1)  # (n, 3, hw)
        ridge = 1e-3 * torch.eye(3, device=x.device)
        plane = torch.linalg.solve(
            weighted @ basis.T + ridge, weighted @ x.float().reshape(n, -1, 1)
        )
        fitted: Tensor = (basis.T @ plane).reshape(x.shape)
    return x - fitted


def _slope_distance(a: Tensor, b: Tensor, surface: Tensor, num_scales: int = 2) -> Tensor:
    """Return the mean difference of slopes at several scales, where both ends are surface."""
    total = a.new_zeros(())
    for scale in range(num_scales):
        if scale:
            a, b, surface = (F.avg_pool2d(plane, 2) for plane in (a, b, surface))
        sure = (surface > 0.95).float()
        off = a - b
        across = (off[..., :, 1:] - off[..., :, :-1]).abs().clamp_max(2)
        down = (off[..., 1:, :] - off[..., :-1, :]).abs().clamp_max(2)
        total = total + _mean(across, sure[..., :, 1:] * sure[..., :, :-1])
        total = total + _mean(down, sure[..., 1:, :] * sure[..., :-1, :])
    return total / num_scales


def _root(x: Tensor) -> Tensor:
    return (x.clamp_min(0) + 0.03).sqrt()


def _linear(codes: Tensor) -> Tensor:
    return torch.where(
        codes <= 0.04045, codes / 12.92, ((codes.clamp_min(0.04) + 0.055) / 1.055) ** 2.4
    )


def _codes(linear: Tensor) -> Tensor:
    """Return sRGB codes; brighter than white stays brighter, so that it can be mended."""
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.003) ** (1 / 2.4) - 0.055
    ).clamp(max=1.5)


def _luminance(linear: Tensor) -> Tensor:
    weights = linear.new_tensor(LUMINANCE)[None, :, None, None]
    return (linear * weights).sum(1, keepdim=True)
