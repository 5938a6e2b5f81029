"""`drn-g` as the service runs it: one graph reads a scene, the other lights it.

Batch norms stay in the file beside their convolutions, so that training can go on from it; ONNX
Runtime folds them into the convolutions when it loads the file.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import onnx_ir as ir
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from onnxscript import optimizer
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional as F

from model_export.export.runtime_form import suit_runtime
from model_export.networks.drn_g import DrnG, ShadowPrior, Structure
from model_export.networks.near_lamp import SeenLamp, lamp_from_each_pixel
from model_export.networks.ray_march import RayMarch
from service.contract.pair import LIGHT_INPUTS, LIGHT_OUTPUTS, SCENE_OUTPUTS, Part

OPSET: Final = 20
_CAUTION: Final = 3.0  # exponent on how surely a lamp lights a pixel
_TRACED_PX: Final = (96, 128)  # h, w
_NUM_BESIDE: Final = 4  # normals and nearness, in `features`


class SceneGraph(nn.Module):
    """Pixels to what is true of the scene in any light; `service.contract.pair` says how.

    `relightable` is the network's to a power, so unsure pixels are relit less than in training.
    `features` are what the light graph's first convolution makes of the scene, which is the same
    under every lamp, then normals and nearness at that size.
    """

    def __init__(self, network: DrnG) -> None:
        super().__init__()
        self.scene_reconversion = network.scene_reconversion
        self.shadow_prior = network.shadow_prior

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map uint8 (n, h, w, 3) to `SCENE_OUTPUTS`, in their order."""
        structure: Structure = self.scene_reconversion(image.permute(0, 3, 1, 2).float() / 255)
        normals = structure.normals.permute(0, 2, 3, 1)
        # About 0 the cache's float16 is finest; only differences of relief have a meaning.
        relief = structure.relief - structure.relief.mean(dim=(2, 3), keepdim=True)
        # Pixels that may not be a surface are relit less, or they would turn to fog.
        relightable = structure.relightable.pow(_CAUTION)
        planes = (relief, structure.log_shading, structure.occlusion, relightable)
        return normals, *(plane[:, 0] for plane in planes), self._features(structure)

    def _features(self, structure: Structure) -> Tensor:
        """Return (n, 20, h/2, w/2)."""
        still = self.shadow_prior.still_planes(structure)
        convolution, norm = _stem_of(self.shadow_prior)
        assert norm.running_var is not None
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        weight = convolution.weight[:, : still.shape[1]] * scale[:, None, None, None]
        begun = F.conv2d(still, weight, padding=1)
        return torch.cat([begun, structure.normals_at_half, structure.features[:, -1:]], dim=1)


