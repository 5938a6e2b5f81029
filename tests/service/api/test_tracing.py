from __future__ import annotations

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.api import tracing
from service.app import create_app
from service.settings import Settings
from tests import http_client as http
from tests.service.stand_ins import serving

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


def test_a_callers_trace_goes_on_with_a_span_for_each_stage(models_dir, png):
    app = create_app(Settings(models_dir=models_dir))
    exporter = InMemorySpanExporter()
    provider = tracing.install(app, SimpleSpanProcessor(exporter))
    with serving(app) as url:
        answer = http.post(
            f"{url}/relight",
            content=png,
            headers={"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"},
        )
        assert answer.status_code == 200
        http.get(f"{url}/livez")
    provider.shutdown()
    spans = exporter.get_finished_spans()
    assert {format(span.context.trace_id, "032x") for span in spans} == {TRACE_ID}
    stages = [span.name for span in spans if span.parent.span_id != int("b7ad6b7169203331", 16)]
    assert stages == ["read", "decode", "fit", "queue", "infer", "color", "detail", "encode"]
    assert all(span.start_time <= span.end_time for span in spans)
