"""Reads and writes the data of a tensor: elements in base64 or with lengths, numbers as lists."""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relight.errors import InvalidTensor

LENGTH_BYTES: Final = 4  # before an element of type BYTES
_WHITE: Final = 255


def from_base64(element: object) -> memoryview:
    """Return an element of type BYTES that stands in JSON.

    Raises:
        InvalidTensor: it is no text in base64.
    """
    try:
        return memoryview(base64.b64decode(element, validate=True))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidTensor("an element of type BYTES is not text in base64") from None


def elements_of(binary: memoryview, num_elements: int) -> list[memoryview]:
    """Return elements of type BYTES, each with its length before it, as views.

    Raises:
        InvalidTensor: one is cut off, or bytes follow the last one.
    """
    elements: list[memoryview] = []
    while binary:
        if len(elements) == num_elements:
            raise InvalidTensor(f"bytes follow the {num_elements} elements of the shape")
        length = int.from_bytes(binary[:LENGTH_BYTES], "little")
        end = LENGTH_BYTES + length
        if len(binary) < end:
            raise InvalidTensor("an element of type BYTES is cut off")
        elements.append(binary[LENGTH_BYTES:end])
        binary = binary[end:]
    return elements


def codes_of(data: list[Any] | None) -> NDArray[np.uint8]:
    """Return lists of numbers as an array.

    Raises:
        InvalidTensor: they are not whole numbers from 0 to 255, or lists of several lengths.
    """
    numbers = np.array(data, object)  # of its own accord NumPy makes all texts as long as one
    are_whole = {type(number) for number in numbers.flat} == {int}
    if not are_whole or numbers.min() < 0 or numbers.max() > _WHITE:
        raise InvalidTensor("the data of a UINT8 tensor are not whole numbers from 0 to 255")
    return numbers.astype(np.uint8)
