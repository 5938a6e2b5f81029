"""Forms of one mesh as a mean plus components, which `model_export.scenes.makehuman` makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Rng


@dataclass(frozen=True, slots=True)
class LinearForms:
    """A linear model of forms.

    Attributes:
        mean: (n, 3), vertices.
        components: (k, n, 3), displacements of one standard deviation.
    """

    mean: FloatArray
    components: FloatArray

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> LinearForms:
        """Take the model from the arrays of its file."""
        scales = stored["scales"][:, None, None]
        return cls(stored["mean"], stored["components"].astype(np.float32) * scales)

    def draw(self, rng: Rng, most: float) -> FloatArray:
        """Draw a form, (n, 3), within `most` standard deviations of the mean in each component."""
        amounts = np.clip(rng.normal(0, 1, len(self.components)), -most, most)
        drawn = self.mean + np.tensordot(amounts.astype(np.float32), self.components, 1)
        return np.asarray(drawn, float)
