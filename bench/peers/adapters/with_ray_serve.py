"""Ray Serve: replicas behind its proxy; batches by its decorator."""

from __future__ import annotations

import os
import signal

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from bench.peers.handler import Handler

_BATCH_SIZE = int(os.environ["PEER_BATCH"])
_BATCH_WAIT_S = 0.01 if _BATCH_SIZE > 1 else 0.0


@serve.deployment(
    num_replicas=int(os.environ["PEER_WORKERS"]),
    max_ongoing_requests=max(2, 2 * _BATCH_SIZE),
    ray_actor_options={"num_cpus": 0.5},
)
class Relighter:
    """The handler as a deployment."""

    def __init__(self) -> None:
        self.handler = Handler.from_environment()

    @serve.batch(max_batch_size=_BATCH_SIZE, batch_wait_timeout_s=_BATCH_WAIT_S)
    async def relight_all(self, asked: list[tuple[bytes, float]]) -> list[bytes]:
        """Run a batch."""
        return self.handler.relight_all(asked)

    async def __call__(self, request: Request) -> Response:
        """Answer one photo."""
        asked = (await request.body(), float(request.query_params["azimuth"]))
        return Response(await self.relight_all(asked), media_type="image/jpeg")


if __name__ == "__main__":
    ray.init(include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PEER_PORT"])})
    serve.run(Relighter.bind())
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
