from __future__ import annotations

import pytest
from pydantic import ValidationError

from service.host import available_cpus
from service.settings import Settings, settings_page


def test_a_variable_sets_its_knob(monkeypatch):
    monkeypatch.setenv("RELIGHT_PORT", "8123")
    monkeypatch.setenv("RELIGHT_REQUIRE_GPU", "true")
    assert (Settings().port, Settings().require_gpu) == (8123, True)


def test_an_unknown_variable_refuses_the_start_by_name(monkeypatch):
    monkeypatch.setenv("RELIGHT_PROT", "8000")
    with pytest.raises(ValidationError, match="RELIGHT_PROT"):
        Settings()


def test_variables_of_the_command_line_are_no_settings(monkeypatch):
    monkeypatch.setenv("RELIGHT_URL", "http://localhost:8000")
    monkeypatch.setenv("RELIGHT_KEY", "secret")
    Settings()


def test_service_links_of_kubernetes_are_explained(monkeypatch):
    monkeypatch.setenv("RELIGHT_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(ValidationError, match="enableServiceLinks"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", -1), ("max_batch_size", 0), ("drain_s", -1), ("providers", "tpu"), ("max_pixels", 0)],
)
def test_a_value_out_of_bounds_is_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        Settings(**{name: value})


def test_settings_cannot_change_after_start():
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_every_setting_has_a_line_and_a_meaning_in_the_table():
    page = settings_page()
    for name, info in Settings.model_fields.items():
        assert f"`RELIGHT_{name.upper()}`" in page
        assert info.description


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, 16),
        ({"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 16),
        ({}, 16),
    ],
)
def test_threads_follow_the_quota_of_the_cgroup(tmp_path, monkeypatch, files, cpus):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)), raising=False)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert available_cpus(tmp_path) == cpus
