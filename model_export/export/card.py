"""Writes the model card of an exported model.

Its sections follow Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from model_export.checkpoint import Checkpoint
from service.contract.metadata import (
    INPUT_NAME,
    LIGHT_NAME,
    OUTPUT_NAME,
    SIZE_MULTIPLE_PX,
    ModelContract,
)

_CONTRACT_KEYS = ("trained_on", "size_px", "license")


def model_card(
    contract: ModelContract,
    checkpoint: Checkpoint,
    *,
    file_name: str,
    content: bytes,
    difference: float,
    failures: str | None = None,
) -> str:
    """Return the card, in Markdown.

    Args:
        contract: metadata of the file.
        checkpoint: source of the export.
        file_name: name of the ONNX file.
        content: bytes of the ONNX file.
        difference: largest difference to PyTorch, in units of the output (0 to 1).
        failures: name of the picture of failures beside the card.
    """
    lights = ", ".join(map(str, contract.lights))
    num_parameters = sum(weight.numel() for weight in checkpoint.weights.values())
    history = {
        key: value
        for key, value in checkpoint.provenance.items()
        if key not in _CONTRACT_KEYS and not key.startswith("metrics.")
    }
    return f"""# {contract.name} {contract.version}

Relights a photo as if its lamp shone from {" or ".join(map(str, contract.lights))}
(compass point and kelvin; N is behind the scene, E at image right), whatever light the photo was
taken under.

{
        _table(
            {
                "Network": f"Deep Relighting Network, `{checkpoint.architecture}`",
                "Parameters": f"{num_parameters:,} with the heads that only training uses",
                "Lights": lights,
                "Licence of the weights": contract.license,
                "File": f"`{file_name}`, {len(content):,} bytes",
                "SHA-256 of the file": f"`{hashlib.sha256(content).hexdigest()}`",
                "SHA-256 of the checkpoint": f"`{contract.checkpoint_sha256}`",
            }
        )
    }

Network: Wang, Siu, Liu, Li and Lun, "Deep Relighting Networks for Image Light Source
Manipulation", ECCV Workshops 2020 (arXiv 2008.08298).

## Interface

- `{INPUT_NAME}`: uint8 (n, h, w, 3), sRGB; h and w are multiples of {SIZE_MULTIPLE_PX}.{
        _light_input(contract)
    }
- `{OUTPUT_NAME}`: {contract.precision} (n, h, w, 3), 0 to 1, sRGB-encoded.

The arithmetic is float32. The largest difference to PyTorch, over noise and photo-like pictures,
alone and in batches, is {difference:.1g} of the output's range.

## Training

Trained on {contract.trained_on}; pictures of {contract.size_px} px.

{_table(history)}

## Measured quality

{_quality(contract.metrics)}

The figures hold for the data set that they name and for no other. They must not be compared
with figures from VIDIT unless that is the data set.

## Intended use

Mood and look of still pictures: previews, design, photo editing, research on relighting.

## Not for

- Evidence. Shadows and highlights are guessed, not measured: a relit picture shows what might
  have been, never what was. Do not present it as a record.
- Decisions about people. No people were in mind when the data were made; skin and faces may
  come out wrong, and wrong in different ways for different people.
- Measurement: neither colours nor brightness are calibrated.

## Limits

- What lay in the dark has to be invented; what was burnt out stays lost.
- Each output pixel depends on the whole picture: a crop comes out differently.
- It works at about {contract.size_px} px; the service carries the light over to the full size.
- Photos far from the training data (many lamps, open sun, people, text) come out less well.
{_failures(failures)}"""


def _quality(metrics: Mapping[str, str | float]) -> str:
    """Return the means with half of their 95 % confidence intervals."""
    if not metrics:
        return "Not measured yet."
    shown = {
        name: f"{value} ± {metrics[f'{name}_margin']}" if f"{name}_margin" in metrics else value
        for name, value in metrics.items()
        if not name.endswith("_margin")
    }
    margins = "\n\n± is half of the 95 % confidence interval of the mean over scenes."
    return _table(shown) + (margins if len(shown) < len(metrics) else "")


def _failures(picture: str | None) -> str:
    if picture is None:
        return ""
    return f"""
## Where it fails

The pairs of the data set above that gain least over the unchanged photo, one a scene, the worst
first: photo, answer, and what the scene looks like under the wanted light.

![Input, answer and target of the worst pairs]({picture})
"""


def _light_input(contract: ModelContract) -> str:
    if len(contract.lights) == 1:
        return ""
    return f"\n- `{LIGHT_NAME}`: int64 (n,), index into the lights."


def _table(rows: Mapping[str, str | int | float]) -> str:
    """Return a Markdown table of two columns."""
    lines: Iterable[str] = (f"| {key} | {value} |" for key, value in rows.items())
    return "\n".join(["| | |", "|---|---|", *lines])
