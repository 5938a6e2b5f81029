"""How a request of the Open Inference Protocol is read, and what that may take."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relight.errors import BodyTooLarge, InvalidOption, InvalidTensor
from service.api.tensors import read_inference, reading_bytes
from tests.service.api.inference_messages import message


def test_large_pictures_go_in_binary_both_ways():
    pixels = np.zeros((1, 820, 820, 3), np.uint8)  # more than two million values
    sent = json.dumps(message(pixels.shape, "UINT8", data=pixels.ravel().tolist())).encode()
    with pytest.raises(BodyTooLarge, match="in binary"):
        reading_bytes(sent, len(sent))
    wanted = json.dumps(message(pixels.shape, "UINT8", size=pixels.nbytes)).encode()
    assert reading_bytes(wanted, len(wanted)) < 100_000
    with pytest.raises(BodyTooLarge, match="binary_data"):
        read_inference(wanted + pixels.tobytes(), len(wanted), max_photos=1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children) | st.dictionaries(st.sampled_from(["data", "shape", "x"]), children)
    ),
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["image", "other"]),
        "shape": st.lists(st.integers(-1, 3), max_size=5) | JSON,
        "datatype": st.sampled_from(["BYTES", "UINT8", "FP32"]),
    },
    optional={"data": JSON, "parameters": st.just({"binary_data_size": 12}) | JSON},
)


@given(tensors=st.lists(TENSORS, max_size=2), binary=st.binary(max_size=20), others=JSON)
def test_no_message_does_more_than_be_refused(tensors, binary, others):
    text = json.dumps({"inputs": tensors, "parameters": others}).encode()
    try:
        read = read_inference(text + binary, len(text), max_photos=8)
    except (InvalidTensor, InvalidOption):
        return
    assert 1 <= read.num_photos <= 8


@pytest.mark.parametrize(("shape", "datatype"), [([1], "BYTES"), ([1, 1, 1, 3], "UINT8")])
@pytest.mark.parametrize(
    "data",
    [
        *([[]] * 100_000, [{}] * 100_000, [0.1] * 100_000, [10**30] * 50_000),
        *(["a" * 10**6], [""] * 100_000, ["aaaa"] * 100_000, ["a" * 10**5] + [""] * 1000),
        *([{f"k{n}": [] for n in range(50_000)}], [[[1]] * 50_000, 1]),
    ],
    ids=[
        *("lists", "objects", "floats", "large numbers", "text", "empty texts", "short texts"),
        *("a long text among short ones", "a large object", "lists of several depths"),
    ],
)
def test_the_bound_on_memory_holds(data, shape, datatype):
    text = json.dumps(message(shape, datatype, data=data)).encode()
    del data
    tracemalloc.start()
    try:
        with suppress(InvalidTensor, InvalidOption):
            read_inference(text, len(text), max_photos=8)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes <= reading_bytes(text, len(text))
