"""Time to sign an answer with C2PA: `python -m bench.signing [--megapixels 12]`.

The photo is noise at JPEG quality 92, so its file is larger than a real one of its size. The second
line signs an answer to a photo that carries a manifest itself.
"""

from __future__ import annotations

import argparse
import statistics
import time
from io import BytesIO

import numpy as np
from PIL import Image

from bench.certificates import make_certificates
from service.content_credentials import Credentials


def main() -> None:
    """Print the median time in ms, and the bytes that a manifest adds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--runs", type=int, default=20)
    asked = parser.parse_args()
    width_px = round((asked.megapixels * 1e6 * 4 / 3) ** 0.5)
    shape = (width_px * 3 // 4, width_px, 3)
    file = BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    Image.fromarray(noise).save(file, "jpeg", quality=92)
    photo = file.getvalue()
    made = make_certificates()
    credentials = Credentials(made.chain, made.key, software=("Relight", "bench"))
    action = {"action": "c2pa.edited"}
    print(f"{asked.megapixels:g} MP, {len(photo) / 1e6:.1f} MB")
    ingredient = photo
    for name in ("a photo without manifest", "a photo with a manifest"):
        times_ms = []
        for _ in range(asked.runs):
            started_s = time.perf_counter()
            signed = credentials.sign(
                photo, "image/jpeg", photo=ingredient, photo_type="image/jpeg", action=action
            )
            times_ms.append((time.perf_counter() - started_s) * 1e3)
        num_bytes = len(signed) - len(photo)
        print(f"{name}: {statistics.median(times_ms):.0f} ms, {num_bytes} bytes more")
        ingredient = signed


if __name__ == "__main__":
    main()
