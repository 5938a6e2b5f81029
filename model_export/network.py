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
        """Return the picture that a stage judges: `relit`, or one of a part's own.

        Args:
            name: `relit`, or the part.
            image: (n, 3, h, w) in [-1, 1].
            light: int64 (n,), which of the network's lights.
        """
        assert name == "relit", f"{type(self).__name__} has no picture {name!r}"
        relit: Tensor = self(image, light)
        return relit

    def own_losses(self, name: str, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the losses that only this network has, for the stage that judges `name`.

        Args:
            name: `relit`, or the part.
            image: (n, 3, h, w) in [-1, 1].
            target: the same scenes under the wanted light.
        """
        return {}
