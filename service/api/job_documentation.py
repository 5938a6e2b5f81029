"""Documents jobs in OpenAPI: their routes, and what makes a request one."""

from __future__ import annotations

from typing import Any, Final

from relight import errors
from service.api.deferral import APPLIED, IDEMPOTENCY_KEY, PREFER, WEBHOOK_URL
from service.api.headers import header_parameter, headers_of
from service.api.openapi_parts import (
    BINARY,
    KEYS,
    OF_PHOTOS,
    problem_documentation,
)
from service.imaging.formats import ANSWER_FORMATS, FORMATS

_A_JOB: Final = "/jobs/3f0c2a7d9b1e4f60a1b2c3d4e5f60718"
_JOB_ID: Final = {
    "name": "job_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": _A_JOB.removeprefix("/jobs/"),
}


def job_documentation() -> dict[str, Any]:
    """Return the documentation of `GET /jobs/{id}`."""
    return {
        "tags": ["jobs"],
        "openapi_extra": {
            "parameters": [_JOB_ID, header_parameter(PREFER)],
            "security": KEYS,
        },
        "responses": {200: {"headers": headers_of()}, **_problems_of_job()},
    }


def job_result_documentation() -> dict[str, Any]:
    """Return the documentation of `GET /jobs/{id}/result`."""
    kinds = (
        *OF_PHOTOS,
        errors.LightUnreadable,
        errors.SigningFailed,
        errors.JobNotFound,
        errors.JobUnfinished,
    )
    media_types = (*(FORMATS[name].media_type for name in ANSWER_FORMATS), "application/zip")
    return {
        "tags": ["jobs"],
        "openapi_extra": {"parameters": [_JOB_ID], "security": KEYS},
        "responses": {
            200: {
                "description": "the answer of `/relight`, or the archive of `/relight/batch`",
                "headers": headers_of(),
                "content": {media_type: {"schema": BINARY} for media_type in media_types},
            },
            **problem_documentation(kinds, f"{_A_JOB}/result"),
        },
    }


def job_removal_documentation() -> dict[str, Any]:
    """Return the documentation of `DELETE /jobs/{id}`."""
    return {
        "tags": ["jobs"],
        "openapi_extra": {"parameters": [_JOB_ID], "security": KEYS},
        "responses": {
            204: {"description": "the job is cancelled and forgotten", "headers": headers_of()},
            **_problems_of_job(),
        },
    }


def _problems_of_job() -> dict[int | str, dict[str, Any]]:
    return problem_documentation([errors.Unauthorized, errors.JobNotFound], _A_JOB)


def job_answer() -> dict[str, Any]:
    """Return the documentation of the answer to a request that has become a job."""
    return {
        "description": "the request has become a job (`Prefer: respond-async`)",
        "headers": headers_of("Location", APPLIED),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/JobStatus"}}},
    }


def job_parameters() -> list[dict[str, Any]]:
    """Return the headers that make a request a job."""
    return [header_parameter(name) for name in (PREFER, IDEMPOTENCY_KEY, WEBHOOK_URL)]
