"""The Open Inference Protocol, version 2, by which KServe and its clients ask for inference.

    GET  /v2, /v2/health/live, /v2/health/ready
    GET  /v2/models/{name}, /v2/models/{name}/ready
    POST /v2/models/{name}/infer    the photos as files (BYTES), or as pixels (UINT8, NHWC)

A photo takes the same path as one of `POST /relight`; the options are the parameters.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from relight.errors import BodyTooLarge, InvalidOption, InvalidTensor, ModelNotReady
from service.api.access import WorkingCaller, known_caller, priority, timeout_s
from service.api.context import AppContext, AppContextDep, HoldingDep, RequestContextDep
from service.api.headers import HEADER_LENGTH, server_timing
from service.api.inference_documentation import (
    TAG,
    inference_documentation,
    metadata_documentation,
    model_probe_documentation,
    probe_documentation,
)
from service.api.inference_photos import relight_photos, write_photos
from service.api.tensors import (
    BINARY_DATA,
    Inference,
    InferenceAnswer,
    json_length,
    read_inference,
    reading_bytes,
)
from service.batching.urgency import Priority
from service.contract.metadata import INPUT_NAME, OUTPUT_NAME
from service.relighting.options import RelightOptions
from service.relighting.request import RelightRequest
from service.telemetry.labels import Stage
from service.telemetry.stage_timings import Timings
from service.traffic.cpu_pool import Step
from service.traffic.deadline import until
from service.traffic.memory_budget import Holding

router = APIRouter(prefix="/v2")

_OF_FILES: Final = ("format", "quality", "subsampling", "progressive", "metadata")


class Server(BaseModel):
    """Name, version and extensions of the server."""

    name: str
    version: str
    extensions: list[str]


class Live(BaseModel):
    """Whether the process lives."""

    live: bool


class Ready(BaseModel):
    """Whether the server takes requests."""

    ready: bool


class ModelReady(BaseModel):
    """Whether a model takes requests."""

    name: str
    ready: bool


class TensorDescription(BaseModel):
    """A tensor; -1 stands for any length."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model's tensors. As pixels, both are UINT8 of the shape (n, h, w, 3) instead."""

    name: str
    platform: str
    inputs: list[TensorDescription]
    outputs: list[TensorDescription]


@router.get("", name="server_metadata", summary="The server", tags=[TAG])
async def server_metadata(request: Request) -> Server:
    """Return the server's name, version and extensions of the protocol."""
    return Server(name="relight", version=request.app.version, extensions=[BINARY_DATA])


@router.get("/health/live", summary="Alive?", response_model=Live, **probe_documentation(Live))
async def server_live(app: AppContextDep) -> Response:
    """Answer as `/livez`."""
    is_alive = app.lifecycle.why_not_alive is None
    return _probe(Live(live=is_alive), is_well=is_alive)


@router.get("/health/ready", summary="Ready?", response_model=Ready, **probe_documentation(Ready))
async def server_ready(app: AppContextDep) -> Response:
    """Answer as `/readyz`."""
    is_ready = app.lifecycle.why_not_ready is None
    return _probe(Ready(ready=is_ready), is_well=is_ready)


@router.get(
    "/models/{name}",
    name="model_metadata",
    summary="A model's tensors",
    dependencies=[Depends(known_caller)],
    **metadata_documentation(),
)
async def model_metadata(request: Request, app: AppContextDep) -> ModelMetadata:
    """Return the tensors of a model, with photos as files."""
    name = _known_name(request, app)
    files = {"datatype": "BYTES", "shape": [-1]}
    return ModelMetadata(
        name=name,
        platform="onnxruntime_onnx",
        inputs=[TensorDescription.model_validate({"name": INPUT_NAME} | files)],
        outputs=[TensorDescription.model_validate({"name": OUTPUT_NAME} | files)],
    )


@router.get(
    "/models/{name}/ready",
    summary="Model ready?",
    response_model=ModelReady,
    **model_probe_documentation(ModelReady),
)
async def model_ready(request: Request, app: AppContextDep) -> Response:
    """Answer 503 until the models are loaded, and 404 for a name that is none of theirs."""
    is_ready = app.lifecycle.why_not_ready is None
    name = _known_name(request, app) if is_ready else request.path_params["name"]
    return _probe(ModelReady(name=name, ready=is_ready), is_well=is_ready)


