"""What does a photo cost beside the network?

    python bench/imaging.py [--megapixels 1 12] [--repeats 5]

CPU milliseconds of one thread, the least of the repeats, for each stage of a request, and
the peak memory of the process after it. The photo is smooth noise of many scales, as
JPEG; the network is replaced by a light from the right.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np

from service import buckets, color, detail, imaging

T = TypeVar("T")

LIMITS = imaging.ImageLimits(max_pixels=200_000_000, max_side_px=30_000, min_side_px=1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{'MP':>5}  {'stage':14}{'CPU ms':>9}{'peak MB':>9}")
    for megapixels in sorted(arguments.megapixels):
        _measure(megapixels, arguments.repeats)


def _measure(megapixels: float, repeats: int) -> None:
    def timed(stage: str, work: Callable[[], T]) -> T:
        times_s = []
        for _ in range(repeats):
            start_s = time.thread_time()
            result = work()
            times_s.append(time.thread_time() - start_s)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{megapixels:5g}  {stage:14}{min(times_s) * 1000:9.1f}{peak_mb:9.0f}")
        return result

    data = imaging.encode(imaging.Photo(pixels=_picture(megapixels), format="jpeg"), "jpeg")
    photo = timed("decode jpeg", lambda: imaging.decode(data, LIMITS))
    bucket = buckets.choose_bucket(photo.width_px, photo.height_px, buckets.buckets_for(512))
    small = timed("fit", lambda: buckets.fit(photo.pixels, bucket))
    low_in = small.astype(np.float32) / 255
    low_out = low_in * np.linspace(0.3, 1, bucket.width_px, dtype=np.float32)[:, None]
    timed("temperature", lambda: color.change_temperature(low_out, 4500, 3000))
    timed("strength", lambda: color.blend(low_in, low_out, 0.7))
    timed("fill", lambda: color.fill_light(low_in, low_out, 0.3))
    timed("softness", lambda: detail.estimate_softness(low_in, low_out))
    timed("transfer", lambda: detail.transfer(photo.pixels, low_in, low_out, 1.0))
    for format_name in ("jpeg", "webp", "png"):
        timed(f"encode {format_name}", lambda name=format_name: imaging.encode(photo, name))


def _picture(megapixels: float) -> np.ndarray:
    """Return tiles of noise, so that making the picture takes no more memory than it."""
    width_px = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height_px = width_px * 3 // 4
    rng = np.random.default_rng(0)
    tile = np.full((512, 512, 3), 128, np.float32)
    for octave in range(1, 8):
        grain = rng.normal(0, 4 + 2 * octave, (512 >> octave, 512 >> octave, 3))
        tile += cv2.resize(grain.astype(np.float32), (512, 512), interpolation=cv2.INTER_LINEAR)
    num_tiles = (-(-height_px // 512), -(-width_px // 512), 1)
    return np.tile(np.clip(tile, 0, 255).astype(np.uint8), num_tiles)[:height_px, :width_px]


if __name__ == "__main__":
    main()
