"""A request to relight one photo, and its result."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from relight.lights import Lamps, Light
from service.batching.urgency import Priority
from service.relighting.options import RelightOptions
from service.telemetry.labels import Origin
from service.telemetry.stage_timings import Timings
from service.traffic.memory_budget import Holding

ContentCredentials = Literal["none", "dropped", "signed"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RelightRequest:
    """A request to relight one photo.

    Attributes:
        data: the image file.
        mask: an image file that is white where the photo is to be relit; None: everywhere.
        depth: an image file with the depth of each pixel; None: as the model reads it.
        reference: an image file whose light to take; None: the light is that of the options.
        options: how to relight it.
        format_weights: how welcome each format of the answer is, 0 to 1; see `rank_formats`.
        deadline_s: deadline of the answer, on the monotonic clock.
        holding: the request's memory account; already contains the body.
        priority: its class.
        caller: who sent it.
        known_tags: entity tags of answers that the caller has; one of them is not made again.
        is_compressed: whether an answer in TIFF is.
        timings: receives the duration of each stage.
    """

    data: bytes
    options: RelightOptions
    deadline_s: float
    holding: Holding
    priority: Priority = Priority.INTERACTIVE
    caller: str = ""
    format_weights: Mapping[str, float] = field(default_factory=dict)
    known_tags: Collection[str] = ()
    mask: bytes | None = None
    is_compressed: bool = True
    depth: bytes | None = None
    reference: bytes | None = None
    timings: Timings = field(default_factory=Timings)

    @property
    def body_bytes(self) -> int:
        """Bytes of its files."""
        return sum(len(file or b"") for file in (self.data, self.mask, self.depth, self.reference))

    @property
    def special(self) -> frozenset[str]:
        """What it asks for that not every model takes."""
        files = {"depth": self.depth, "reference": self.reference}
        return self.options.special | {name for name, file in files.items() if file is not None}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RelightResult:
    """A finished answer.

    Attributes:
        data: the image file; None if the caller has it already.
        media_type: its type.
        etag: entity tag of the answer, weak: a batch may move a pixel by one step.
        light: its light.
        model: name and abbreviated checksum of the model.
        origin: origin of the model's output; None if it was not needed.
        timings: duration of each stage.
        digital_source_type: the mark in the file's XMP, a concept of IPTC's vocabulary; None
            without a mark.
        content_credentials: `signed` if the answer has a C2PA manifest; else what became of the
            photo's: `dropped`, or `none` if it had none; None if the caller has the file already.
    """

    data: bytes | None
    media_type: str
    etag: str
    light: Light | Lamps
    model: str
    origin: Origin | None
    timings: Timings
    digital_source_type: str | None = None
    content_credentials: ContentCredentials | None = None
