"""OpenTelemetry traces: a span for each request, and one for each of its stages below it.

An extra (`relight[tracing]`), on with `RELIGHT_TRACING=true`. The standard
`OTEL_*` variables give destination and sampling. A caller's `traceparent` is honoured.
"""

from __future__ import annotations

import time

from fastapi import FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Tracer, format_trace_id, get_current_span
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.context import RequestContext
from service.telemetry.stage_timings import Timings

_QUIET_PATHS = "livez,readyz,metrics"


def install(app: FastAPI, processor: SpanProcessor) -> TracerProvider:
    """Trace every request of `app` except probes.

    Args:
        app: the app, with its other middleware installed.
        processor: receives the finished spans.

    Returns:
        The provider; shut it down at the end, so that the last spans are sent.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": "relight"}))
    provider.add_span_processor(processor)
    app.add_middleware(StageSpans, tracer=provider.get_tracer("relight"))
    app.add_middleware(
        OpenTelemetryMiddleware,
        tracer_provider=provider,
        excluded_urls=_QUIET_PATHS,
        exclude_spans=["receive", "send"],
    )
    return provider


def current_trace_id() -> str | None:
    """Return the id of the trace that this task is in, 32 hex digits; None where it is in none."""
    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None


class StageSpans:
    """ASGI middleware: create a span for each stage in a request's timings."""

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app; then add the stages inside the request's span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            timings = RequestContext.of(scope).timings or Timings()
            to_epoch_s = time.time() - time.monotonic()
            for name, started_s, ended_s in timings.spans:
                span = self._tracer.start_span(
                    name, start_time=round((started_s + to_epoch_s) * 1e9)
                )
                if name in timings.batch_sizes:
                    span.set_attribute("relight.batch_size", timings.batch_sizes[name])
                span.end(round((ended_s + to_epoch_s) * 1e9))
