"""What training and evaluation ask of a network, whichever it is."""

from __future__ import annotations

from torch import Tensor, nn


class RelightingNetwork(nn.Module):
    """A network from photos to photos, (n, 3, h, w) in [-1, 1]; h and w are multiples of 16.

    Its parts, which stages of training name, are its children.

    Attributes:
        num_lights: how many lights it renders.
    """

    num_lights: int = 1

    def judged(self, name: str, image: Tensor, light: Tensor | None) -> Tensor:
        """Return the picture that a stage of training judges.

        Args:
            name: a part that paints one of its own; any other name: the relit photo.
            image: (n, 3, h, w) in [-1, 1].
            light: int64 (n,), which of the network's lights.

        Returns:
            (n, 3, h, w) in [-1, 1].
        """
        relit: Tensor = self(image, light)
        return relit

    def own_losses(self, name: str, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the losses that only this network has, by name.

        Args:
            name: what the stage judges.
            image: (n, 3, h, w) in [-1, 1].
            target: the same scenes under the wanted light.
        """
        return {}
