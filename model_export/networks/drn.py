"""The Deep Relighting Network, in the order of its paper.

    photo ─┬─ SceneReconversion ── structure ─┐
           │                                  ├─ ReRenderer ── relit photo
           └─ ShadowPrior ──────── light ─────┘

Source: Wang, Siu, Liu, Li and Lun, "Deep Relighting Networks for Image Light Source
Manipulation", ECCV Workshops 2020, arXiv 2008.08298.

Pictures are (n, 3, h, w) in [-1, 1]. Instance norms and the global gate make each output pixel
depend on the whole picture: tiling and padding change the result.

The paper's network renders one light. In a network of several lights, `LightModulation` selects
the wanted light in the shadow prior and the re-renderer, but not in the scene reconversion,
because all lights share the structure. Such a network also uses the photo again before it paints:
`ExposureModulation` and `PhotoGate` restore the information that the instance norms remove.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor, nn

from model_export.networks.base import RelightingNetwork
from model_export.networks.blocks import (
    NUM_RESIDUAL_BLOCKS,
    NUM_SCALES,
    DownBackProjection,
    ExposureModulation,
    LightModulation,
    ModulatedResidualBlock,
    PhotoGate,
    UpBackProjection,
    check_size,
    conv_block,
    initialise,
    pointwise,
    reflect_conv,
)

DILATIONS: Final = (2, 3, 4, 5, 6, 8, 10, 12)


class _SubNetwork(nn.Module):
    """The common part of both sub-networks: an hourglass, with a head for its training stage.

    Attributes:
        stem: 7x7, 3 channels to `width`.
        encoder: four `DownBackProjection`, to 16 times the channels at 1/16 of the size.
        bottleneck: nine `ModulatedResidualBlock`.
        decoder: four `UpBackProjection`, back to `width` channels at full size.
        modulations: modulate each step of the decoder by the wanted light.
        head: 7x7 and tanh, features to picture; only its own training stage uses it.
    """

    def __init__(self, width: int, num_lights: int = 1) -> None:
        super().__init__()
        widths = [width * 2**scale for scale in range(NUM_SCALES)]  # c, 2c, 4c, 8c
        deepest = width * 2**NUM_SCALES
        self.stem = conv_block(reflect_conv(3, width, 7), width)
        self.encoder = nn.Sequential(*(DownBackProjection(c) for c in widths))
        self.bottleneck = nn.ModuleList(
            ModulatedResidualBlock(deepest, num_lights) for _ in range(NUM_RESIDUAL_BLOCKS)
        )
        self.decoder = nn.ModuleList(UpBackProjection(2 * c) for c in reversed(widths))
        self.modulations = nn.ModuleList(LightModulation(num_lights, c) for c in reversed(widths))
        self.head = nn.Sequential(reflect_conv(width, 3, 7), nn.Tanh())
        self.apply(initialise)

    def hourglass(self, stem: Tensor, light: Tensor | None = None) -> Tensor:
        """Map the stem's (n, width, h, w) through the coarsest scale to the same shape."""
        x: Tensor = self.encoder(stem)  # (n, c, h, w) -> (n, 16c, h/16, w/16)
        for block in self.bottleneck:
            x = block(x, light)
        for block, modulation in zip(self.decoder, self.modulations, strict=True):
            x = modulation(block(x), light)  # ... -> (n, c, h, w)
        return x

    def picture(self, features: Tensor) -> Tensor:
        """Map the features of `forward`, (n, width, h, w), to pictures in [-1, 1]."""
        image: Tensor = self.head(features)  # (n, width, h, w) -> (n, 3, h, w)
        return image