class LightGraph(nn.Module):
    """What was read of a scene and a lamp to the light that arrives."""

    def __init__(self, network: DrnG) -> None:
        super().__init__()
        self.shadow_prior = network.shadow_prior
        self.rerenderer = network.rerenderer

    def forward(  # noqa: PLR0917  # the exporter passes a graph's inputs by position
        self,
        normals: Tensor,
        relief: Tensor,
        log_shading: Tensor,
        occlusion: Tensor,
        features: Tensor,
        light: Tensor,
        softness: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Map `LIGHT_INPUTS` to `LIGHT_OUTPUTS`, in their order."""
        structure = Structure(
            normals=normals.permute(0, 3, 1, 2),
            relief=relief[:, None],
            log_shading=log_shading[:, None],
            occlusion=occlusion[:, None],
            relightable=occlusion[:, None],  # the composition's business
            features=features,
        )
        lamp = lamp_from_each_pixel(structure.relief, light, structure.nearness)
        march = self.shadow_prior.march(structure, light, softness)
        x = self._stem(features, lamp, march)
        arriving = self.shadow_prior.arriving(structure, lamp, march, softness, x)
        residual = self.rerenderer.residual(arriving.features)
        residual = F.interpolate(residual, size=normals.shape[1:3], mode="bilinear")
        return arriving.irradiance[:, 0], residual[:, 0]

    def _stem(self, features: Tensor, lamp: SeenLamp, march: RayMarch) -> Tensor:
        """Go on with the stem where the scene graph has left it; return (n, 16, h/2, w/2)."""
        convolution, norm = _stem_of(self.shadow_prior)
        lit = self.shadow_prior.lit_planes(features[:, -_NUM_BESIDE:-1], lamp, march)
        x = F.conv2d(lit, convolution.weight[:, -lit.shape[1] :], padding=1)
        return F.relu(norm(x) + features[:, : convolution.out_channels])


def _stem_of(shadow_prior: ShadowPrior) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    convolution, norm, _ = shadow_prior.stem
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return convolution, norm


def trace(network: DrnG, part: Part) -> ir.Model:
    """Return a part of the network as ONNX, with dynamic n, h and w."""
    batch, height, width = (
        Dim("n", min=1, max=64),
        Dim("h", min=2, max=512),
        Dim("w", min=2, max=512),
    )
    graph = SceneGraph(network) if part == "scene" else LightGraph(network)
    inputs = (
        (torch.zeros(2, *_TRACED_PX, 3, dtype=torch.uint8),)
        if part == "scene"
        else _light_inputs(_stem_of(network.shadow_prior)[0].out_channels + _NUM_BESIDE)
    )
    full, half = {0: batch, 1: 16 * height, 2: 16 * width}, {2: 8 * height, 3: 8 * width}
    shapes = (full,) if part == "scene" else (full,) * 4 + ({0: batch, **half}, *({0: batch},) * 2)
    names = ["image"] if part == "scene" else list(LIGHT_INPUTS)
    outputs = SCENE_OUTPUTS if part == "scene" else LIGHT_OUTPUTS
    with warnings.catch_warnings():
        # PyTorch 2.13's exporter trips over its own renaming of a class.
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        # All inputs share n, h and w, which it reports as a surprise.
        warnings.filterwarnings("ignore", message="# The axis name", category=UserWarning)
        program = torch.onnx.export(
            graph.eval(),
            inputs,
            dynamo=True,
            opset_version=OPSET,
            input_names=names,
            output_names=list(outputs),
            dynamic_shapes=shapes,
            verbose=False,
            optimize=False,  # it would fold the batch norms
        )
    assert program is not None
    model = program.model
    optimizer.fold_constants(model, should_fold=_keep_weights)
    suit_runtime(model)
    _declare_shapes(model, part)
    ClearMetadataAndDocStringPass()(model)  # source lines with their paths
    return model


def _keep_weights(node: ir.Node) -> bool | None:
    """Leave what is made of trained weights to the runtime: they stay in the file as they are."""
    weights = (x for x in node.inputs if x is not None and x.is_initializer())
    return False if any("." in (weight.name or "") for weight in weights) else None


def _light_inputs(num_features: int) -> tuple[Tensor, ...]:
    height, width = _TRACED_PX
    sizes: dict[str | int, Any] = {"n": 2, "h": height, "w": width, "c": num_features}
    sizes |= {"h/2": height // 2, "w/2": width // 2}
    return tuple(torch.rand([sizes.get(d, d) for d in shape]) for shape in LIGHT_INPUTS.values())


def _declare_shapes(model: ir.Model, part: Part) -> None:
    """Give inputs and outputs the names of dimensions that the contract uses."""
    promised = {"image": ("n", "h", "w", 3), **LIGHT_INPUTS, **LIGHT_OUTPUTS, **SCENE_OUTPUTS}
    for value in (*model.graph.inputs, *model.graph.outputs):
        assert value.name is not None
        channels = value.shape[1] if value.shape is not None and value.name == "features" else None
        value.shape = ir.Shape([channels if d == "c" else d for d in promised[value.name]])
    for node in model.graph:
        for value in node.outputs:
            if value not in model.graph.outputs:
                value.shape = None
