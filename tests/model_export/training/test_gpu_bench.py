from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.gpu.training import main


def test_the_smallest_training_on_a_gpu_takes_its_steps_on_a_cpu(
    fused_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "training.json"
    main([str(fused_root), "--smallest", "--held-out", "1", "--record", str(record)])
    figures = json.loads(record.read_text())
    assert figures["finished"] is True
    assert set(figures["steps"].values()) == {2}
    assert figures["num_pictures"] == 2 * len(figures["steps"])
    assert figures["psnr_db"]["unchanged input"] != figures["psnr_db"]["drn-xs"]
    assert "| drn-xs |" in capsys.readouterr().out


def test_without_a_gpu_only_the_smallest_training_runs(
    fused_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        main([str(fused_root)])