class SceneReconversion(_SubNetwork):
    """Remove the light from the photo and keep the structure of the scene.

    Its picture is the scene without shadows (first training stage).

    Attributes:
        skip: 3x3 on stem and hourglass; keeps the fine structure.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.skip = nn.Sequential(reflect_conv(2 * width, width, 3), nn.ReLU(inplace=True))
        self.skip.apply(initialise)

    def forward(self, image: Tensor) -> Tensor:
        """Map photos to structure features, (n, 3, h, w) -> (n, width, h, w).

        Raises:
            ValueError: h or w is not a multiple of 16, or is under 32.
        """
        check_size(image)
        stem = self.stem(image)  # (n, 3, h, w) -> (n, c, h, w)
        both = torch.cat([stem, self.hourglass(stem)], dim=1)  # (n, 2c, h, w)
        features: Tensor = self.skip(both)  # (n, c, h, w)
        return features


class ShadowPrior(_SubNetwork):
    """Predict shading and shadows of the wanted light; no skip bypasses the hourglass.

    Its picture is the relit photo (second training stage).
    """

    def forward(self, image: Tensor, light: Tensor | None = None) -> Tensor:
        """Map photos to light features, (n, 3, h, w) -> (n, width, h, w).

        Raises:
            ValueError: h or w is not a multiple of 16, or is under 32.
        """
        check_size(image)
        return self.hourglass(self.stem(image), light)


class MultiScalePerception(nn.Module):
    """Eight parallel dilated 3x3 convolutions with receptive fields of 5 to 25 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        share = channels // len(DILATIONS)
        self.branches = nn.ModuleList(
            conv_block(reflect_conv(channels, share, 3, dilation=dilation), share)
            for dilation in DILATIONS
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to the same shape; h and w are over 12."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Recalibration(nn.Module):
    """Weight the channels by global statistics of the picture, and mix them.

        w = sigmoid(F2(relu(F1(mean(M(u))))));  y = B(w u + u)

    Attributes:
        merge: M, 3x3 with zero padding.
        gate: F1, ReLU, F2, sigmoid.
        mix: B, 1x1.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        squeezed = in_channels // len(DILATIONS)
        self.merge = conv_block(nn.Conv2d(in_channels, in_channels, 3, padding=1), in_channels)
        self.gate = nn.Sequential(
            nn.Linear(in_channels, squeezed, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(squeezed, in_channels, bias=False),
            nn.Sigmoid(),
        )
        self.mix = pointwise(in_channels, out_channels)

    def forward(self, u: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h, w)."""
        means = self.merge(u).mean(dim=(2, 3))  # (n, c, h, w) -> (n, c)
        weights = self.gate(means)[:, :, None, None]  # (n, c) -> (n, c, 1, 1)
        mixed: Tensor = self.mix(u * weights + u)
        return mixed


class ReRenderer(nn.Module):
    """Apply the wanted light to the structure.

    Attributes:
        structure_adapter: 3x3, from the scene reconversion's channels to `rerender_width`.
        light_adapter: 3x3, from the shadow prior's channels to `rerender_width`.
        modulation: modulates the recalibrated features by the wanted light.
        exposure: modulates their sum by the exposure of the photo; only with several lights.
        photo_gate: adds features of the photo; only with several lights.
        perception: eight receptive fields on both together.
        recalibration: the global gate, back to `rerender_width` channels.
        paint: 7x7 and tanh, features to picture.
    """

    def __init__(self, width: int, rerender_width: int, num_lights: int = 1) -> None:
        super().__init__()
        adapter = reflect_conv(width, rerender_width, 3)
        self.structure_adapter = nn.Sequential(adapter, nn.ReLU(inplace=True))
        adapter = reflect_conv(width, rerender_width, 3)
        self.light_adapter = nn.Sequential(adapter, nn.ReLU(inplace=True))
        self.perception = MultiScalePerception(2 * rerender_width)
        self.recalibration = Recalibration(2 * rerender_width, rerender_width)
        self.modulation = LightModulation(num_lights, rerender_width)
        self.paint = nn.Sequential(reflect_conv(rerender_width, 3, 7), nn.Tanh())
        self.apply(initialise)
        self.exposure = ExposureModulation(rerender_width) if num_lights > 1 else None
        self.photo_gate = PhotoGate(rerender_width) if num_lights > 1 else None

    def forward(
        self, structure: Tensor, shadows: Tensor, photo: Tensor, light: Tensor | None = None
    ) -> Tensor:
        """Map two (n, width, h, w) features to relit pictures, (n, 3, h, w) in [-1, 1].

        `photo`, (n, 3, h, w) in [-1, 1], is the source of the features.
        """
        structure = self.structure_adapter(structure)  # (n, c, h, w) -> (n, f, h, w)
        shadows = self.light_adapter(shadows)  # (n, c, h, w) -> (n, f, h, w)
        seen = self.perception(torch.cat([structure, shadows], dim=1))  # (n, 2f, h, w)
        recalibrated = self.modulation(self.recalibration(seen), light)  # (n, f, h, w)
        features = shadows + recalibrated
        if self.exposure is not None and self.photo_gate is not None:
            features = self.photo_gate(self.exposure(features, photo), photo)
        image: Tensor = self.paint(features)  # (n, 3, h, w)
        return image


class Drn(RelightingNetwork):
    """The whole network: relights a photo under any light with a trained light.

    Attributes:
        num_lights: number of lights that it renders.
        scene_reconversion: first training stage.
        shadow_prior: second training stage.
        rerenderer: third training stage.
    """

    def __init__(self, width: int = 32, rerender_width: int = 64, num_lights: int = 1) -> None:
        super().__init__()
        self.num_lights = num_lights
        self.scene_reconversion = SceneReconversion(width)
        self.shadow_prior = ShadowPrior(width, num_lights)
        self.rerenderer = ReRenderer(width, rerender_width, num_lights)

    def forward(self, image: Tensor, light: Tensor | None = None) -> Tensor:
        """Relight photos.

        Args:
            image: (n, 3, h, w) in [-1, 1].
            light: int64 (n,), indices of its lights; ignored if it has one.

        Returns:
            (n, 3, h, w) in [-1, 1].

        Raises:
            ValueError: h or w is not a multiple of 16, or is under 32.
        """
        structure = self.scene_reconversion(image)
        relit: Tensor = self.rerenderer(structure, self.shadow_prior(image, light), image, light)
        return relit

    def judged(self, name: str, image: Tensor, light: Tensor | None) -> Tensor:
        """Return the picture of a sub-network or of the whole (`drn`); see the base class."""
        if name == "scene_reconversion":
            return self.scene_reconversion.picture(self.scene_reconversion(image))
        if name == "shadow_prior":
            return self.shadow_prior.picture(self.shadow_prior(image, light))
        return super().judged(name, image, light)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A size of the network.

    Attributes:
        width: channels of the sub-networks at full size (the paper's 32).
        rerender_width: channels of the re-renderer (the paper's 64).
    """

    width: int
    rerender_width: int


ARCHITECTURES: Final[Mapping[str, Architecture]] = MappingProxyType(
    {
        "drn": Architecture(width=32, rerender_width=64),  # the paper's, 117 million parameters
        "drn-s": Architecture(width=8, rerender_width=16),  # 7.3 million
        "drn-xs": Architecture(width=2, rerender_width=4),  # 0.46 million: for experiments
    }
)


def build(name: str, num_lights: int = 1) -> Drn:
    """Return a freshly initialised network of the architecture that `ARCHITECTURES` names.

    Raises:
        ValueError: the architecture is unknown.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"architecture {name!r} is not one of {', '.join(ARCHITECTURES)}")
    architecture = ARCHITECTURES[name]
    return Drn(architecture.width, architecture.rerender_width, num_lights)
