"""Adversarial training: a discriminator with its optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from model_export.config import TrainingConfig
from model_export.networks.discriminators import PatchDiscriminator
from model_export.training.losses import adversarial_loss, shadow_region


class AdversarialLearner:
    """A discriminator that learns to distinguish real pictures from generated ones.

    Args:
        config: gives the GAN loss, the width and Adam's betas.
        learning_rate: learning rate of its optimiser.
        device: its device.
        shadow_threshold: compare only content darker than this (in [0, 1]); None: all.
    """

    def __init__(
        self,
        config: TrainingConfig,
        learning_rate: float,
        device: torch.device,
        shadow_threshold: float | None = None,
    ) -> None:
        self._gan = config.gan
        self._shadow_threshold = shadow_threshold
        self._discriminator = PatchDiscriminator(config.discriminator_width).to(device)
        self._optimizer = torch.optim.Adam(
            self._discriminator.parameters(), learning_rate, config.betas
        )

    def learn(self, image: Tensor, real: Tensor, made: Tensor) -> None:
        """Learn to distinguish `real` from `made`, both (n, 3, h, w), given the input `image`."""
        self._discriminator.requires_grad_(True)
        loss = (self._loss(image, real, real=True) + self._loss(image, made, real=False)) / 2
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()

    def fooled(self, image: Tensor, made: Tensor) -> Tensor:
        """Return the generator's loss: small if `made` is taken for real."""
        self._discriminator.requires_grad_(False)  # the gradient is for the picture alone
        return self._loss(image, made, real=True)

    def state_dict(self) -> dict[str, Any]:
        """Return the state for `load_state_dict`."""
        return {
            "discriminator": self._discriminator.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state."""
        self._discriminator.load_state_dict(state["discriminator"])
        self._optimizer.load_state_dict(state["optimizer"])

    def _loss(self, image: Tensor, picture: Tensor, *, real: bool) -> Tensor:
        if self._shadow_threshold is not None:
            picture = shadow_region(picture, self._shadow_threshold)
        scores: Tensor = self._discriminator(image, picture)
        return adversarial_loss(scores.float(), real=real, gan=self._gan)
