"""`GET /models`: models, lights, formats, limits. `GET /problems`: the possible problems."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from relight.lights import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K
from service.api.access import known_caller
from service.api.context import AppContextDep
from service.api.documentation import catalogue_documentation, problem_type_documentation
from service.api.problem_types import PROBLEM_TYPES, ProblemType
from service.contract.metadata import ModelContract
from service.contract.pair import PairContract
from service.imaging import DIGITAL_SOURCE_TYPE
from service.imaging.formats import ANSWER_FORMATS, FORMATS
from service.inference.model import Model
from service.inference.repository import ModelRepository
from service.settings import Settings

router = APIRouter()


class ModelDescription(BaseModel):
    """One model.

    `lights` are those that it was trained to paint; a model that computes the light has none, and
    takes `options` instead, whose defaults are `elevation` and `softness`.
    """

    name: str
    version: str
    sha256: str
    provider: str
    precision: str
    size_px: int
    lights: list[str]
    options: list[str]
    elevation: float | None
    softness: float | None
    trained_on: str
    license: str
    metrics: dict[str, str | float]

    @classmethod
    def of(cls, model: Model) -> ModelDescription:
        """Describe a model in use."""
        contract = model.contract
        pair = contract if isinstance(contract, PairContract) else None
        painted = contract.lights if isinstance(contract, ModelContract) else ()
        return cls(
            name=contract.name,
            version=contract.version,
            sha256=model.sha256,
            provider=model.provider,
            precision=model.precision,
            size_px=contract.size_px,
            lights=[str(light) for light in painted],
            options=list(model.special_options),
            elevation=pair.elevation_deg if pair else None,
            softness=pair.softness if pair else None,
            trained_on=contract.trained_on,
            license=contract.license,
            metrics=dict(contract.metrics),
        )


class LightOffer(BaseModel):
    """One light at its own temperature, available without a colour change."""

    light: str
    model: str
    mirrored: bool


class Limits(BaseModel):
    """The accepted limits."""

    max_body_bytes: int
    max_batch_bytes: int
    max_batch_images: int
    max_pixels: int
    max_side_px: int
    min_side_px: int
    min_temperature_k: int
    max_temperature_k: int
    request_timeout_ms: int


class Marks(BaseModel):
    """What a relit photo says about itself; at strength 0 it says what it said before.

    `digital_source_type` is the IPTC concept in its XMP, null if the operator turned it off.
    `content_credentials` says whether answers have a signed C2PA manifest.
    """

    digital_source_type: str | None
    content_credentials: bool


class ModelCatalogue(BaseModel):
    """The models, lights, formats, marks and limits."""

    models: list[ModelDescription]
    directions: list[str]
    lights: list[LightOffer]
    formats: list[str]
    answer_formats: list[str]
    marks: Marks
    limits: Limits

    @classmethod
    def of(cls, repository: ModelRepository, settings: Settings) -> ModelCatalogue:
        """Describe the models in use."""
        routes = repository.routes
        return cls(
            models=[ModelDescription.of(model) for model in repository.models],
            directions=sorted({route.light.direction for route in routes}),
            lights=[
                LightOffer(
                    light=str(route.light), model=route.model.contract.name, mirrored=route.mirrored
                )
                for route in routes
            ],
            formats=list(FORMATS),
            answer_formats=list(ANSWER_FORMATS),
            marks=Marks(
                digital_source_type=DIGITAL_SOURCE_TYPE if settings.mark else None,
                content_credentials=settings.c2pa_cert is not None,
            ),
            limits=Limits(
                max_body_bytes=settings.max_body_bytes,
                max_batch_bytes=settings.max_batch_bytes,
                max_batch_images=settings.max_batch_images,
                max_pixels=settings.max_pixels,
                max_side_px=settings.max_side_px,
                min_side_px=settings.min_side_px,
                min_temperature_k=MIN_TEMPERATURE_K,
                max_temperature_k=MAX_TEMPERATURE_K,
                request_timeout_ms=settings.request_timeout_ms,
            ),
        )


@router.get(
    "/models",
    summary="What can be asked for",
    dependencies=[Depends(known_caller)],
    **catalogue_documentation(),
)
async def models(app: AppContextDep) -> ModelCatalogue:
    """Return the models, the lights that they and their mirrors offer, formats and limits."""
    return ModelCatalogue.of(app.repository, app.settings)


@router.get("/problems", summary="What can go wrong", tags=["catalogue"])
async def problem_types() -> list[ProblemType]:
    """Return every kind of problem, with advice."""
    return list(PROBLEM_TYPES.values())


@router.get("/problems/{code}", summary="One kind of problem", **problem_type_documentation())
async def problem_type(request: Request) -> ProblemType:
    """Return the kind of problem of a `type`, with advice."""
    found = PROBLEM_TYPES.get(request.path_params["code"])
    if found is None:
        raise HTTPException(404)
    return found
