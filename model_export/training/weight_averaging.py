"""Averages the weights of several runs, which often beats each of them.

This works if one run continued another, or if both had the same start: then the weights between
them are as good as theirs ("Model soups", Wortsman et al. 2022).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from model_export.checkpoint import Checkpoint, CheckpointError

_OF_THE_WEIGHTS = ("metrics.", "softness_px")  # measurements of other weights


def average(names: Sequence[str], checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """Return the mean of checkpoints, with the last one's history.

    Args:
        names: their names in the history; may repeat.
        checkpoints: at least one.

    Raises:
        CheckpointError: their architectures or lights differ.
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
