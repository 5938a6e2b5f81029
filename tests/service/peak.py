"""How much memory a call takes at its worst, seen from outside Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"  # proc(5), clear_refs


class Peak:
    """What a block took, in bytes, once it has ended."""

    num_bytes = 0


@contextmanager
def peak_growth() -> Iterator[Peak]:
    """Measure by how much the resident size grows above its value at the start of the block."""
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    before, peak = _status("VmRSS"), Peak()
    try:
        yield peak
    finally:
        peak.num_bytes = _status("VmHWM") - before


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024
