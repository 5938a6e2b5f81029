from __future__ import annotations

import json
import logging

from service.telemetry.logs import JsonFormatter
from tests import http_client as http
from tests.service.calls import wait_until


def test_every_line_has_the_trace_that_it_was_written_in():
    record = logging.makeLogRecord({"msg": "hello", "trace_id": None})
    assert json.loads(JsonFormatter(lambda: "ab" * 16).format(record))["trace_id"] == "ab" * 16
    assert "trace_id" not in json.loads(JsonFormatter().format(record))


def test_the_access_log_has_address_bytes_and_model(url, png, caplog):
    caplog.set_level("INFO", "relight.access")
    answer = http.post(f"{url}/relight", content=png)
    wait_until(lambda: caplog.records)
    (line,) = [record for record in caplog.records if record.name == "relight.access"]
    assert line.client.startswith("127.0.0.1:")
    assert (line.request_bytes, line.response_bytes) == (len(png), len(answer.content))
    assert line.model == answer.headers["x-model"]
