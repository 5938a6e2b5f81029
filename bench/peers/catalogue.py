"""The servers that are compared: what each installs, how it starts, how it is asked."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

_ADAPTERS: Final = "bench.peers.adapters"
_MLSERVER: Final = "from mlserver.cli import main; main()"  # its command line


@dataclass(frozen=True, slots=True)
class Setting:
    """How a peer is set up.

    Attributes:
        num_workers: processes (Ray: replicas) that hold the model.
        num_threads: threads of one inference.
        batch_size: most photos in one batch; 1: no batching.
    """

    num_workers: int
    num_threads: int
    batch_size: int = 1

    def __str__(self) -> str:
        text = f"{self.num_workers} x {self.num_threads} threads"
        return text if self.batch_size == 1 else f"{text}, batches of {self.batch_size}"

    def variables(self, model: Path, port: int) -> dict[str, str]:
        """Return what an adapter reads from its environment."""
        return {
            "PEER_MODEL": str(model),
            "PEER_PORT": str(port),
            "PEER_WORKERS": str(self.num_workers),
            "PEER_THREADS": str(self.num_threads),
            "PEER_BATCH": str(self.batch_size),
        }


# For two cores: one inference after another on both, one on each, batches.
_BATCHED: Final = (Setting(1, 2), Setting(2, 1), Setting(1, 2, 4))
_UNBATCHED: Final = (Setting(1, 2), Setting(2, 1), Setting(2, 2))

Question = Callable[[bytes, float], dict[str, Any]]


def _form(photo: bytes, azimuth_deg: float) -> dict[str, Any]:
    return {
        "files": {"image": ("photo.jpg", photo, "image/jpeg")},
        "data": {"azimuth": f"{azimuth_deg:g}"},
    }


def _raw(photo: bytes, azimuth_deg: float) -> dict[str, Any]:
    return {"content": photo, "params": {"azimuth": f"{azimuth_deg:g}"}}


def _framed(photo: bytes, azimuth_deg: float) -> dict[str, Any]:
    """Put the azimuth before the photo: mosec's workers see the body alone."""
    return {"content": struct.pack("<f", azimuth_deg) + photo}


def _v2(photo: bytes, azimuth_deg: float) -> dict[str, Any]:
    """The inference protocol of KServe, version 2."""
    encoded = base64.b64encode(photo).decode()
    inputs = [
        {"name": "image", "datatype": "BYTES", "shape": [1, 1], "data": [encoded]},
        {"name": "azimuth", "datatype": "FP32", "shape": [1, 1], "data": [azimuth_deg]},
    ]
    return {"json": {"inputs": inputs}}


def _v2_answer(answer: httpx.Response) -> bytes:
    return base64.b64decode(answer.json()["outputs"][0]["data"][0])


@dataclass(frozen=True, slots=True, eq=False)
class Peer:
    """One server.

    Attributes:
        name: its name in the table.
        command: what its environment's Python runs, for a port and a setting.
        path: where it answers.
        requirements: what its environment needs beside Relight's own; None: this environment.
        settings: what is tried.
        question: a photo and an azimuth as keyword arguments of httpx.
        answer: the photo in its answer.
        variables: further environment variables, for a model and a port.
        folder: texts of the files of a folder that `command` may name as `{folder}`, by name.
    """

    name: str
    command: Callable[[int, Setting], Sequence[str]]
    path: str
    requirements: Sequence[str] | None = None
    settings: Sequence[Setting] = _BATCHED
    question: Question = _form
    answer: Callable[[httpx.Response], bytes] = lambda answer: answer.content
    variables: Callable[[Path, int], Mapping[str, str]] = lambda _model, _port: {}
    folder: Callable[[Setting], Mapping[str, str]] = field(default=lambda _setting: {})


def _relight_variables(model: Path, port: int) -> dict[str, str]:
    return {
        "RELIGHT_PORT": str(port),
        "RELIGHT_OPS_PORT": "0",
        "RELIGHT_MODELS_DIR": str(model.parent),
        "RELIGHT_LOG_LEVEL": "error",
    }


def _mlserver_folder(setting: Setting) -> dict[str, str]:
    workers = setting.num_workers if setting.num_workers > 1 else 0
    return {
        "settings.json": json.dumps({"parallel_workers": workers, "debug": False}),
        "model-settings.json": json.dumps(
            {"name": "relight", "implementation": f"{_ADAPTERS}.with_mlserver.Relighter"}
        ),
    }


# Its cache would answer a photo that was sent before; the peers have none.
RELIGHT: Final = Peer(
    "Relight",
    lambda _port, _setting: ("-m", "service"),
    "/relight",
    settings=(Setting(1, 2),),
    question=_raw,
    variables=lambda model, port: _relight_variables(model, port) | {"RELIGHT_CACHE_BYTES": "0"},
)
# For the work of an editor, who asks for many lights of one photo: as it is shipped.
EDITED: Final = Peer(
    "Relight, as shipped",
    RELIGHT.command,
    RELIGHT.path,
    settings=RELIGHT.settings,
    question=_raw,
    variables=_relight_variables,
)

PEERS: Final = (
    Peer(
        "FastAPI",
        lambda port, setting: (
            "-m",
            "uvicorn",
            f"{_ADAPTERS}.with_fastapi:app",
            "--port",
            str(port),
            "--workers",
            str(setting.num_workers),
            "--log-level",
            "error",
        ),
        "/relight",
        ("fastapi", "uvicorn[standard]", "python-multipart"),
        _UNBATCHED,
    ),
    Peer(
        "LitServe",
        lambda _port, _setting: ("-m", f"{_ADAPTERS}.with_litserve"),
        "/predict",
        ("litserve",),
    ),
    Peer(
        "BentoML",
        lambda port, _setting: (
            "-m",
            "bentoml",
            "serve",
            f"{_ADAPTERS}.with_bentoml:Relighter",
            "--port",
            str(port),
        ),
        "/relight",
        ("bentoml",),
        _UNBATCHED,
    ),
    Peer(
        "mosec",
        lambda port, _setting: (
            "-m",
            f"{_ADAPTERS}.with_mosec",
            "--address",
            "127.0.0.1",
            "--port",
            str(port),
            "--timeout",
            "120000",
            "--log-level",
            "error",
        ),
        "/inference",
        ("mosec",),
        question=_framed,
    ),
    Peer(
        "Ray Serve",
        lambda _port, _setting: ("-m", f"{_ADAPTERS}.with_ray_serve"),
        "/",
        ("ray[serve]",),
        question=_raw,
    ),
    Peer(
        "MLServer",
        lambda _port, _setting: ("-c", _MLSERVER, "start", "{folder}"),
        "/v2/models/relight/infer",
        ("mlserver",),
        _UNBATCHED,
        question=_v2,
        answer=_v2_answer,
        variables=lambda _model, port: {
            "MLSERVER_HTTP_PORT": str(port),
            "MLSERVER_GRPC_PORT": str(port + 1),
            "MLSERVER_METRICS_PORT": str(port + 2),
        },
        folder=_mlserver_folder,
    ),
)
