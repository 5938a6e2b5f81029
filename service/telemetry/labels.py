"""Names the stages of a request and the origins of an answer, for metrics and logs.

Metrics have them as labels, logs and the headers of answers as values.
"""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """A step of the work on a photo, of which the duration is measured."""

    READ = "read"
    DECODE = "decode"
    FIT = "fit"
    QUEUE = "queue"
    INFER = "infer"  # by a "relight/1" model
    SCENE = "scene"  # by the first graph of a "relight/2" pair
    LIGHT = "light"  # by the second
    COLOR = "color"
    DETAIL = "detail"
    ENCODE = "encode"
    SIGN = "sign"


class Place(StrEnum):
    """Where a request can end without an image."""

    ADMISSION = "admission"
    READ = "read"
    PREPARE = "prepare"
    INFER = "infer"
    FINISH = "finish"
    ANSWER = "answer"


class Origin(StrEnum):
    """Where the model's output comes from."""

    HIT = "hit"  # from the cache
    SCENE = "scene"  # the scene from the cache, the light from the device
    MISS = "miss"  # from the device
    COALESCED = "coalesced"  # from the device, for another request
