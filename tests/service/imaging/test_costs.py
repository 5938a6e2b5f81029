"""The operator's table of the largest pictures follows from what decoders and encoders take."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.imaging import decode
from service.imaging.costs import reading_cost, writing_bytes
from tests.service.imaging.test_containers import heic, png, tiff_16
from tests.service.pictures import LIMITS, noise, png_chunk, saved

WORKING_BYTES = 800_000_000  # two fifths of 2 GB
NUM_PIXELS = 64 * 64
COLUMNS = ("jpeg", "progressive", "png", "png 16", "webp", "avif", "heif", "tiff", "tiff 16")


def files() -> dict[str, bytes]:
    picture = Image.fromarray(noise(64, 64))
    found = {name: saved(picture, name) for name in ("jpeg", "png", "webp", "avif", "tiff")}
    rows = b"".join(b"\0" + bytes(64 * 6) for _ in range(64))
    return found | {
        "progressive": saved(picture, "jpeg", progressive=True),
        "png 16": png(png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b"")),
        "heif": heic(picture),
        "tiff 16": tiff_16(),
    }


def table(first_word: str) -> list[str]:
    lines = Path("docs/operations.md").read_text().splitlines()
    (row,) = (line for line in lines if line.startswith(f"| {first_word} | "))
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


@pytest.mark.parametrize(("name", "documented"), [*zip(COLUMNS, table("reading"), strict=True)])
def test_the_documented_largest_file_is_the_largest_that_is_read(name, documented):
    cost = reading_cost(files()[name], LIMITS)
    assert int(documented) == WORKING_BYTES * NUM_PIXELS // cost.peak_bytes // 10**6
    assert np.prod(decode(files()[name], LIMITS).pixels.shape[:2]) == NUM_PIXELS


@pytest.mark.parametrize(("name", "documented"), [*zip(COLUMNS, table("writing"), strict=True)])
def test_the_documented_largest_answer_is_the_largest_that_is_written(name, documented):
    if name == "heif":
        assert documented == "-"
        return
    photo = decode(files()["tiff 16" if name.endswith("16") else "jpeg"], LIMITS)
    answer = name.split()[0] if name != "progressive" else "jpeg"
    num_bytes = writing_bytes(photo, answer, progressive=name == "progressive")
    assert int(documented) == WORKING_BYTES * NUM_PIXELS // num_bytes // 10**6
