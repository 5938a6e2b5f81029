"""Measures the cost of a photo without the network.

    python -m bench.imaging [--megapixels 1 12 48] [--repeats 3] [--service]

Prints CPU milliseconds of one thread (the minimum of the repeats) for each stage of a request, and
the peak memory of its process so far. Each format and each group runs in a process of its own. The
photo is smooth noise of many scales. A light from the right with a blur of one pixel replaces the
network.

`end to end` is the cost of a photo from bytes to bytes without the network. Two lines compare that
of a JPEG with decoding and encoding alone, ours and Pillow's. Their ratio varies: a decode takes
15 ms of 60 more or less depending on whether memory comes from the heap or from the system, while
`end to end` is stable. --service instead sends one JPEG of each size to a running service, and
prints the wall time and the peak memory of its process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import cv2
import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.harness import running
from service import imaging
from service.contract import buckets, color
from service.contract.softness import estimate_softness
from service.imaging.formats import ANSWER_FORMATS, FORMATS
from service.imaging.photo import Photo
from service.relighting.guided_upsampling import transfer
from service.relighting.mirroring import leans_left
from service.relighting.options import RelightOptions
from service.relighting.pipeline import Rendered, finish, prepare
from service.telemetry.stage_timings import Timings

T = TypeVar("T")

LIMITS = imaging.ImageLimits(
    max_pixels=200_000_000, max_side_px=30_000, min_side_px=1, max_decoded_bytes=2**31
)
BUCKETS = buckets.buckets_for(512)
SOFTNESS_PX = 1.0


def _formats(megapixels: float) -> list[str]:
    """Return the formats for a photo of this size."""
    return [n for n in ANSWER_FORMATS if megapixels * 1e6 <= FORMATS[n].max_answer_pixels]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12, 48])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--service", action="store_true")
    arguments = parser.parse_args()
    if arguments.service:
        for megapixels in arguments.megapixels:
            _measure_service(megapixels)
        return
    print(f"{'MP':>5}  {'stage':18}{'CPU ms':>9}{'peak MB':>9}")
    spawn = multiprocessing.get_context("spawn")
    for megapixels in arguments.megapixels:
        tasks: list[Callable[[float, int], None]] = [
            *(partial(_measure_end_to_end, name) for name in _formats(megapixels)),
            _measure_codecs,
            _measure_stages,
            _measure_16_bit,
        ]
        for measure in tasks:
            process = spawn.Process(target=measure, args=(megapixels, arguments.repeats))
            process.start()
            process.join()


def _measure_service(megapixels: float) -> None:
    """Print the cost of one JPEG over HTTP, including the shipped model."""
    data = file_of("jpeg", megapixels)
    limits = {"max_pixels": 2 * round(megapixels * 1e6), "max_body_bytes": 2 * len(data)}
    with running(settings=limits) as service:
        start_s = time.monotonic()
        httpx.post(f"{service.url}/relight", content=data, timeout=600).raise_for_status()
        wall_ms = (time.monotonic() - start_s) * 1000
        status = Path(f"/proc/{service.process.pid}/status").read_text()
    peak_mb = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(f"{megapixels:5g} MP over HTTP: {wall_ms:.0f} ms wall, {peak_mb:.0f} MB peak", flush=True)


class _Table:
    """Measures tasks and prints a line for each.

    Args:
        megapixels: size of the photo.
        repeats: number of runs of each task.
    """

    def __init__(self, megapixels: float, repeats: int) -> None:
        cv2.setNumThreads(1)
        self._megapixels = megapixels
        self._repeats = repeats
        self.least_ms: dict[str, float] = {}

    def time(self, stage: str, work: Callable[[], T]) -> T:
        """Run a task and print its cost."""
        times_s = []
        for _ in range(self._repeats):
            start_s = time.thread_time()
            result = work()
            times_s.append(time.thread_time() - start_s)
        self.least_ms[stage] = min(times_s) * 1000
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        least_ms = self.least_ms[stage]
        print(f"{self._megapixels:5g}  {stage:18}{least_ms:9.1f}{peak_mb:9.0f}", flush=True)
        return result

    def ratio(self, stage: str, parts: tuple[str, ...]) -> None:
        """Print the ratio of a stage to the sum of the parts."""
        share = self.least_ms[stage] / sum(self.least_ms[part] for part in parts)
        print(f"{self._megapixels:5g}  {stage} = {share:.2f} x ({' + '.join(parts)})", flush=True)


def _measure_end_to_end(name: str, megapixels: float, repeats: int) -> None:
    table = _Table(megapixels, repeats if name == "jpeg" else 1)
    data = file_of(name, megapixels)
    table.time(f"end to end {name}", partial(end_to_end, data, name))


def end_to_end(data: bytes, name: str) -> bytes:
    """Process a request without running the network."""
    prepared = prepare(data, LIMITS, BUCKETS, Timings())
    ramp = np.linspace(0.3, 1, prepared.srgb.shape[1], dtype=np.float32)
    relit = (prepared.srgb * ramp[:, None]).astype(np.float32)
    rendered = Rendered(
        cv2.GaussianBlur(relit, (0, 0), SOFTNESS_PX).astype(np.float32), 4500, SOFTNESS_PX
    )
    return finish(prepared, rendered, RelightOptions.parse([]), name, Timings())


def file_of(name: str, megapixels: float) -> bytes:
    """Return the photo as a file, encoded by another process, whose memory does not count."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_write, (name, megapixels))