@router.post(
    "/models/{name}/infer",
    summary="Relight photos",
    response_model=InferenceAnswer,
    **inference_documentation(),
)
async def infer(
    request: Request,
    app: AppContextDep,
    context: RequestContextDep,
    caller: WorkingCaller,
    holding: HoldingDep,
) -> Response:
    """Relight one or more photos; if one fails, the request does.

    The parameters are the options of `/relight`, and Triton's `timeout` in microseconds. In JSON,
    elements of type BYTES are in base64.
    """
    limit_s = timeout_s(request, app.settings.request_timeout_ms)
    deadline_s = context.arrived_s + limit_s
    urgency = priority(request, caller, Priority.INTERACTIVE)
    name = _known_name(request, app)
    app.admission.check(deadline_s, urgency, caller.name)
    timings = context.timings = Timings()
    with timings.stage(Stage.READ):
        async with until(deadline_s):
            inference, num_held = await _read(request, app, holding, caller.name)
    options, asked_s = _options(inference, name)
    if asked_s is not None:
        context.timeout_s = min(limit_s, asked_s)
        deadline_s = context.arrived_s + context.timeout_s
    order = RelightRequest(
        data=b"",
        options=options,
        deadline_s=deadline_s,
        holding=holding,
        priority=urgency,
        caller=caller.name,
        is_compressed=inference.pixels is None,
        timings=timings,
    )
    async with until(deadline_s):
        answers = await relight_photos(app, inference, order, num_held)
        context.model = answers[0].relit.model
        write = partial(write_photos, name, inference, answers)
        body, headers = await app.pool.run(Step.CONVERT, write, caller=caller.name)
    timings.stages_s["total"] = time.monotonic() - context.arrived_s
    headers |= {"Cache-Control": "no-store", "Server-Timing": server_timing(timings)}
    return Response(body, headers=headers)


async def _read(
    request: Request, app: AppContext, holding: Holding, caller: str
) -> tuple[Inference, int]:
    """Return what was sent, and how many bytes of memory it takes."""
    body = await request.body()
    num_json_bytes = json_length(request.headers.get(HEADER_LENGTH), len(body))
    convert = partial(app.pool.run, Step.CONVERT, caller=caller)
    num_bytes = len(body) + await convert(partial(reading_bytes, body, num_json_bytes))
    if num_bytes > holding.max_bytes:
        raise BodyTooLarge(
            f"reading the JSON takes {num_bytes} bytes of memory, of {holding.max_bytes}: "
            "send the tensor in binary"
        )
    holding.grow_to(num_bytes)
    max_photos = app.settings.max_batch_images
    inference = await convert(partial(read_inference, body, num_json_bytes, max_photos=max_photos))
    num_held = len(body) + num_json_bytes  # what was in base64 is no longer than the JSON
    holding.shrink_to(num_held)
    return inference, num_held


def _options(inference: Inference, name: str) -> tuple[RelightOptions, float | None]:
    """Return the options among the parameters, and the time limit in seconds."""
    if inference.model_name not in {None, name}:
        raise InvalidTensor(f"model_name is {inference.model_name!r}, but the path names {name!r}")
    given = dict(inference.parameters)
    timeout_us = given.pop("timeout", None)
    if timeout_us is not None and not (type(timeout_us) is int and 0 < timeout_us < 2**63):
        raise InvalidOption("timeout must be a number of microseconds", option="timeout")
    if "model" in given:
        raise InvalidOption("the path names the model", option="model")
    if inference.pixels is not None:
        for option in set(given) & set(_OF_FILES):
            raise InvalidOption(f"pixels have no {option}: send a file", option=option)
        given |= {"format": "tiff", "metadata": "strip"}
    fields = [
        (option, value if isinstance(value, str) else json.dumps(value))
        for option, value in given.items()
    ]
    options = RelightOptions.parse([("model", name), *fields])
    return options, None if timeout_us is None else timeout_us / 1e6


def _known_name(request: Request, app: AppContext) -> str:
    """Return the name of the model in the path."""
    if not app.repository.models:
        raise ModelNotReady("the models are still being loaded")
    for model in app.repository.models:
        if model.name == request.path_params["name"]:
            return model.name
    raise HTTPException(404)


def _probe(health: BaseModel, *, is_well: bool) -> Response:
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(health.model_dump(), 200 if is_well else 503, headers=headers)
