"""The routes for operators with an admin key: reloading models."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from service.api.access import known_admin
from service.api.context import AppContextDep
from service.api.documentation import admin_documentation

router = APIRouter(prefix="/-", tags=["operations"], dependencies=[Depends(known_admin)])


class Reloaded(BaseModel):
    """The models in use, each as name and checksum."""

    models: list[str]


@router.post("/reload", summary="Load new models", **admin_documentation())
async def reload(app: AppContextDep) -> Reloaded:
    """Load the new models of the folder and swap them in; a bad file changes nothing."""
    return Reloaded(models=[model.tag for model in await app.repository.reload()])
