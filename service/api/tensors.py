"""Reads and writes tensors of the Open Inference Protocol, version 2, in JSON and in binary.

A body is an object of JSON; with the binary tensor data extension, the tensors' bytes follow it,
and the header `Inference-Header-Content-Length` says where they begin. A photo is an element of
type BYTES, which has four bytes of length before it, or a slice of a UINT8 tensor (n, h, w, 3).
In JSON, an element of type BYTES is in base64, as it is no text.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from relight.errors import BodyTooLarge, InvalidOption, InvalidTensor
from service.api.headers import HEADER_LENGTH
from service.api.tensor_data import LENGTH_BYTES, codes_of, elements_of, from_base64
from service.contract.metadata import OUTPUT_NAME

BINARY_DATA: Final = "binary_tensor_data"  # the name of the extension

# Memory of CPython's objects, beside the characters: a list with one item, an entry of a dict.
_VALUE_BYTES: Final = 72
_ENTRY_BYTES: Final = 200
_COPIES: Final = 3  # of the text: itself, as str, and decoded
_MAX_VALUES: Final = 2_000_000  # in JSON; its reader holds Python's lock
_NUMBER_BYTES: Final = 4  # of a number in an answer: `255,`
_MAX_ENTRIES: Final = 64  # of an object; of each wrong one, pydantic makes an error of a kilobyte

# With a bound, pydantic also refuses text with half a surrogate pair, which no answer can repeat.
_Text = Annotated[str, StringConstraints(max_length=65_536)]
Parameters = dict[_Text, bool | int | float | _Text]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputTensor(_Closed):
    """The photos of a request; without `data` they follow in binary."""

    name: Literal["image"]
    shape: list[int] = Field(min_length=1, max_length=4)
    datatype: Literal["BYTES", "UINT8"]
    parameters: Parameters = {}
    data: list[Any] | None = None


class RequestedOutput(_Closed):
    """An output that is wanted; `binary_data` says how."""

    name: Literal["relit"]
    parameters: dict[Literal["binary_data"], bool] = {}


class InferenceRequest(_Closed):
    """The JSON object of a request: one input, options as parameters.

    KServe's client repeats the name of the address as `model_name`.
    """

    id: _Text | None = None
    model_name: _Text | None = None
    parameters: Parameters = {}
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)
    outputs: list[RequestedOutput] = Field([], max_length=1)


class OutputTensor(BaseModel):
    """The relit photos of an answer; without `data` they follow in binary."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters = {}
    data: list[Any] | None = None


class InferenceAnswer(BaseModel):
    """The JSON object of an answer."""

    model_name: str
    id: str | None = None
    parameters: Parameters = {}
    outputs: list[OutputTensor]


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """A request that was read.

    Attributes:
        id: its identifier, which the answer repeats.
        model_name: the model that its JSON names; None if it names none.
        parameters: its parameters, less those of the protocol.
        shape: shape of the input.
        files: the photos as files; empty if they came as pixels.
        pixels: the photos as pixels, uint8 (n, h, w, 3); None if they came as files.
        wants_binary: whether the answer's tensor follows its JSON in binary.
    """

    id: str | None
    model_name: str | None
    parameters: Mapping[str, bool | int | float | str]
    shape: Sequence[int]
    files: Sequence[memoryview]
    pixels: NDArray[np.uint8] | None
    wants_binary: bool

    @property
    def num_photos(self) -> int:
        """The number of its photos."""
        return len(self.files) if self.pixels is None else len(self.pixels)


def reading_bytes(body: bytes, num_json_bytes: int) -> int:
    """Return a bound on the memory that `read_inference` takes beside the body.

    Raises:
        BodyTooLarge: the JSON has so many values that reading it would hold up other requests.
    """
    num_values = sum(body.count(mark, 0, num_json_bytes) for mark in (b",", b"[", b"{"))
    if num_values > _MAX_VALUES:
        raise BodyTooLarge(f"more than {_MAX_VALUES} values in JSON: send the tensor in binary")
    num_entries = body.count(b":", 0, num_json_bytes)
    return _COPIES * num_json_bytes + _VALUE_BYTES * num_values + _ENTRY_BYTES * num_entries


def json_length(header: str | None, num_body_bytes: int) -> int:
    """Return how many bytes of a body are JSON.

    Args:
        header: the value of `Inference-Header-Content-Length`, if there is one.
        num_body_bytes: the length of the body.

    Raises:
        InvalidTensor: the header is no length within the body.
    """
    if header is None:
        return num_body_bytes
    is_number = header.isascii() and header.isdecimal() and len(header) < 20
    if not is_number or int(header) > num_body_bytes:
        raise InvalidTensor(f"{HEADER_LENGTH} must be a length within the body")
    return int(header)


