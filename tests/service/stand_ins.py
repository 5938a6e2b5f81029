"""What stands in for a trained model: a tiny real one, and an engine that only takes time."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from onnx import TensorProto, helper, save_model
from PIL import Image

from relight.lights import Light
from service.contract.metadata import INPUT_NAME, OUTPUT_NAME, ModelContract
from service.inference.fake_engine import FakeEngine


def contract(**changes: object) -> ModelContract:
    """Return the promise of the tiny model."""
    promise: dict[str, object] = {
        "name": "tiny-E-4500",
        "version": "1",
        "lights": (Light("E", 4500),),
        "size_px": 128,
        "precision": "float32",
        "checkpoint_sha256": "0" * 64,
        "trained_on": "nothing",
        "license": "Apache-2.0",
        "metrics": {"dataset": "none", "psnr_db": 20.0},
    }
    return ModelContract(**(promise | changes))  # type: ignore[arg-type]


def write_model(
    path: Path, metadata: Mapping[str, str] | None = None, *, input_type: int = TensorProto.UINT8
) -> Path:
    """Write a real model that lights the right: image * (0.4 + 0.6 * column / width)."""
    floats = {"zero": 0.0, "one": 1.0, "white": 255.0, "dark": 0.4, "rise": 0.6}
    constants = [helper.make_tensor(n, TensorProto.FLOAT, [], [v]) for n, v in floats.items()]
    constants.append(helper.make_tensor("columns_at", TensorProto.INT64, [], [2]))
    constants.append(helper.make_tensor("channel_axis", TensorProto.INT64, [1], [1]))
    nodes = [
        helper.make_node("Cast", [INPUT_NAME], ["codes"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["codes", "white"], ["unit"]),
        helper.make_node("Shape", [INPUT_NAME], ["shape"]),
        helper.make_node("Gather", ["shape", "columns_at"], ["columns"]),
        helper.make_node("Cast", ["columns"], ["width"], to=TensorProto.FLOAT),
        helper.make_node("Range", ["zero", "width", "one"], ["x"]),
        helper.make_node("Div", ["x", "width"], ["share"]),
        helper.make_node("Mul", ["share", "rise"], ["slope"]),
        helper.make_node("Add", ["slope", "dark"], ["gain"]),
        helper.make_node("Unsqueeze", ["gain", "channel_axis"], ["gains"]),  # (w, 1)
        helper.make_node("Mul", ["unit", "gains"], [OUTPUT_NAME]),
    ]
    dims = ["n", "h", "w", 3]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(INPUT_NAME, input_type, dims)],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, dims)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, dict(contract().to_metadata() if metadata is None else metadata))
    save_model(model, path)
    return path


def encoded(pixels: NDArray[np.uint8], format_name: str) -> bytes:
    """Return pixels as an image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_name)
    return file.getvalue()


def decoded(data: bytes) -> NDArray[np.uint8]:
    """Return the pixels of an image file, uint8 (h, w, 3)."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@contextmanager
def held(engine: FakeEngine) -> Iterator[list[int]]:
    """Hold every batch on the device until the block ends; give the sizes of what it holds."""
    before, free = engine.duration_s, threading.Event()
    sizes: list[int] = []

    def hold(n: int) -> float:
        sizes.append(n)
        assert free.wait(50), "the device was never freed"
        return before(n)

    engine.duration_s = hold
    try:
        yield sizes
    finally:
        engine.duration_s = before
        free.set()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an app over real HTTP on a free port; give its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, http="httptools", loop="uvloop")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
