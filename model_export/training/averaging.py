"""The mean of several trainings' weights, which often beats each one of them.

It works where one training went on from another, or both from the same start: then the weights
between them are as good as theirs ("Model soups", Wortsman et al. 2022).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from model_export.checkpoint import Checkpoint, CheckpointError

_OF_THE_WEIGHTS = ("metrics.", "softness_px")  # measured, so no longer true


def average(names: Sequence[str], checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """Return the mean of checkpoints, with the last one's history.

    Args:
        names: what the history shall call them; two may have the same name.
        checkpoints: at least one.

    Raises:
        CheckpointError: they are of different architectures, or render different lights.
    """
    *others, last = checkpoints
    for other in others:
        if (other.architecture, other.lights) != (last.architecture, last.lights):
            raise CheckpointError("only checkpoints of one architecture and the same lights mix")
    weights = {
        name: sum((each.weights[name].float() for each in others), last.weights[name].float())
        / len(checkpoints)
        for name in last.weights
    }
    history = {
        name: value
        for name, value in last.provenance.items()
        if not name.startswith(_OF_THE_WEIGHTS)
    }
    provenance = {**history, "mean_of": ", ".join(names)}
    return dataclasses.replace(last, weights=weights, provenance=provenance)