def read_inference(body: bytes, num_json_bytes: int, *, max_photos: int) -> Inference:
    """Read the body of a request.

    Args:
        body: JSON, and the bytes of the tensor behind it if there are any.
        num_json_bytes: the length of the JSON.
        max_photos: how many photos a request may have.

    Raises:
        BodyTooLarge: the answer would have too many values in JSON.
        InvalidTensor: it is malformed, has too many photos, or the data do not fit the shape.
        InvalidOption: a parameter of the tensor is unknown.
    """
    request, binary = _parse(body[:num_json_bytes]), memoryview(body)[num_json_bytes:]
    tensor = request.inputs[0]
    is_files = tensor.datatype == "BYTES"
    num_photos = math.prod(tensor.shape) if is_files else tensor.shape[0]
    if any(side < 1 for side in tensor.shape) or num_photos > max_photos:
        raise InvalidTensor(f"the shape {tensor.shape} has not one to {max_photos} photos")
    given = _binary_of(tensor, binary)
    parameters = dict(request.parameters)
    wants_binary = parameters.pop("binary_data_output", False)
    for output in request.outputs:
        wants_binary = output.parameters.get("binary_data", wants_binary)
    pixels = None if is_files else _pixels(tensor, given)
    if pixels is not None and pixels.size > _MAX_VALUES and not wants_binary:
        raise BodyTooLarge(f"more than {_MAX_VALUES} values in JSON: ask for `binary_data`")
    return Inference(
        id=request.id,
        model_name=request.model_name,
        parameters=parameters,
        shape=tensor.shape,
        files=_files(tensor, given) if is_files else (),
        pixels=pixels,
        wants_binary=bool(wants_binary),
    )


def write_files(files: Sequence[bytes], inference: Inference) -> tuple[OutputTensor, list[bytes]]:
    """Return an output of type BYTES, and the parts that follow the JSON."""
    tensor = OutputTensor(name=OUTPUT_NAME, shape=list(inference.shape), datatype="BYTES")
    if not inference.wants_binary:
        tensor.data = [base64.b64encode(file).decode() for file in files]
        tensor.parameters = {"content_type": "base64"}
        return tensor, []
    lengths = [len(file).to_bytes(LENGTH_BYTES, "little") for file in files]
    return _in_binary(tensor, [part for pair in zip(lengths, files, strict=True) for part in pair])


def write_pixels(
    pictures: Sequence[NDArray[np.uint8]], inference: Inference
) -> tuple[OutputTensor, list[bytes]]:
    """Return an output of type UINT8, (n, h, w, 3), and the parts that follow the JSON."""
    shape = [len(pictures), *pictures[0].shape]
    tensor = OutputTensor(name=OUTPUT_NAME, shape=shape, datatype="UINT8")
    if not inference.wants_binary:
        tensor.data = [code for picture in pictures for code in picture.tobytes()]
        return tensor, []
    return _in_binary(tensor, [picture.tobytes() for picture in pictures])


def writing_bytes(num_bytes: int, inference: Inference) -> int:
    """Return a bound on the memory of an answer with so many bytes of photos, as JSON."""
    if inference.wants_binary:
        return num_bytes
    return 2 * num_bytes if inference.files else (8 + 2 * _NUMBER_BYTES) * num_bytes


def write_answer(answer: InferenceAnswer, parts: Sequence[bytes]) -> tuple[bytes, dict[str, str]]:
    """Return the body of an answer, and its headers."""
    text = answer.model_dump_json(exclude_none=True).encode()
    if not parts:
        return text, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(text))}
    return b"".join([text, *parts]), headers


def _parse(text: bytes) -> InferenceRequest:
    try:
        return InferenceRequest.model_validate(json.loads(text, object_pairs_hook=_object))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidTensor(f"the request at {place or 'its root'}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidTensor(f"the request is no JSON: {error}") from None


def _object(entries: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(entries) > _MAX_ENTRIES:
        raise InvalidTensor(f"an object of the request has more than {_MAX_ENTRIES} entries")
    return dict(entries)


def _binary_of(tensor: InputTensor, binary: memoryview) -> memoryview | None:
    """Return the bytes of a tensor; None if its data are in the JSON."""
    parameters = dict(tensor.parameters)
    size = parameters.pop("binary_data_size", None)
    is_base64 = tensor.data is not None and parameters.get("content_type") == "base64"
    if is_base64:
        del parameters["content_type"]
    for name in parameters:
        raise InvalidOption(
            f"the input has an unknown parameter {name[:64]!r}",
            option=name[:64],
            allowed=("binary_data_size",),
        )
    if (size is None) == (tensor.data is None):
        raise InvalidTensor("the input needs either `data` or `binary_data_size`")
    if size is None:
        if binary:
            raise InvalidTensor("bytes follow the JSON, and no input claims them")
        return None
    if size != len(binary):
        raise InvalidTensor(f"the input claims {size} bytes; {len(binary)} follow the JSON")
    return binary


def _files(tensor: InputTensor, binary: memoryview | None) -> Sequence[memoryview]:
    num_files = math.prod(tensor.shape)
    elements = tensor.data or () if binary is None else elements_of(binary, num_files)
    if len(elements) != num_files:
        raise InvalidTensor(f"the shape {tensor.shape} does not fit {len(elements)} elements")
    return elements if binary is not None else list(map(from_base64, elements))


def _pixels(tensor: InputTensor, binary: memoryview | None) -> NDArray[np.uint8]:
    if len(tensor.shape) != 4 or tensor.shape[3] != 3:
        raise InvalidTensor(f"UINT8 needs the shape (n, h, w, 3), not {tensor.shape}")
    codes = codes_of(tensor.data) if binary is None else np.frombuffer(binary, np.uint8)
    if codes.size != math.prod(tensor.shape):
        raise InvalidTensor(f"the shape {tensor.shape} does not fit {codes.size} numbers")
    return codes.reshape(tensor.shape)


def _in_binary(tensor: OutputTensor, parts: list[bytes]) -> tuple[OutputTensor, list[bytes]]:
    tensor.parameters = {"binary_data_size": sum(map(len, parts))}
    return tensor, parts
