"""Times the stages of one request on the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from service.telemetry.labels import Place, Stage


@dataclass(slots=True)
class Timings:
    """The duration of each stage, in seconds and in order, and the current stage."""

    stages_s: dict[str, float] = field(default_factory=dict)
    spans: list[tuple[str, float, float]] = field(default_factory=list)  # name, start, end
    batch_sizes: dict[str, int] = field(default_factory=dict)  # by stage
    rendered_s: float | None = None  # when the device was done
    place: Place = Place.READ

    def add(self, name: Stage, started_s: float, ended_s: float) -> None:
        """Note a stage, or more of it, with its times on the monotonic clock."""
        self.stages_s[name] = self.stages_s.get(name, 0.0) + ended_s - started_s
        self.spans.append((name, started_s, ended_s))

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Time a block as the stage `name`."""
        started_s = time.monotonic()
        try:
            yield
        finally:
            self.add(name, started_s, time.monotonic())
