"""Damaged input of every kind is refused with an error of ours, in bounded time and memory.

    FUZZ_CASES=100000 python -m pytest tests/service/fuzz

2,000 cases where nothing is asked for. A case that fails is shrunk by hypothesis and printed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from starlette.requests import Request

from relight.errors import ImageError, InvalidOption, ModelRefused, RelightError
from service.api.upload import read_photos, read_upload
from service.contract.metadata import ModelContract
from service.imaging import ImageLimits, decode, encode, reading_cost
from service.imaging.formats import ANSWER_FORMATS
from service.relighting.options import RelightOptions
from tests.service.imaging.test_containers import SOUND
from tests.service.malformed import corpus
from tests.service.peak import peak_growth
from tests.service.pictures import corners, saved
from tests.service.stand_ins import contract

NUM_CASES = int(os.environ.get("FUZZ_CASES", "2000"))
LIMITS = ImageLimits(max_pixels=1_000_000, max_side_px=16_384, min_side_px=4)
MAX_GROWTH_BYTES = 60_000_000  # of one case, whose picture has a megapixel at most
FILES = SOUND | {name: data for name, data in corpus().items() if len(data) < 20_000}
NUMBERS = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(max(300, NUM_CASES)),
]


def with_exif(format_name: str) -> bytes:
    """Write a picture with metadata in all three directories."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation] = "Cam", 6
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.ExposureTime: 0.01,
        ExifTags.Base.MakerNote: b"note" * 9,
    }
    exif[ExifTags.IFD.GPSInfo] = {0: b"\2\3\0\0", 1: "N", 2: (1.0, 2.0, 3.0), 5: b"\0"}
    return saved(corners(), format_name, exif=exif)


FILES |= {f"exif.{name}": with_exif(name) for name in ("jpeg", "png", "webp", "tiff")}


def run_cases(share: float, check: Callable[..., None], *strategies: Any) -> None:
    """Run a target's share of all cases, and see that they were run."""
    num_wanted, num_run = max(1, int(NUM_CASES * share)), 0

    @settings(
        max_examples=num_wanted,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*strategies))
    def run(case: tuple[Any, ...]) -> None:
        nonlocal num_run
        num_run += 1
        check(*case)

    run()
    assert num_run >= num_wanted


@st.composite
def damaged(draw: Any, files: dict[str, bytes]) -> bytes:
    """Draw a file, and cut, overwrite, repeat or splice parts of it."""
    data = bytearray(files[draw(st.sampled_from(sorted(files)))])
    for _ in range(draw(st.integers(1, 6))):
        near = draw(st.booleans())  # half of the damage goes to the headers
        position = draw(st.integers(0, max(0, min(len(data), 400 if near else len(data)) - 1)))
        kind = draw(st.sampled_from(["byte", "number", "cut", "drop", "repeat", "splice"]))
        if kind == "byte":
            data[position : position + 1] = draw(st.binary(min_size=1, max_size=1))
        elif kind == "number":
            number, size = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from([2, 4]))
            order = draw(st.sampled_from(["big", "little"]))
            written = (number & (1 << 8 * size) - 1).to_bytes(size, order)
            data[position : position + size] = written
        elif kind == "cut":
            del data[position:]
        elif kind == "drop":
            del data[position : position + draw(st.integers(1, 64))]
        else:
            source = data if kind == "repeat" else files[draw(st.sampled_from(sorted(files)))]
            start = draw(st.integers(0, max(0, len(source) - 1)))
            data[position:position] = source[start : start + draw(st.integers(1, 200))]
    return bytes(data)


def test_a_damaged_picture_is_a_photo_or_an_error_of_the_picture():
    def read_and_write(data: bytes, answer: str, enough_px: int | None) -> None:
        try:
            cost = reading_cost(data, LIMITS)
            photo = decode(data, LIMITS, enough_px=enough_px)
        except ImageError:
            return
        assert photo.pixels.nbytes <= cost.held_bytes
        try:
            assert encode(photo, "png" if answer == "avif" else answer, keep_metadata=True)
        except InvalidOption:
            return

    def check(data: bytes, answer: str, enough_px: int | None) -> None:
        with peak_growth() as peak:  # of this case: hypothesis keeps some memory for each
            read_and_write(data, answer, enough_px)
        assert peak.num_bytes < MAX_GROWTH_BYTES

    run_cases(
        0.5, check, damaged(FILES), st.sampled_from(ANSWER_FORMATS), st.sampled_from([None, 32])
    )


TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "E",
            "E-4500",
            "nan",
            "inf",
            "1e309",
            "-0",
            "\uff11\uff12",
            "1_0",
            "keep",
            "\U0001d7d3",
            "",
        ]
    ),
    st.integers().map(str),
    st.floats().map(str),
)


def test_options_are_read_or_refused():
    names = st.one_of(st.sampled_from(sorted(RelightOptions.model_fields)), st.text(max_size=8))

    def check(pairs: list[tuple[str, str]]) -> None:
        try:
            RelightOptions.parse(pairs)
        except InvalidOption as error:
            assert error.option is not None

    run_cases(0.2, check, st.lists(st.tuples(names, TEXT), max_size=6))


FORMS = {
    "one": b'--X\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    b"picture\r\n--X--\r\n",
    "options": b'--X\r\nContent-Disposition: form-data; name="direction"\r\n\r\nE\r\n'
    b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''%e2%82%ac\r\n"
    b"Content-Type: image/png\r\n\r\npicture\r\n--X--\r\n",
}


def test_a_form_is_read_or_refused():
    async def read(body: bytes, content_type: str, is_batch: bool) -> None:
        parts = [body[start : start + 16] for start in range(0, len(body), 16)] or [b""]

        async def receive() -> dict[str, object]:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        headers = [(b"content-type", content_type.encode("latin1", "replace"))]
        request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
        try:
            if is_batch:
                await read_photos(request, 10_000, max_photos=4)
            else:
                await read_upload(request, 10_000)
        except RelightError:
            return

    types = st.sampled_from(
        ["multipart/form-data; boundary=X", "multipart/form-data", "multipart/form-data; boundary="]
    )

    def check(body: bytes, content_type: str, is_batch: bool) -> None:
        asyncio.run(read(body, content_type, is_batch))

    run_cases(0.2, check, damaged(FORMS), st.one_of(types, TEXT), st.booleans())


def test_a_contract_is_kept_or_refused():
    sound = contract().to_metadata()
    values = st.one_of(TEXT, st.sampled_from(["[" * 5000, "{}", "a\nb", "9" * 5000, "E," * 500]))

    def check(changes: dict[str, str | None]) -> None:
        changed = {k: v for k, v in (sound | changes).items() if v is not None}
        try:
            promise = ModelContract.from_metadata(changed)
        except ModelRefused:
            return
        assert promise.name.isprintable()
        assert 0 < promise.size_px <= 4096

    changes = st.dictionaries(st.sampled_from(sorted(sound)), st.none() | values, min_size=1)
    run_cases(0.1, check, changes)
