"""Photos are kept in the bytes that outputs leave, and give way to them."""

from __future__ import annotations

import pytest

from service.contract.buckets import buckets_for
from service.relighting.kept_photos import KeptPhotos
from service.relighting.pipeline import Prepared, prepare
from service.telemetry.stage_timings import Timings
from tests.service.pictures import LIMITS, noise
from tests.service.stand_ins import encoded


def prepared(seed: int) -> Prepared:
    return prepare(encoded(noise(64, 64, seed=seed), "png"), LIMITS, buckets_for(64), Timings())


ONE_BYTES = prepared(0).num_bytes


class Outputs:
    num_bytes = 0


def test_the_photo_that_was_not_used_for_longest_gives_way():
    kept = KeptPhotos(2 * ONE_BYTES, lambda: 0)
    kept.keep("a", prepared(1))
    kept.keep("b", prepared(2))
    assert kept.get("a")
    kept.keep("c", prepared(3))
    assert [key for key in "abc" if kept.get(key)] == ["a", "c"]
    assert kept.num_bytes == 2 * ONE_BYTES


def test_outputs_come_before_photos():
    outputs = Outputs()
    kept = KeptPhotos(2 * ONE_BYTES, lambda: outputs.num_bytes)
    kept.keep("a", prepared(1))
    kept.keep("b", prepared(2))
    outputs.num_bytes = ONE_BYTES
    assert (kept.get("a"), bool(kept.get("b"))) == (None, True)
    outputs.num_bytes = 2 * ONE_BYTES
    assert kept.get("b") is None
    assert kept.num_bytes == 0


def test_a_photo_is_kept_once_and_cannot_be_written_to():
    kept, photo = KeptPhotos(2 * ONE_BYTES, lambda: 0), prepared(1)
    kept.keep("a", photo)
    kept.keep("a", photo)
    assert kept.num_bytes == ONE_BYTES
    with pytest.raises(ValueError, match="read-only"):
        photo.photo.pixels[0, 0] = 0


@pytest.mark.parametrize("max_bytes", [0, ONE_BYTES - 1])
def test_a_photo_larger_than_the_bound_is_neither_kept_nor_changed(max_bytes):
    kept = KeptPhotos(max_bytes, lambda: 0)
    data = encoded(noise(64, 64), "tiff")
    photo = prepare(data, LIMITS, buckets_for(64), Timings())
    was_writeable = photo.photo.pixels.flags.writeable
    kept.keep("a", photo)
    assert kept.get("a") is None
    assert photo.photo.pixels.flags.writeable == was_writeable
