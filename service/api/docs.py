"""`GET /docs`: the API, described and ready to try; every file comes from this host."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from service.api.page import PageFiles

# Swagger UI draws icons from data: addresses and sets styles of its elements.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_FILES: Final = frozenset({"swagger-ui-bundle.js", "swagger-ui.css"})

router = APIRouter(include_in_schema=False)


def install(app: FastAPI) -> None:
    """Serve the description and Swagger UI's files, which the package fastapi-offline holds."""
    folder = Path(str(resources.files("fastapi_offline"))) / "static"
    app.state.swagger_files = PageFiles(directory=folder)
    app.include_router(router)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    """Return the description's page."""
    files: PageFiles = request.app.state.page_files
    response = await files.get_response("docs.html", request.scope)
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@router.api_route("/docs/{name}", methods=["GET", "HEAD"])
async def swagger_file(request: Request, name: str) -> Response:
    """Return one of Swagger UI's files."""
    files: PageFiles = request.app.state.swagger_files
    return await files.get_response(name if name in _FILES else "nothing", request.scope)
