from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from bench.peers.environments import ROOT


@pytest.mark.timeout(600)
def test_the_smallest_form_checks_every_shipped_graph_on_a_cpu(tmp_path):
    record = tmp_path / "gpu.json"
    command = [sys.executable, "-m", "bench.gpu", "--smallest", "--record", str(record)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(record.read_text())
    graphs = {path.name for path in (ROOT / "service" / "models").glob("*.onnx")}
    assert {(row["graph"], row["precision"]) for row in figures["parity"]} == {
        (graph, precision) for graph in graphs for precision in ("float32", "float16")
    }
    for row in figures["parity"]:
        most = max(row["differences"].values())
        assert most <= 1e-5 if row["precision"] == "float32" else 0 < most < math.inf, row
    assert all(row["seconds"] > 0 for row in figures["speed"] + figures["torch"])
    assert figures["service"]["16"]["num_failed"] == 0
    assert "| connections | photos/s over HTTP |" in done.stdout
