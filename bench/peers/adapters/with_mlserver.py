"""MLServer: a custom runtime; photos travel as base64 in JSON."""

from __future__ import annotations

import asyncio
import base64

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from bench.peers.handler import Handler


class Relighter(MLModel):
    """The handler as a runtime."""

    async def load(self) -> bool:
        """Load the model in a worker."""
        self.handler = Handler.from_environment()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer one photo."""
        image, azimuth = (tensor.data.root[0] for tensor in payload.inputs)
        relit = await asyncio.to_thread(
            self.handler.relight, base64.b64decode(image), float(azimuth)
        )
        output = ResponseOutput(
            name="relit",
            shape=[1, 1],
            datatype="BYTES",
            data=[base64.b64encode(relit).decode()],
        )
        return InferenceResponse(model_name=self.name, outputs=[output])
