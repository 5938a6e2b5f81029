"""The files of maps take no more memory than is set aside for them."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from service.imaging import decode
from service.relighting.maps import pack_maps, packing_bytes
from service.relighting.pipeline import Prepared
from service.telemetry.heap_trim import trim_heap
from tests.service.peak import peak_growth
from tests.service.pictures import LIMITS, noise, saved

SIDE_PX = 992  # larger than a bucket, so that the interpreter's own growth does not matter


def prepared() -> Prepared:
    photo = decode(saved(Image.fromarray(noise(SIDE_PX, SIDE_PX)), "jpeg"), LIMITS)
    native = photo.pixels.astype(np.float32) / 255
    return Prepared(photo, native, native.copy(), photo.pixels, mirrored=True)


def test_packing_takes_no_more_memory_than_estimated():
    photo, rng = prepared(), np.random.default_rng(0)
    scene = {
        name: rng.uniform(0.1, 1, (SIDE_PX, SIDE_PX, *more)).astype(np.float16)
        for name, *more in (("normals", 3), ("relief",), ("log_shading",), ("occlusion",))
    }
    scene["relightable"] = scene["occlusion"]
    pack_maps(photo, scene, "warm")
    cv2.setNumThreads(1)
    trim_heap()  # or packing would take memory that earlier tests left free
    with peak_growth() as peak:
        assert pack_maps(photo, scene, "drn-g")
    assert packing_bytes(photo) / 2 < peak.num_bytes < packing_bytes(photo)