def _write(name: str, megapixels: float) -> bytes:
    return imaging.encode(Photo(pixels=_picture(megapixels), format=name), name)


def _measure_codecs(megapixels: float, repeats: int) -> None:
    table = _Table(megapixels, repeats)
    data = file_of("jpeg", megapixels)
    table.time("end to end", partial(end_to_end, data, "jpeg"))
    photo = table.time("decode jpeg", lambda: imaging.decode(data, LIMITS))
    table.time("encode jpeg", lambda: imaging.encode(photo, "jpeg"))
    picture = table.time("Pillow decodes", lambda: np.asarray(Image.open(BytesIO(data))))
    table.time("Pillow encodes", lambda: _pillow_jpeg(picture))
    table.ratio("end to end", ("decode jpeg", "encode jpeg"))
    table.ratio("end to end", ("Pillow decodes", "Pillow encodes"))


def _measure_stages(megapixels: float, repeats: int) -> None:
    table = _Table(megapixels, repeats)
    pixels = _picture(megapixels)
    bucket = buckets.choose_bucket(pixels.shape[1], pixels.shape[0], BUCKETS)
    data = imaging.encode(Photo(pixels=pixels, format="jpeg"), "jpeg")
    table.time("decode for model", lambda: imaging.decode(data, LIMITS, enough_px=736))
    small = table.time("fit", lambda: buckets.fit(pixels, bucket))
    table.time("fit mirrored", lambda: buckets.fit(pixels, bucket, mirrored=True))
    half = buckets.halved(pixels, bucket)
    table.time("lean", lambda: leans_left(half))
    low_in = small.astype(np.float32) / np.float32(255)
    ramp = np.linspace(0.3, 1, bucket.width_px, dtype=np.float32)
    low_out = (low_in * ramp[:, None]).astype(np.float32)
    table.time("temperature", lambda: color.change_temperature(low_out, 4500, 3000))
    table.time("strength", lambda: color.blend(low_in, low_out, 0.7))
    table.time("fill", lambda: color.fill_light(low_in, low_out, 0.3))
    table.time("softness", lambda: estimate_softness(low_in, low_out))
    table.time("transfer", lambda: transfer(pixels, low_in, low_out, 1.0))
    photo = Photo(pixels=pixels, format="png")
    for name in _formats(megapixels):
        file = table.time(f"encode {name}", partial(imaging.encode, photo, name))
        table.time(f"decode {name}", partial(imaging.decode, file, LIMITS))


def _measure_16_bit(megapixels: float, repeats: int) -> None:
    table = _Table(megapixels, repeats)
    pixels = _picture(megapixels).astype(np.uint16)
    pixels *= 257
    photo = Photo(pixels=pixels, format="png")
    for name in ("png", "tiff"):
        file = table.time(f"encode {name} 16", partial(imaging.encode, photo, name))
        table.time(f"decode {name} 16", partial(imaging.decode, file, LIMITS))
    low = buckets.fit(pixels, BUCKETS[0]).astype(np.float32) / np.float32(65535)
    table.time("transfer 16", lambda: transfer(pixels, low, low, 1.0))


def _pillow_jpeg(picture: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=92, subsampling="4:4:4")
    return file.getvalue()


def _picture(megapixels: float) -> NDArray[np.uint8]:
    """Return tiles of noise, so that the picture needs no additional memory."""
    width_px = round((megapixels * 1e6 * 4 / 3) ** 0.5 / 8) * 8
    height_px = width_px * 3 // 4
    rng = np.random.default_rng(0)
    tile = np.full((512, 512, 3), 128, np.float32)
    for octave in range(1, 8):
        grain = rng.normal(0, 4 + 2 * octave, (512 >> octave, 512 >> octave, 3))
        tile += cv2.resize(grain.astype(np.float32), (512, 512), interpolation=cv2.INTER_LINEAR)
    num_tiles = (-(-height_px // 512), -(-width_px // 512), 1)
    tiles = np.tile(np.clip(tile, 0, 255).astype(np.uint8), num_tiles)
    return np.ascontiguousarray(tiles[:height_px, :width_px])


if __name__ == "__main__":
    main()
