"""Small files of every format that claim or decode to the largest accepted size."""

from __future__ import annotations

import struct
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

from bench.chaos.fault import PATIENCE_S, Fault, peak_mb, pod, relit, still_serves
from bench.harness import photo, running

_SIZE = (8000, 6250)  # as many pixels as are accepted
_POD_BYTES = 2 << 30
_WORKING_BYTES = _POD_BYTES * 2 // 5
_AVIF_BYTES = 51  # for each pixel, as `service.imaging.costs` has it


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(depth: int, colour: int, samples: int, *chunks: bytes) -> bytes:
    width_px, height_px = _SIZE
    row = bytes(1 + width_px * samples * depth // 8)
    compressor = zlib.compressobj(9)
    pixels = b"".join(compressor.compress(row) for _ in range(height_px)) + compressor.flush()
    header = _chunk(b"IHDR", struct.pack(">2I5B", width_px, height_px, depth, colour, 0, 0, 0))
    start = b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks)
    return start + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _saved(mode: str, format_name: str, **options: object) -> bytes:
    file = BytesIO()
    Image.new(mode, _SIZE).save(file, format_name, **options)
    return file.getvalue()


def _files() -> Iterator[tuple[str, bytes]]:
    claim = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">2I5B", 64, 64, 16, 2, 0, 0, 0))
    yield "a chunk of 4 GB", claim + struct.pack(">I", 0xFFFFFFF0) + b"IDAT" + bytes(16)
    yield "png", _png(8, 2, 3)
    yield "16-bit png", _png(16, 6, 4)
    texts = [_chunk(b"zTXt", b"k%d\0\0" % n + zlib.compress(bytes(900_000))) for n in range(300)]
    yield "png with texts", _png(16, 2, 3, *texts)
    yield "webp", _saved("RGBA", "webp", lossless=True, method=0)
    yield "avif", _saved("RGBA", "avif", speed=10)
    yield "progressive jpeg", _saved("CMYK", "jpeg", progressive=True)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "zstd", "group4"):
        mode = "1" if compression == "group4" else "RGB"
        yield f"{compression} tiff", _saved(mode, "tiff", compression=compression)
    jpeg = _saved("RGB", "jpeg")
    yield "jpeg of segments", jpeg[:20] + b"\xff\xe5\0\2" * 1_000_000 + jpeg[20:]


def _together() -> tuple[str, bool]:
    """Send every bomb three times."""
    return _in_a_pod([body for _, body in _files()] * 3, {200, 422, 503, 504}, format="webp")


def _avif() -> tuple[str, bool]:
    """Send an AVIF as large as one whose answer may be an AVIF."""
    side_px = int((_WORKING_BYTES / _AVIF_BYTES) ** 0.5) // 8 * 8
    file = BytesIO()
    Image.open(BytesIO(photo(side_px))).save(file, "avif", speed=10)
    return _in_a_pod([file.getvalue()] * 6, {200}, format="avif")


def _in_a_pod(bombs: list[bytes], statuses: set[int], **options: str) -> tuple[str, bool]:
    """Send bombs, six at once, to a service that has 2 GB."""
    knobs = {
        "max_inflight_bytes": _POD_BYTES // 5,
        "max_working_bytes": _WORKING_BYTES,
        "cache_bytes": _POD_BYTES // 10,
        "num_threads": 4,
        "decode_budget_s": PATIENCE_S,
        "request_timeout_ms": int(PATIENCE_S * 1e3),
        "max_queue_wait_ms": int(PATIENCE_S * 1e3),
    }
    num_sent = len(bombs)
    with pod(_POD_BYTES) as prefix, running("5+1n", prefix=prefix, settings=knobs) as service:
        found: Counter[int] = Counter()

        def send() -> None:
            while bombs:
                found[relit(service, bombs.pop(), **options).status_code] += 1

        clients = [threading.Thread(target=send) for _ in range(6)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        peak = peak_mb(service)
        limit = "cgroup of 2 GB" if prefix else "no cgroup"
        text = f"statuses {dict(found)}, peak {peak:.0f} MB, {limit}"
        is_kept = (
            found.total() == num_sent and set(found) <= statuses and peak * 2**20 < 0.9 * _POD_BYTES
        )
        return text, is_kept and still_serves(service)


FAULTS = (
    Fault("bombs of every format, six at once", "under 2 GB, no 500", _together),
    Fault("the largest AVIF to AVIF, six at once", "under 2 GB, all answered", _avif),
)
