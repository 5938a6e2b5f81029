"""Plain FastAPI: a handler in its thread pool, in one or more uvicorn workers."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, File, Form, Response

from bench.peers.handler import Handler

app = FastAPI()
_handler = Handler.from_environment()


@app.post("/relight")
def relight(image: Annotated[bytes, File()], azimuth: Annotated[float, Form()]) -> Response:
    """Answer one photo."""
    return Response(_handler.relight(image, azimuth), media_type="image/jpeg")
