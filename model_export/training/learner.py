"""The training step of a stage: some parts of the network and their discriminators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from model_export.config import LOSSES, Loss, TrainingConfig, TrainingStage
from model_export.data.pairs import Pair
from model_export.networks.base import RelightingNetwork
from model_export.training.adversarial import AdversarialLearner
from model_export.training.losses import (
    PerceptualLoss,
    dissimilarity,
    negative_psnr,
    pyramid_distance,
)


class Learner:
    """Performs the steps of one stage.

    Args:
        network: the whole network; parts that the stage does not name are frozen.
        stage: the stage.
        config: gives Adam's betas and the form of the discriminators.
        device: its device.
        perceptual: the VGG-19 loss; None omits that term.
    """

    def __init__(
        self,
        network: RelightingNetwork,
        stage: TrainingStage,
        config: TrainingConfig,
        device: torch.device,
        perceptual: PerceptualLoss | None,
    ) -> None:
        self._network = network
        self._stage = stage
        self._perceptual = perceptual
        parts = dict(network.named_children())
        assert set(stage.trains) <= set(parts), f"{stage.trains} are not all among {list(parts)}"
        for name, part in parts.items():
            part.requires_grad_(name in stage.trains)
        learning = [weight for weight in network.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.Adam(
            learning, stage.learning_rate, config.betas, fused=device.type == "cuda"
        )
        decay_from = stage.decay_from * stage.num_steps
        num_decaying = max(stage.num_steps - decay_from, 1)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: min(1.0, (stage.num_steps - step) / num_decaying)
        )
        self._of_pictures: list[Loss] = [name for name in LOSSES if name in stage.losses]
        self._of_network = [name for name in stage.losses if name not in LOSSES]
        self._adversaries: dict[Loss, AdversarialLearner] = {}
        thresholds: dict[Loss, float | None] = {
            "adversarial": None,
            "shadow_adversarial": config.shadow_threshold,
        }
        for name, threshold in thresholds.items():
            if name in stage.losses:
                self._adversaries[name] = AdversarialLearner(
                    config, stage.learning_rate, device, threshold
                )

    def state_dict(self) -> dict[str, Any]:
        """Return the state for `load_state_dict`."""
        return {
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            **{name: adversary.state_dict() for name, adversary in self._adversaries.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state."""
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        for name, adversary in self._adversaries.items():
            adversary.load_state_dict(state[name])

    def learn(self, pair: Pair) -> dict[str, Tensor]:
        """Take one step; return each loss as a scalar, possibly still pending on the GPU."""
        losses = dict(self._losses(pair))
        total = torch.stack([self._stage.losses[name] * loss for name, loss in losses.items()])
        self._optimizer.zero_grad(set_to_none=True)
        total.sum().backward()
        self._optimizer.step()
        self._schedule.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def _picture(self, pair: Pair) -> Tensor:
        return self._network.judged(self._stage.judges, pair.image, pair.light).float()

    def _losses(self, pair: Pair) -> Iterator[tuple[str, Tensor]]:
        if self._of_network:
            own = self._network.own_losses(self._stage.judges, pair.image, pair.target)
            yield from ((name, own[name]) for name in self._of_network)
        if self._of_pictures:
            picture = self._picture(pair)
            for adversary in self._adversaries.values():
                adversary.learn(pair.image, pair.target, picture.detach())
            yield from self._picture_losses(pair, picture)

    def _picture_losses(self, pair: Pair, picture: Tensor) -> Iterator[tuple[Loss, Tensor]]:
        for name in self._of_pictures:
            if name == "l1":
                yield name, F.l1_loss(picture, pair.target)
            elif name == "mse":
                yield name, F.mse_loss(picture, pair.target)
            elif name == "psnr":
                yield name, negative_psnr(picture, pair.target)
            elif name == "pyramid":
                yield name, pyramid_distance(picture, pair.target)
            elif name == "ssim":
                yield name, dissimilarity(picture, pair.target)
            elif name == "perceptual":
                if self._perceptual is not None:
                    yield name, self._perceptual(picture, pair.target)
            else:
                yield name, self._adversaries[name].fooled(pair.image, picture)
