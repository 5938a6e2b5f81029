"""DRN on geometry: the scene is read once as surfaces, the light is computed and then corrected.

    photo -- SceneReconversion -- normals, relief, old light, ... --+
                                                                    +-- ReRenderer -- log ratio
    wanted lamp ------------------ ShadowPrior -- irradiance -------+

The three parts are DRN's (Wang et al. 2020, arXiv 2008.08298). Here each has a meaning that a
renderer knows, so each learns from the truth. The scene reconversion never sees the wanted lamp:
another lamp costs only the other two parts. Their result is a factor on the photo's linear
light, so texture and hue stay and black stays black.

Lengths are in units of half the picture's mean side, sqrt(h w) / 2 pixels. The wanted lamp stands
in its direction at the distance 1 / q from the picture's centre. The nearness q is read from the
photo: 0 in the sun, about .7 near a street lamp at night.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model_export.networks.drn_g_blocks import (
    ResidualBlock,
    Up,
    conv_block,
    coordinates,
    enlarge,
    start_at_zero,
)
from model_export.networks.near_lamp import SeenLamp, lamp_from_each_pixel
from model_export.networks.ray_march import RayMarch, ray_march

NUM_FEATURES: Final = 24
_WIDTHS: Final = (NUM_FEATURES, 48, 96, 144, 208)
_NUM_BLOCKS: Final = (1, 1, 3, 4, 4)
_LIGHT_WIDTHS: Final = (16, 32, 48)
_SHARPNESS: Final = 12.0  # of the bend where a surface turns away from the lamp
_TOWARDS_VIEWER: Final = 0.7  # what a normal is before the photo says anything
_FAR_AWAY: Final = -4.0  # logit of the nearness before the photo says anything


class Structure(NamedTuple):
    """What is true of a scene in any light.

    Attributes:
        normals: (n, 3, h, w), unit vectors; x right, y up, z towards the viewer.
        relief: (n, 1, h, w), height towards the viewer, up to a constant.
        log_shading: (n, 1, h, w), log of the light that arrives in the photo, mean about 0.
        occlusion: (n, 1, h, w), share of the sky that a point sees, 0 to 1.
        relightable: (n, 1, h, w), how surely a lamp lights this pixel, 0 to 1.
        features: (n, 25, h/2, w/2), further inputs of the shadow prior; the last one is the
            nearness of lamps, 0 to 1, the same everywhere.
    """

    normals: Tensor
    relief: Tensor
    log_shading: Tensor
    occlusion: Tensor
    relightable: Tensor
    features: Tensor

    @property
    def nearness(self) -> Tensor:
        """The nearness of lamps, (n, 1, 1, 1), 0 to 1."""
        return self.features[:, -1:].float().mean(dim=(2, 3), keepdim=True)

    @property
    def normals_at_half(self) -> Tensor:
        """The normals at half the size, (n, 3, h/2, w/2)."""
        return F.normalize(F.avg_pool2d(self.normals, 2), dim=1)


class Arriving(NamedTuple):
    """The wanted lamp's light.

    Attributes:
        irradiance: (n, 1, h, w), of a lamp of strength 1; 0 and up.
        features: (n, 16, h/2, w/2), what the re-renderer needs to know of it.
    """

    irradiance: Tensor
    features: Tensor


class SceneReconversion(nn.Module):
    """Read the scene out of the photo: its surfaces, and the light that the photo was taken in.

    Attributes:
        stem: photo and coordinates to half the size.
        encoder: one group of residual blocks a scale, each but the first at half the size.
        whole: what the whole picture shows, added at the coarsest scale.
        nearness: logit of the nearness of lamps.
        decoder: back to half the photo's size.
        coarse_head: maps at half the size.
        fine_head: their correction at the photo's own size.
    """

    NUM_MAPS: Final = 7  # 3 normal, relief, log shading, occlusion, relightable

    def __init__(
        self, widths: Sequence[int] = _WIDTHS, num_blocks: Sequence[int] = _NUM_BLOCKS
    ) -> None:
        super().__init__()
        self.stem = conv_block(5, widths[0], stride=2)
        self.encoder = nn.ModuleList()
        for scale, (width, count) in enumerate(zip(widths, num_blocks, strict=True)):
            down = [conv_block(widths[scale - 1], width, stride=2)] if scale else []
            blocks = (ResidualBlock(width) for _ in range(count))
            self.encoder.append(nn.Sequential(*down, *blocks))
        self.whole = nn.Linear(widths[-1], widths[-1])
        self.nearness = nn.Linear(widths[-1], 1)
        nn.init.zeros_(self.nearness.weight)
        nn.init.constant_(self.nearness.bias, _FAR_AWAY)
        rising = tuple(reversed(widths))
        self.decoder = nn.ModuleList(Up(coarse, fine) for coarse, fine in pairwise(rising))
        self.coarse_head = nn.Conv2d(widths[0], self.NUM_MAPS, 1)
        self.fine_head = nn.Sequential(
            conv_block(widths[0] + 5, 16),
            conv_block(16, 16),
            nn.Conv2d(16, self.NUM_MAPS, 3, 1, 1),
        )

    def forward(self, photo: Tensor) -> Structure:
        """Read (n, 3, h, w) sRGB codes, 0 to 1; h and w are even."""
        seen = torch.cat([photo * 2 - 1, coordinates(photo)], dim=1)  # (n, 5, h, w)
        x = self.stem(seen)  # -> (n, 24, h/2, w/2)
        skips = []
        for group in self.encoder:
            x = group(x)
            skips.append(x)
        whole = x.mean(dim=(2, 3))
        x = x + self.whole(whole)[:, :, None, None]
        nearness = torch.sigmoid(self.nearness(whole).float())[:, :, None, None]
        for up, skip in zip(self.decoder, skips[-2::-1], strict=True):
            x = up(x, skip)
        maps = enlarge(self.coarse_head(x), seen) + self.fine_head(
            torch.cat([enlarge(x, seen), seen], dim=1)
        )
        maps = maps.float()
        towards_viewer = maps.new_tensor([0, 0, _TOWARDS_VIEWER])[:, None, None]
        return Structure(
            normals=F.normalize(maps[:, :3] + towards_viewer, dim=1),
            relief=2 * maps[:, 3:4],
            log_shading=maps[:, 4:5],
            occlusion=torch.sigmoid(maps[:, 5:6] + 1),
            relightable=torch.sigmoid(maps[:, 6:7] + 1),
            features=torch.cat([x, nearness.to(x.dtype).expand_as(x[:, :1])], dim=1),
        )


class ShadowPrior(nn.Module):
    """Compute the light of a lamp on the surfaces, and correct what the march gets wrong.

    The march runs at a quarter of the photo's size, its correction at half, the cosine at full.

    Attributes:
        stem, encoder, project, decoder: a small network on features, geometry and what the
            rays met.
        correction: to the logits of visibility and of the light that other surfaces throw.
    """

    def __init__(self, widths: Sequence[int] = _LIGHT_WIDTHS) -> None:
        super().__init__()
        self.stem = conv_block(NUM_FEATURES + 15, widths[0])
        self.encoder = nn.ModuleList(
            conv_block(fine, coarse, stride=2) for fine, coarse in pairwise(widths)
        )
        self.bottleneck = ResidualBlock(widths[-1])
        rising = tuple(reversed(widths))
        self.project = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1) for coarse, fine in pairwise(rising)
        )
        self.decoder = nn.ModuleList(conv_block(2 * fine, fine) for fine in rising[1:])
        self.correction = nn.Conv2d(widths[0], 2, 3, padding=1)
        start_at_zero(self.correction)

    def forward(self, structure: Structure, light: Tensor, softness: Tensor) -> Arriving:
        """Light the surfaces.

        Args:
            structure: of n photos.
            light: (n, 3), unit vectors to the lamps.
            softness: (n,), 0 for a hard lamp to 1 for an overcast sky.
        """
        lamp = lamp_from_each_pixel(structure.relief, light, structure.nearness)
        march = self.march(structure, light, softness)
        lit = self.lit_planes(structure.normals_at_half, lamp, march)
        x = self.stem(torch.cat([self.still_planes(structure), lit], dim=1))
        return self.arriving(structure, lamp, march, softness, x)

    def arriving(
        self, structure: Structure, lamp: SeenLamp, march: RayMarch, softness: Tensor, x: Tensor
    ) -> Arriving:
        """Light the surfaces, given what the stem has made: (n, 16, h/2, w/2)."""
        skips = [x]
        for down in self.encoder:
            x = down(x)
            skips.append(x)
        x = self.bottleneck(x)
        for project, join, skip in zip(self.project, self.decoder, skips[-2::-1], strict=True):
            x = join(torch.cat([enlarge(project(x), skip), skip], dim=1))
        correction = self.correction(x).float()
        visibility = torch.sigmoid(correction[:, :1] + 5 * march.visibility[:, :1] - 2)
        bounced = 0.5 * torch.sigmoid(correction[:, 1:] - 4)
        full = enlarge(torch.cat([visibility, bounced], dim=1), structure.normals)
        cosine = lamp.inverse_distance * (structure.normals * lamp.towards).sum(1, keepdim=True)
        hard = lamp.falloff * _bent(cosine) * full[:, :1] + full[:, 1:]
        # A sky whose brightest part is where the lamp stood.
        sky = structure.occlusion * (1 + cosine) / 2
        share = softness[:, None, None, None].square()
        return Arriving((1 - share) * hard + share * sky, x)

    @staticmethod
    def march(structure: Structure, light: Tensor, softness: Tensor) -> RayMarch:
        """Return what the rays meet, at half the photo's size."""
        met = ray_march(F.avg_pool2d(structure.relief, 4), light, softness)
        return RayMarch(*(enlarge(maps, structure.features) for maps in met))

    @staticmethod
    def still_planes(structure: Structure) -> Tensor:
        """Return what the stem sees of the scene under every lamp, (n, 30, h/2, w/2)."""
        maps = (F.avg_pool2d(x, 2) for x in (structure.log_shading, structure.occlusion))
        return torch.cat([structure.features, structure.normals_at_half, *maps], dim=1)

    @staticmethod
    def lit_planes(normals: Tensor, lamp: SeenLamp, march: RayMarch) -> Tensor:
        """Return what the stem sees of a lamp, (n, 9, h/2, w/2)."""
        towards = F.normalize(F.avg_pool2d(lamp.towards, 2), dim=1)
        return torch.cat([(normals * towards).sum(1, keepdim=True), *march, towards], dim=1)


