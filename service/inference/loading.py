"""From an `.onnx` file to a model that serves: loaded, held to its contract, warm.

file -> engine -> contract -> signature -> warm-up -> canary -> batcher
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relight.errors import ModelRefused
from service.batching.batcher import Batcher
from service.batching.durations import Durations
from service.batching.job import Batch
from service.batching.sizes import BatchSizes
from service.contract.buckets import Bucket, Shapes, buckets_for
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME, ModelContract
from service.inference.canary import check_golden
from service.inference.session import CPU, Engine, TensorSpec, warm_up

_ELEMENT_TYPES: Final = {"float16": "tensor(float16)", "float32": "tensor(float)"}


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """What a model renders: one picture under one of its lights.

    Attributes:
        image: uint8 (h, w, 3), sRGB; h and w those of a bucket.
        light_index: index into the lights of the model's contract.
    """

    image: NDArray[np.uint8]
    light_index: int


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """What an engine is given: the shots of a batch, put together.

    Attributes:
        images: uint8 (n, h, w, 3), contiguous.
        lights: int64 (n,), or None for a model of one light.
    """

    images: NDArray[np.uint8]
    lights: NDArray[np.int64] | None


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A loaded, checked and warm model with its queue.

    Attributes:
        contract: what it promises.
        sha256: checksum of the file, in hex.
        provider: the ONNX Runtime provider that it runs on.
        buckets: the shapes that it takes.
        durations: T((h, w), n), in seconds.
        batcher: takes a `Shot`, gives float16 or float32 (h, w, 3), sRGB-encoded, 0 to 1.
    """

    contract: ModelContract
    sha256: str
    provider: str
    buckets: Sequence[Bucket]
    durations: Durations
    batcher: Batcher[Shot, Feed, NDArray[np.floating]]

    @property
    def tag(self) -> str:
        """Name and checksum, short: `drn-s@0a1b2c3d4e5f`."""
        return f"{self.contract.name}@{self.sha256[:12]}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder held: good models, and a line for each file that is refused."""

    models: Sequence[Model]
    refusals: Sequence[str]


def load_folder(folder: Path, load: Callable[[Path], Model], keep: Sequence[Model] = ()) -> Loaded:
    """Load every `*.onnx` file of a folder.

    Args:
        folder: where they lie.
        load: loads one.
        keep: models loaded already; a file with the checksum of one is not loaded again.
    """
    loaded_before = {model.sha256: model for model in keep}
    models: dict[str, Model] = {}
    paths = sorted(folder.glob("*.onnx"))
    refusals = [] if paths else [f"there is no .onnx file in {folder}"]
    for path in paths:
        try:
            model = loaded_before.get(_sha256(path)) or load(path)
            if model.contract.name in models:
                raise ModelRefused(f"another file has the name {model.contract.name!r} too")
        except ModelRefused as error:
            refusals.append(f"{path.name}: {error}")
        except OSError as error:  # a link to nothing, a folder, a file that may not be read
            refusals.append(f"{path.name}: it cannot be read: {error.strerror or error}")
        else:
            models[model.contract.name] = model
    return Loaded(tuple(models.values()), refusals)


def load_model(
    path: Path,
    engine: Engine,
    *,
    max_batch_size: int | None,
    bucket_shapes: Shapes = "aspect",
    max_wait_s: float,
    observe: Callable[[str, Batch], None],
) -> Model:
    """Check and warm a model; its batcher is made, but not started.

    Args:
        path: the file that `engine` holds.
        engine: the model on its device.
        max_batch_size: most images in one batch; None: 8 on a GPU, 1 on a CPU.
        bucket_shapes: which shapes it runs at.
        max_wait_s: admission refuses what would wait longer for the device.
        observe: told the model's name and each batch that it ran.

    Raises:
        ModelRefused: it does not keep its contract, or does not run.
    """
    contract = ModelContract.from_metadata(engine.metadata)
    check_signature(contract, engine)
    takes_light = len(contract.lights) > 1
    num_images = _batch_sizes(engine, max_batch_size)
    sizes = BatchSizes(num_images)
    buckets = buckets_for(contract.size_px, bucket_shapes)
    durations = Durations()
    try:
        warm_up(
            engine,
            durations,
            shapes=[(bucket.height_px, bucket.width_px) for bucket in buckets],
            batch_sizes=num_images,
            forbid=sizes.forbid,
            takes_light=takes_light,
        )
        check_golden(path, engine, len(contract.lights))
    except ModelRefused:
        raise
    except Exception as error:  # ONNX Runtime's errors have no common base but this
        raise ModelRefused(f"it fails to run: {error}") from error

    def stage(shots: Sequence[Shot]) -> Feed:
        images = np.stack([shot.image for shot in shots])
        indices = np.array([shot.light_index for shot in shots], np.int64)
        return Feed(images, indices if takes_light else None)

    def run(feed: Feed) -> Sequence[NDArray[np.floating]]:
        return list(engine.run(feed.images, feed.lights))

    batcher = Batcher(
        stage,
        run,
        durations=durations,
        sizes=sizes,
        max_wait_s=max_wait_s,
        observe=lambda batch: observe(contract.name, batch),
    )
    return Model(contract, _sha256(path), engine.provider, buckets, durations, batcher)


def check_signature(contract: ModelContract, engine: Engine) -> None:
    """Hold a graph's inputs and outputs against `service.contract.metadata`.

    Raises:
        ModelRefused: a name, type or shape is another than promised.
    """
    inputs = {INPUT_NAME: TensorSpec("tensor(uint8)", ("n", "h", "w", 3))}
    if len(contract.lights) > 1:
        inputs[LIGHT_NAME] = TensorSpec("tensor(int64)", ("n",))
    relit = TensorSpec(_ELEMENT_TYPES[contract.precision], ("n", "h", "w", 3))
    for kind, promised, found in (
        ("input", inputs, engine.inputs),
        ("output", {OUTPUT_NAME: relit}, engine.outputs),
    ):
        if set(found) != set(promised):
            raise ModelRefused(f"its {kind}s are {sorted(found)}, not {sorted(promised)}")
        for name, spec in promised.items():
            if not _keeps(found[name], spec):
                raise ModelRefused(f"{kind} {name!r} is {found[name]}, not {spec}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keeps(found: TensorSpec, promised: TensorSpec) -> bool:
    """Tell whether a tensor is as promised: a dynamic dimension must not be fixed."""
    return (
        found.type == promised.type
        and len(found.shape) == len(promised.shape)
        and all(
            not isinstance(has, int) or has == wants
            for has, wants in zip(found.shape, promised.shape, strict=True)
        )
    )


def _batch_sizes(engine: Engine, max_size: int | None) -> Sequence[int]:
    """Return 1, 2, 4, ... and the maximum itself: few, as each is warmed."""
    if max_size is None:
        max_size = 1 if engine.provider == CPU else 8
    return sorted({max_size, *(2**i for i in range(max_size.bit_length()))})
