"""How many values a request of the Open Inference Protocol may have in JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from relight.errors import BodyTooLarge
from service.api.tensors import read_inference, reading_bytes
from tests.service.api.test_open_inference import message


def test_large_pictures_go_in_binary_both_ways():
    pixels = np.zeros((1, 820, 820, 3), np.uint8)  # more than two million values
    sent = json.dumps(message(pixels.shape, "UINT8", data=pixels.ravel().tolist())).encode()
    with pytest.raises(BodyTooLarge, match="in binary"):
        reading_bytes(sent, len(sent))
    wanted = json.dumps(message(pixels.shape, "UINT8", size=pixels.nbytes)).encode()
    assert reading_bytes(wanted, len(wanted)) < 100_000
    with pytest.raises(BodyTooLarge, match="binary_data"):
        read_inference(wanted + pixels.tobytes(), len(wanted), max_photos=1)
