"""`GET /docs`: the API, described and ready to try; every file comes from this host."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from service.api.page import PageFiles, PageFilesDep

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


@cache
def _swagger_files() -> PageFiles:
    """Return Swagger UI's files, which the package fastapi-offline holds."""
    return PageFiles(directory=Path(str(resources.files("fastapi_offline"))) / "static")


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request, files: PageFilesDep) -> Response:
    """Return the description's page."""
    response = await files.get_response("docs.html", request.scope)
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@router.api_route("/docs/{name}", methods=["GET", "HEAD"])
async def swagger_file(
    request: Request, files: Annotated[PageFiles, Depends(_swagger_files)], name: str
) -> Response:
    """Return one of Swagger UI's files."""
    return await files.get_response(name if name in _FILES else "nothing", request.scope)
