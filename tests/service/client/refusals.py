"""A service that refuses some times before it answers."""

from __future__ import annotations

import time

from fastapi import FastAPI, Request, Response


def refusing(num_times: int, headers: dict[str, str], body: bytes = b"") -> FastAPI:
    """An app that answers 503 so many times, then what it was sent; its model is the timeout."""
    app = FastAPI()
    app.state.asked_s = []

    @app.post("/relight")
    async def relight(request: Request) -> Response:
        data = await request.body()
        app.state.asked_s.append(time.monotonic())
        if len(app.state.asked_s) <= num_times:
            return Response(body or b"<html>busy</html>", 503, headers=headers)
        told = {"X-Light": "E-4500", "X-Model": request.headers["x-request-timeout-ms"]}
        return Response(data, media_type="image/png", headers=told)

    return app
