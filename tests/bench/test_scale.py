from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bench.peers.environments import ROOT


@pytest.mark.timeout(600)
def test_the_smallest_form_prints_every_point_and_draws_the_plot(tmp_path):
    plot = tmp_path / "scale.svg"
    command = [sys.executable, "-m", "bench.scale", "--smallest", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--plot", str(plot)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|$", done.stdout, re.MULTILINE)
    assert [(axis, float(value)) for axis, value, *_ in rows] == [
        ("batch", 1),
        ("batch", 2),
        ("resolution", 64),
        ("resolution", 128),
        ("megapixels", 0.1),
        ("megapixels", 0.4),
    ]
    assert all(float(cpu_ms) > 0 for *_, cpu_ms, _ in rows)
    assert int(rows[-1][-1]) >= 2  # the pixels alone take 1.2 MB, twice
    assert plot.read_text().count('<g id="axes_') == 6
