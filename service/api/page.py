"""`GET /`: the web page, with its files under `/web`.

The page is an ordinary client: it has no key of its own and calls `/models` and `/relight`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

_FOLDER: Final = Path(__file__).parents[1] / "web"

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_HEADERS: Final = {
    "Cache-Control": "no-cache",  # a 304 costs little; a page of two versions would be broken
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
}

router = APIRouter(include_in_schema=False)


class PageFiles(StaticFiles):
    """Files with an entity tag and the page's headers."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(_HEADERS)
        return response


@cache
def _page_files() -> PageFiles:
    return PageFiles(directory=_FOLDER)


PageFilesDep = Annotated[PageFiles, Depends(_page_files)]


@router.get("/")
async def page(request: Request, files: PageFilesDep) -> Response:
    """Return the page."""
    return await files.get_response("index.html", request.scope)


@router.get("/web/{path:path}")
async def page_file(request: Request, files: PageFilesDep, path: str) -> Response:
    """Return a file of the page; 304 if the caller has it."""
    return await files.get_response(path, request.scope)
