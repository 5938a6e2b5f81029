"""LitServe: workers that decode, run and encode; batches that its server collects.

Annotations are not postponed here: LitServe looks at that of `decode_request` itself.
"""

import os
from typing import Any

import litserve
from fastapi import Request, Response

from bench.peers.handler import Handler

_BATCH_TIMEOUT_S = 0.01


class Relighter(litserve.LitAPI):
    """The handler as LitServe's hooks."""

    def setup(self, device: str) -> None:
        """Load the model in a worker."""
        self.handler = Handler.from_environment()

    def decode_request(self, request: Request) -> tuple[bytes, float]:
        """Read the form."""
        form: Any = request
        return form["image"].file.read(), float(form["azimuth"])

    def batch(self, inputs: list[tuple[bytes, float]]) -> list[tuple[bytes, float]]:
        """Keep the photos apart: the handler puts them together."""
        return inputs

    def predict(self, asked: Any) -> Any:
        """Run one photo, or a batch."""
        return self.handler.relight_all(asked if isinstance(asked, list) else [asked])

    def unbatch(self, output: list[bytes]) -> list[bytes]:
        """Give each photo its own."""
        return output

    def encode_response(self, output: bytes | list[bytes]) -> Response:
        """Answer a photo."""
        photo = output[0] if isinstance(output, list) else output
        return Response(photo, media_type="image/jpeg")


if __name__ == "__main__":
    api = Relighter(max_batch_size=int(os.environ["PEER_BATCH"]), batch_timeout=_BATCH_TIMEOUT_S)
    server = litserve.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=int(os.environ["PEER_WORKERS"]),
        timeout=120,
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PEER_PORT"]),
        generate_client_file=False,
        log_level="error",
    )