class ReRenderer(nn.Module):
    """Put the wanted light in the place of the photo's own.

        log Y / X = v (log(a o + (1 - a) E) - d s + r)

    X photo and Y relit photo in linear light, v relightable, a ambient share, o occlusion,
    E irradiance, s log shading. d and the residual r are learned. One gain for the whole picture
    is left to the caller, who keeps its mean luminance.

    Attributes:
        removal: d, the share of the photo's own light that is taken out.
        residual: to r.
    """

    def __init__(self, num_features: int = _LIGHT_WIDTHS[0]) -> None:
        super().__init__()
        self.removal = nn.Parameter(torch.tensor(0.7))
        self.residual = nn.Conv2d(num_features, 1, 3, padding=1)
        start_at_zero(self.residual)

    def forward(self, structure: Structure, arriving: Arriving, ambient: Tensor) -> Tensor:
        """Return the log ratio, (n, 1, h, w); `ambient` is (n,), over 0."""
        share = ambient[:, None, None, None]
        wanted = share * structure.occlusion + (1 - share) * arriving.irradiance
        residual = enlarge(self.residual(arriving.features).float(), structure.normals)
        removal = self.removal.clamp(0, 1)
        ratio = torch.log(wanted.clamp_min(1e-3)) - removal * structure.log_shading
        return structure.relightable * (ratio + residual)


class DrnG(nn.Module):
    """The whole network.

    Attributes:
        scene_reconversion: first training stage.
        shadow_prior: second training stage.
        rerenderer: third training stage.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scene_reconversion = SceneReconversion()
        self.shadow_prior = ShadowPrior()
        self.rerenderer = ReRenderer()

    def forward(self, photo: Tensor, light: Tensor, softness: Tensor, ambient: Tensor) -> Tensor:
        """Return the log of the factor on the photo's linear light, (n, 1, h, w).

        Args:
            photo: (n, 3, h, w), sRGB codes, 0 to 1; h and w are even.
            light: (n, 3), unit vectors to the wanted lamps.
            softness: (n,), 0 to 1.
            ambient: (n,), share of the wanted light that comes from all around, over 0.
        """
        structure = self.scene_reconversion(photo)
        arriving = self.shadow_prior(structure, light, softness)
        ratio: Tensor = self.rerenderer(structure, arriving, ambient)
        return ratio


def _bent(cosine: Tensor) -> Tensor:
    """Return max(cosine, 0) with a bend instead of a corner."""
    return F.softplus(cosine * _SHARPNESS) / _SHARPNESS
