from __future__ import annotations

import torch
from torch import Tensor

from model_export.networks.drn_g import Arriving, Structure
from model_export.training.geometry.losses import change_losses, structure_losses

SIZE_PX = 32


def lit_batch() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(
        torch.rand(2, 3, 5, 5, generator=generator), size=(SIZE_PX, SIZE_PX), mode="bilinear"
    )
    return {
        "irradiance": smooth[:, :1],
        "log_shading": smooth[:, 1:2] - 0.5,
        "occlusion": 0.5 + smooth[:, 2:] / 2,
        "coverage": torch.ones(2, 1, SIZE_PX, SIZE_PX),
        "relightable": torch.ones(2, 1, SIZE_PX, SIZE_PX),
        "ambient": torch.full((2, 1), 0.1),
    }


def true_change(batch: dict[str, Tensor]) -> Tensor:
    light = 0.1 * batch["occlusion"] + 0.9 * batch["irradiance"]
    return light.log() - batch["log_shading"]


def judged(ratio: Tensor, irradiance: Tensor, batch: dict[str, Tensor]) -> dict[str, float]:
    arriving = Arriving(irradiance, torch.zeros(2, 16, SIZE_PX // 2, SIZE_PX // 2))
    return {name: float(loss) for name, loss in change_losses(ratio, arriving, batch).items()}


def test_the_true_change_of_light_is_judged_perfect_in_its_place() -> None:
    batch = lit_batch()

    losses = judged(true_change(batch), batch["irradiance"], batch)

    assert losses["change"] < 1e-3


def test_half_the_change_is_in_the_right_place_but_too_weak() -> None:
    batch = lit_batch()
    whole = judged(true_change(batch), batch["irradiance"], batch)

    half = judged(true_change(batch) / 2, batch["irradiance"], batch)

    assert abs(half["change"] - whole["change"]) < 1e-2
    assert half["contrast"] > 1.5 * whole["contrast"]


def test_a_weak_change_matters_less_where_light_hardly_varies() -> None:
    varied, even = lit_batch(), lit_batch()
    even["irradiance"] = 0.5 + 0.1 * even["irradiance"]
    even["log_shading"] = 0.1 * even["log_shading"]

    lost = [
        judged(true_change(batch) / 2, batch["irradiance"], batch)["contrast"]
        for batch in (varied, even)
    ]

    assert lost[1] < 0.3 * lost[0]


def test_light_from_the_other_side_is_worse_than_none() -> None:
    batch = lit_batch()
    none = judged(torch.zeros_like(batch["irradiance"]), batch["irradiance"], batch)

    other_side = judged(-true_change(batch), batch["irradiance"], batch)

    assert other_side["change"] > none["change"] + 0.2


def test_surfaces_that_are_not_relightable_do_not_count() -> None:
    batch = lit_batch()
    batch["relightable"][..., : SIZE_PX // 2] = 0
    wrong_there = true_change(batch)
    wrong_there[..., : SIZE_PX // 2] = 3

    losses = judged(wrong_there, batch["irradiance"], batch)

    assert losses["change"] < 1e-2


def test_the_expected_nearness_is_the_best_guess() -> None:
    light = lit_batch()
    normals = torch.zeros(2, 3, SIZE_PX, SIZE_PX)
    normals[:, 2] = 1
    truth = {**light, "normals": normals, "relief": light["log_shading"]}
    truth["nearness"] = torch.tensor([[0.0], [0.8]])  # half of the lamps are far

    def loss(nearness: float) -> float:
        features = torch.full((2, 25, SIZE_PX // 2, SIZE_PX // 2), nearness)
        read = Structure(*(truth[name] for name in Structure._fields[:-1]), features)
        return float(structure_losses(read, truth)["nearness"])

    assert min((0.0, 0.2, 0.4, 0.6, 0.8), key=loss) == 0.4
