"""`GET /`: the web page, with its files under `/web`.

The page is an ordinary client: it has no key of its own and calls `/models` and `/relight`.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Receive, Scope, Send

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
    "Accept-Ranges": "none",
    "Cache-Control": "no-cache",  # a 304 costs little; a page of two versions would be broken
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
}

router = APIRouter(include_in_schema=False)


class _WholeFile(FileResponse):
    """A small file, sent whole whatever part is asked for (RFC 9110, section 14.2)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)


class PageFiles(StaticFiles):
    """Files with an entity tag and the page's headers."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file; 304 if the caller has it."""
        response: Response = _WholeFile(full_path, status_code, stat_result=stat_result)
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            response = NotModifiedResponse(response.headers)
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
