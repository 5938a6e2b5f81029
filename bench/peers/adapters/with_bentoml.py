"""BentoML: a service class in one or more workers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import bentoml

from bench.peers.handler import Handler


@bentoml.service(workers=int(os.environ["PEER_WORKERS"]), traffic={"timeout": 120})
class Relighter:
    """The handler as a service."""

    def __init__(self) -> None:
        self.handler = Handler.from_environment()

    @bentoml.api
    def relight(
        self, image: Path, azimuth: float
    ) -> Annotated[bytes, bentoml.validators.ContentType("image/jpeg")]:
        """Answer one photo."""
        return self.handler.relight(image.read_bytes(), azimuth)
