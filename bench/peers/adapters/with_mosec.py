"""mosec: Python workers behind its web server, which collects batches."""

from __future__ import annotations

import os
import struct

import mosec

from bench.peers.handler import Handler

_AZIMUTH = struct.Struct("<f")
_BATCH_WAIT_MS = 10


class Relighter(mosec.Worker):
    """The handler as a worker; a body is the azimuth and the photo."""

    def __init__(self) -> None:
        self.handler = Handler.from_environment()

    def deserialize(self, data: bytes) -> tuple[bytes, float]:
        """Split a body."""
        return data[_AZIMUTH.size :], _AZIMUTH.unpack_from(data)[0]

    def forward(self, data: object) -> object:
        """Run a batch, or one photo where there is no batching."""
        if isinstance(data, list):
            return self.handler.relight_all(data)
        assert isinstance(data, tuple)
        return self.handler.relight(*data)

    def serialize(self, data: bytes) -> bytes:
        """Answer with the file."""
        return data


if __name__ == "__main__":
    server = mosec.Server()
    batch_size = int(os.environ["PEER_BATCH"])
    server.append_worker(
        Relighter,
        num=int(os.environ["PEER_WORKERS"]),
        max_batch_size=batch_size,
        max_wait_time=_BATCH_WAIT_MS if batch_size > 1 else 0,
    )
    server.run()
