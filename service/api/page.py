"""`GET /`: the web page, with its files under `/web`.

The page is an ordinary client: it has no key of its own and calls `/models` and `/relight`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
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


def install(app: FastAPI) -> None:
    """Serve the page and its files."""
    app.state.page_files = PageFiles(directory=_FOLDER)
    app.include_router(router)


@router.get("/")
async def page(request: Request) -> Response:
    """Return the page."""
    return await page_file(request, "index.html")


@router.get("/web/{path:path}")
async def page_file(request: Request, path: str) -> Response:
    """Return a file of the page; 304 if the caller has it."""
    files: PageFiles = request.app.state.page_files
    return await files.get_response(path, request.scope)
