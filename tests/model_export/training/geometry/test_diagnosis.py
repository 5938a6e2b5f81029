"""Truth in the place of what `drn-g` makes of rendered scenes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from model_export import __main__ as commands
from model_export.geometry_checkpoint import GeometryCheckpoint, save_geometry
from model_export.networks.drn_g import DrnG


@pytest.mark.timeout(300)
def test_the_truth_lights_rendered_scenes_as_an_untrained_network_does_not(tmp_path: Path) -> None:
    torch.manual_seed(0)
    checkpoint = tmp_path / "drn-g.pt"
    save_geometry(checkpoint, GeometryCheckpoint(DrnG().state_dict(), {}))

    options = ["--num-scenes", "2", "--size-px", "64"]
    result = CliRunner().invoke(commands.app, ["diagnose-rendered", str(checkpoint), *options])

    assert result.exit_code == 0, result.output
    cells = re.findall(r"^\| ([a-z, ]+) \| ([-.\d]+) \| ([-.\d]+) ", result.stdout, re.MULTILINE)
    gain_db = {name: float(gain) for name, gain, _ in cells}
    direction = {name: float(value) for name, _, value in cells}
    assert direction["all"] > 0.8
    assert gain_db["all"] > gain_db["as read"] + 1
    assert direction["true light of the lamp, shadows included"] > direction["as read"] + 0.1
