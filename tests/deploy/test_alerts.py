"""Each alert fires on the trouble that it is named for, and on no other.

Prometheus' own `promtool test rules` plays the series, a sample every 15 s, to an hour's end.
"""

from __future__ import annotations

import re

import pytest
import yaml

from tests.deploy.monitoring import rule_file, rules
from tests.deploy.tools import ROOT, run

POD = 'job="relight",namespace="relight",pod="relight-a",instance="10.0.0.1:9000"'
MODEL = f'{POD},model="drn-s"'
ROUTE = f'{POD},method="POST",route="/relight"'
ANSWERED = f'{POD},route="/relight",outcome="ok"'

# A pod that is well: four photos a second, 100 ms each, the device busy for half of the time.
WELL = {
    'up{job="relight",pod="relight-a",instance="10.0.0.1:9000"}': "1x240",
    f'relight_http_requests_total{{{ROUTE},code="200"}}': "0+60x240",
    f'relight_http_requests_total{{{ROUTE},code="500"}}': "0x240",
    f'relight_rejected_total{{{POD},reason="overload"}}': "0x240",
    f'relight_rejected_total{{{POD},reason="bytes"}}': "0x240",
    f'relight_deadline_exceeded_total{{{POD},stage="infer",given="enough"}}': "0x240",
    # A client that asks for a millisecond is late by its own choice.
    f'relight_deadline_exceeded_total{{{POD},stage="infer",given="short"}}': "0+30x240",
    f'relight_batch_photos_failed_total{{{POD},code="internal"}}': "0x240",
    f'relight_batch_photos_failed_total{{{POD},code="deadline_exceeded"}}': "0x240",
    f"process_resident_memory_bytes{{{POD}}}": "1e9x240",
    f"relight_memory_limit_bytes{{{POD}}}": "4e9x240",
    f"process_open_fds{{{POD}}}": "40x240",
    f"process_max_fds{{{POD}}}": "1024x240",
    f"relight_engine_last_success_timestamp_seconds{{{MODEL}}}": "0+15x240",
    f'relight_requests_outstanding{{{POD},priority="interactive"}}': "1x240",
    f"relight_batch_failures_total{{{MODEL}}}": "0x240",
    f"relight_estimated_wait_seconds{{{MODEL}}}": "0.1x240",
    f"relight_device_busy_seconds_total{{{MODEL}}}": "0+7.5x240",
    f'relight_model_reloads_total{{{POD},result="error"}}': "0x240",
    f"process_start_time_seconds{{{POD}}}": "1000x240",
    f'relight_model_info{{{MODEL},sha256="aa",provider="CUDAExecutionProvider"}}': "1x240",
    **{
        f'relight_http_request_duration_seconds_bucket{{{ANSWERED},le="{le}"}}': "0+60x240"
        for le in ("0.1", "5", "10", "+Inf")
    },
    **{
        f'relight_event_loop_lag_seconds_bucket{{{POD},le="{le}"}}': "0+30x240"
        for le in ("0.01", "0.5", "1", "+Inf")
    },
}
SECOND_POD = MODEL.replace("relight-a", "relight-b").replace("10.0.0.1", "10.0.0.2")

# What goes wrong: series that replace those of the pod that is well, or join them.
TROUBLE = {
    "RelightDown": {next(iter(WELL)): "0x240"},
    "RelightFailing": {f'relight_http_requests_total{{{ROUTE},code="500"}}': "0+3x240"},
    "RelightRefusing": {f'relight_rejected_total{{{POD},reason="overload"}}': "0+6x240"},
    "RelightMemory": {f"process_resident_memory_bytes{{{POD}}}": "3.8e9x240"},
    "RelightFiles": {f"process_open_fds{{{POD}}}": "900x240"},
    "RelightLate": {
        f'relight_deadline_exceeded_total{{{POD},stage="infer",given="enough"}}': "0+2x240"
    },
    "RelightNotServing": {
        f"relight_engine_last_success_timestamp_seconds{{{MODEL}}}": "0+15x200 3000x40"
    },
    "RelightBatchesFail": {f"relight_batch_failures_total{{{MODEL}}}": "0+1x240"},
    "RelightSlow": {
        f'relight_http_request_duration_seconds_bucket{{{ANSWERED},le="0.1"}}': "0+30x240"
    },
    "RelightQueueing": {f"relight_estimated_wait_seconds{{{MODEL}}}": "4x240"},
    "RelightSaturated": {
        f"relight_device_busy_seconds_total{{{MODEL}}}": "0+14.8x240",
        f"relight_estimated_wait_seconds{{{MODEL}}}": "1x240",
    },
    "RelightStarved": {f'relight_event_loop_lag_seconds_bucket{{{POD},le="0.01"}}': "0+20x240"},
    "RelightOnCpu": {
        f'relight_model_info{{{SECOND_POD},sha256="aa",provider="CPUExecutionProvider"}}': "1x240"
    },
    "RelightMixedModels": {
        f'relight_model_info{{{SECOND_POD},sha256="bb",provider="CUDAExecutionProvider"}}': "1x240"
    },
    "RelightReloadFailed": {f'relight_model_reloads_total{{{POD},result="error"}}': "0x220 1x20"},
    "RelightRestarting": {
        f"process_start_time_seconds{{{POD}}}": "1000x180 2900x15 3100x15 3300x15 3500x15"
    },
}


def firing(tmp_path, series: dict[str, str]) -> set[str]:
    """Return the alerts that fire at the end of the hour."""
    (tmp_path / "rules.yml").write_text(rule_file(with_annotations=False))
    names = [rule["alert"] for rule in rules()]
    play = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": s, "values": v} for s, v in series.items()],
                # None is expected: promtool prints each that fires all the same.
                "alert_rule_test": [
                    {"eval_time": "1h", "alertname": name, "exp_alerts": []} for name in names
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(play, width=10_000))
    printed = run("promtool", "test", "rules", "test.yml", cwd=tmp_path, may_fail=True)
    assert "SUCCESS" in printed or "FAILED" in printed, printed
    return set(re.findall(r"alertname: (\w+), time: 1h", printed))


def test_the_rules_are_ones_that_prometheus_takes(tmp_path):
    (tmp_path / "rules.yml").write_text(rule_file())
    printed = run("promtool", "check", "rules", "rules.yml", cwd=tmp_path)
    assert f"SUCCESS: {len(rules())} rules found" in printed


def test_nothing_fires_while_all_is_well(tmp_path):
    assert firing(tmp_path, WELL) == set()


@pytest.mark.parametrize("alert", [rule["alert"] for rule in rules()])
def test_each_alert_fires_on_its_own_trouble_alone(alert, tmp_path):
    assert firing(tmp_path, WELL | TROUBLE[alert]) == {alert}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_leads_to_its_page_of_the_runbook(rule):
    path, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["alert"].lower() == anchor


@pytest.mark.parametrize(
    ("code", "alert"), [("internal", "RelightFailing"), ("deadline_exceeded", "RelightLate")]
)
def test_photos_that_fail_inside_a_batch_fire_the_same_alerts(code, alert, tmp_path):
    trouble = {f'relight_batch_photos_failed_total{{{POD},code="{code}"}}': "0+3x240"}
    assert firing(tmp_path, WELL | trouble) == {alert}
