"""The routes that callers use: relight a photo, and see which lights can be had."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from service.documentation import TIMEOUT_HEADER, problem_documentation, relight_documentation
from service.errors import InvalidOption
from service.formats import ANSWER_FORMATS, FORMATS
from service.lights import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K
from service.models import ModelRepository
from service.options import RelightOptions
from service.relighter import Relighter, RelightRequest, Relit
from service.settings import Settings
from service.stages import Timings
from service.upload import read_upload

router = APIRouter()


class ModelDescription(BaseModel):
    """One model."""

    name: str
    version: str
    sha256: str
    provider: str
    precision: str
    size_px: int
    lights: list[str]
    trained_on: str
    license: str
    metrics: dict[str, str | float]


class LightOffer(BaseModel):
    """One light that can be had at its own temperature, without any colour change."""

    light: str
    model: str
    mirrored: bool


class Limits(BaseModel):
    """What is accepted."""

    max_body_bytes: int
    max_pixels: int
    max_side_px: int
    min_side_px: int
    min_temperature_k: int
    max_temperature_k: int
    request_timeout_ms: int


class Catalogue(BaseModel):
    """What a client may ask for."""

    models: list[ModelDescription]
    directions: list[str]
    lights: list[LightOffer]
    formats: list[str]
    answer_formats: list[str]
    limits: Limits


@router.post(
    "/relight",
    response_class=Response,
    summary="Relight a photo",
    openapi_extra=relight_documentation(),
    responses={
        200: {
            "description": "the relit photo",
            "content": {
                FORMATS[name].media_type: {"schema": {"type": "string", "format": "binary"}}
                for name in ANSWER_FORMATS
            },
        },
        **problem_documentation(),
    },
)
async def relight(request: Request) -> Response:
    """Relight one photo: raw in the body, or as a file in a multipart form.

    The answer is the image file. Options are query or form fields; none is ignored.
    """
    relighter: Relighter = request.app.state.relighter
    settings: Settings = request.app.state.settings
    deadline_s = _deadline_s(request, settings)
    RelightOptions.parse(request.query_params.multi_items())
    relighter.check_admission(deadline_s)
    timings = Timings()
    with timings.stage("read"):
        upload = await read_upload(request, settings.max_body_bytes)
    options = RelightOptions.parse([*request.query_params.multi_items(), *upload.fields])
    relit = await relighter.relight(
        RelightRequest(
            data=upload.data,
            options=options,
            accept=request.headers.get("accept"),
            deadline_s=deadline_s,
            timings=timings,
        )
    )
    timings.stages_s["total"] = time.monotonic() - request.state.arrived_s
    return _answer(relit)


@router.get("/models", summary="What can be asked for")
async def models(request: Request) -> Catalogue:
    """Return the models, the lights that they and their mirrors offer, formats and limits."""
    repository: ModelRepository = request.app.state.repository
    settings: Settings = request.app.state.settings
    offers = repository.offers
    return Catalogue(
        models=[
            ModelDescription(
                name=model.contract.name,
                version=model.contract.version,
                sha256=model.sha256,
                provider=model.provider,
                precision=model.contract.precision,
                size_px=model.contract.size_px,
                lights=[str(light) for light in model.contract.lights],
                trained_on=model.contract.trained_on,
                license=model.contract.license,
                metrics=dict(model.contract.metrics),
            )
            for model in repository.models
        ],
        directions=sorted({offer.light.direction for offer in offers}),
        lights=[
            LightOffer(
                light=str(offer.light), model=offer.model.contract.name, mirrored=offer.mirrored
            )
            for offer in offers
        ],
        formats=list(FORMATS),
        answer_formats=list(ANSWER_FORMATS),
        limits=Limits(
            max_body_bytes=settings.max_body_bytes,
            max_pixels=settings.max_pixels,
            max_side_px=settings.max_side_px,
            min_side_px=settings.min_side_px,
            min_temperature_k=MIN_TEMPERATURE_K,
            max_temperature_k=MAX_TEMPERATURE_K,
            request_timeout_ms=settings.request_timeout_ms,
        ),
    )


def _deadline_s(request: Request, settings: Settings) -> float:
    """Return when the answer becomes worthless, on the monotonic clock."""
    timeout_ms = settings.request_timeout_ms
    asked = request.headers.get(TIMEOUT_HEADER)
    if asked is not None:
        if not (asked.isascii() and asked.isdecimal() and 0 < len(asked) < 10 and int(asked)):
            raise InvalidOption(
                f"{TIMEOUT_HEADER} must be a positive number of milliseconds",
                option=TIMEOUT_HEADER,
            )
        timeout_ms = min(timeout_ms, int(asked))
    arrived_s: float = request.state.arrived_s
    return arrived_s + timeout_ms / 1e3


def _answer(relit: Relit) -> Response:
    return Response(
        relit.data,
        media_type=relit.media_type,
        headers={
            "Cache-Control": "no-store",
            "ETag": f'"{relit.etag}"',
            "Server-Timing": _server_timing(relit.timings),
            "Vary": "Accept",
            "X-Light": str(relit.light),
            "X-Model": relit.model,
        },
    )


def _server_timing(timings: Timings) -> str:
    """Write W3C Server-Timing: `decode;dur=12.3, infer;dur=20.1;desc="n=4"`."""
    return ", ".join(
        f"{stage};dur={duration_s * 1e3:.1f}"
        + (f';desc="n={timings.batch_size}"' if stage == "infer" else "")
        for stage, duration_s in timings.stages_s.items()
    )
