"""Measures how long reading and writing a photo holds Python's lock.

    python -m bench.pauses [--megapixels 12 49] [--kinds webp tiff ...]

While a thread decodes, or encodes, another one wakes every millisecond. The most CPU time that the
first takes between two of these turns is a pause: the event loop of a service would stand still for
as long, and answer no probe and no other client. Each figure is the least of three rounds, as a
busy machine adds pauses of its own.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO
from typing import Any, Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service import imaging
from service.imaging.formats import ANSWER_FORMATS, FORMATS

_LIMITS: Final = imaging.ImageLimits(
    max_pixels=200_000_000, max_side_px=30_000, min_side_px=1, max_decoded_bytes=2**31
)
_TICK_S: Final = 0.001
_NUM_ROUNDS: Final = 3
_TIFF_CODECS: Final = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[12])
    parser.add_argument("--kinds", nargs="+", default=[""], help="beginnings of the kinds' names")
    arguments = parser.parse_args()
    print(f"{'MP':>4}  {'work':32}{'CPU s':>9}{'pause s':>9}")
    for megapixels in arguments.megapixels:
        pixels = _photo(megapixels)
        for kind, make in _files(pixels):
            if not kind.startswith(tuple(arguments.kinds)):
                continue
            data = make()
            photo = imaging.decode(data, _LIMITS)
            _print_row(megapixels, f"read {kind}", partial(imaging.decode, data, _LIMITS))
            if kind in ANSWER_FORMATS and pixels.size / 3 <= FORMATS[kind].max_answer_pixels:
                _print_row(megapixels, f"write {kind}", partial(imaging.encode, photo, kind))


def _print_row(megapixels: float, name: str, work: Callable[[], object]) -> None:
    rounds = [_pause(work) for _ in range(_NUM_ROUNDS)]
    took_s, gap_s = (min(column) for column in zip(*rounds, strict=True))
    print(f"{megapixels:4g}  {name:32}{took_s:9.2f}{gap_s:9.3f}", flush=True)


def _pause(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long a thread computes, and how long at most between two turns of another one."""
    done, measured = threading.Event(), threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            done.set()
            measured.wait()  # the clock of a thread ends with it

    thread = threading.Thread(target=run)
    thread.start()
    clock = time.pthread_getcpuclockid(cast("int", thread.ident))
    last_s = longest_s = 0.0
    while not done.is_set():
        time.sleep(_TICK_S)
        now_s = time.clock_gettime(clock)
        longest_s, last_s = max(longest_s, now_s - last_s), now_s
    measured.set()
    thread.join()
    return last_s, longest_s


def _photo(megapixels: float) -> NDArray[np.uint8]:
    """Return smooth noise of many scales, uint8 (h, w, 3), with some grain."""
    rng = np.random.default_rng(0)
    side_px = round((megapixels * 1e6) ** 0.5)
    total = np.zeros((side_px, side_px, 3), np.float32)
    for coarse_px in (4, 16, 64, 256, 1024):
        coarse = rng.uniform(0, 50, (coarse_px, coarse_px, 3)).astype(np.float32)
        total += cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_LINEAR)
    total += rng.integers(-3, 4, total.shape, np.int8)
    return np.clip(total, 0, 255).astype(np.uint8)


def _files(pixels: NDArray[np.uint8]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Give the kinds of files that are read, each with what writes one."""
    picture = Image.fromarray(pixels)

    def saved(image: Image.Image, name: str, **options: Any) -> bytes:
        file = BytesIO()
        image.save(file, name, **options)
        return file.getvalue()

    def by_opencv(extension: str, codes: NDArray[Any], parameters: Sequence[int] = ()) -> bytes:
        return cv2.imencode(extension, codes, parameters)[1].tobytes()

    yield "jpeg", lambda: saved(picture, "jpeg", quality=92)
    yield "jpeg progressive", lambda: saved(picture, "jpeg", quality=92, progressive=True)
    yield "jpeg cmyk", lambda: saved(picture.convert("CMYK"), "jpeg", quality=92)
    yield "png", lambda: saved(picture, "png", compress_level=1)
    yield "png 16-bit", lambda: by_opencv(".png", pixels.astype(np.uint16) * 257)
    yield "webp", lambda: saved(picture, "webp", quality=90, method=2)
    yield "webp alpha", lambda: saved(picture.convert("RGBA"), "webp", quality=90, method=2)
    yield "webp lossless", lambda: saved(picture, "webp", lossless=True, method=0, quality=0)
    yield "avif", lambda: saved(picture, "avif", quality=85, speed=10)
    for codec in _TIFF_CODECS:
        yield f"tiff {codec}", partial(saved, picture, "tiff", compression=codec)
    yield "tiff", lambda: saved(picture, "tiff", compression="tiff_adobe_deflate")
    yield "tiff 16-bit", lambda: by_opencv(".tiff", pixels.astype(np.uint16) * 257)


if __name__ == "__main__":
    main()
