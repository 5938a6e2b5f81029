"""A service that refuses some times before it answers."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response


def refusing(num_times: int, headers: dict[str, str], body: bytes = b"") -> FastAPI:
    """An app that answers 503 so many times, then what it was sent.

    It notes the time limit of each try.
    """
    app = FastAPI()
    app.state.timeouts_ms = []

    @app.post("/relight")
    async def relight(request: Request) -> Response:
        data = await request.body()
        app.state.timeouts_ms.append(int(request.headers.get("x-request-timeout-ms", 0)))
        if len(app.state.timeouts_ms) <= num_times:
            return Response(body or b"<html>busy</html>", 503, headers=headers)
        about = {"X-Light": "E-4500", "X-Model": "none"}
        return Response(data, media_type="image/png", headers=about)

    return app
