"""The model card beside an exported pair, after Mitchell et al., "Model Cards", FAT* 2019."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from service.contract.pair import PairContract, Part

_ELSEWHERE = ("trained_on", "license")


def pair_card(
    contract: PairContract,
    provenance: Mapping[str, str | int | float],
    contents: Mapping[Part, bytes],
    difference: float,
) -> str:
    """Return the card, in Markdown.

    Args:
        contract: what the files promise.
        provenance: the history of the weights.
        contents: the files.
        difference: largest mean difference of a map to PyTorch.
    """
    files = {
        f"`{contract.name}.{part}.onnx`": f"{len(content):,} bytes, SHA-256"
        f" `{hashlib.sha256(content).hexdigest()}`"
        for part, content in contents.items()
    }
    history = {
        key: value
        for key, value in provenance.items()
        if key not in _ELSEWHERE and not key.startswith("metrics.")
    }
    return f"""# {contract.name} {contract.version}

Relights a photo with a lamp from any direction. One graph reads the scene (normals, relief, the
photo's own light, occlusion, what can be relit), the other computes the light of a lamp on it.

{_table({**files, "Licence of the weights": contract.license})}

Network: the three parts of Wang, Siu, Liu, Li and Lun, "Deep Relighting Networks for Image Light
Source Manipulation", ECCV Workshops 2020 (arXiv 2008.08298), each supervised by a renderer. The
interface is `service/contract/pair.py`. Graphs and PyTorch differ by at most {difference:.1g} in
the mean of a map.

## Training

Trained on {contract.trained_on}, by `python -m model_export train --stream`.

{_table(history)}

## Measured quality

{_table(contract.metrics) if contract.metrics else "See `docs/quality.md`."}

## Intended use

Mood and look of still pictures: previews, design, photo editing, research on relighting.

## Not for

- Evidence. Surfaces, shadows and highlights are estimates: a relit picture shows what might have
  been, never what was.
- Decisions about people. The training scenes hold no real people; faces come out less well, and
  not equally for all people.
- Measurement: neither colours nor brightness are calibrated.

## Limits

- Hard shadows of the photo's own light stay partly visible.
- Glass, mirrors, hair and thin structures have no surface that the network reads well.
- Highlights stay where they were; a new lamp adds none.
- A crop may be read otherwise than the whole photo.
"""


def _table(rows: Mapping[str, str | int | float]) -> str:
    """Return a Markdown table of two columns."""
    return "\n".join(
        ["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())]
    )
