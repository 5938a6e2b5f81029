"""The interface of a network for training and evaluation."""

from __future__ import annotations

from torch import Tensor, nn


class RelightingNetwork(nn.Module):
    """A network from photos to photos, (n, 3, h, w) in [-1, 1]; h and w are multiples of 16.

    Its parts, which training stages name, are its children.

    Attributes:
        num_lights: number of lights that it renders.
    """

    num_lights: int = 1

    def judged(self, name: str, image: Tensor, light: Tensor | None) -> Tensor:
        """Return the picture that a training stage compares with its target.

        Args:
            name: a part that has a picture of its own; any other name: the relit photo.
            image: (n, 3, h, w) in [-1, 1].
            light: int64 (n,), indices of the network's lights.

        Returns:
            (n, 3, h, w) in [-1, 1].
        """
        relit: Tensor = self(image, light)
        return relit

    def own_losses(self, name: str, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the losses specific to this network, by name.

        Args:
            name: the part that the stage judges.
            image: (n, 3, h, w) in [-1, 1].
            target: the same scenes under the wanted light.
        """
        return {}
