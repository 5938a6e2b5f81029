"""A service that refuses some times before it answers."""

from __future__ import annotations

import time

from fastapi import FastAPI, Request, Response


def refusing(num_times: int, headers: dict[str, str], body: bytes = b"") -> FastAPI:
    """An app that answers 503 so many times, then what it was sent.

    It notes when it was asked, and how long each try wants to wait.
    """
    app = FastAPI()
    app.state.asked_s, app.state.told_ms = [], []

    @app.post("/relight")
    async def relight(request: Request) -> Response:
        data = await request.body()
        app.state.asked_s.append(time.monotonic())
        app.state.told_ms.append(int(request.headers.get("x-request-timeout-ms", 0)))
        if len(app.state.asked_s) <= num_times:
            return Response(body or b"<html>busy</html>", 503, headers=headers)
        about = {"X-Light": "E-4500", "X-Model": "none"}
        return Response(data, media_type="image/png", headers=about)

    return app
