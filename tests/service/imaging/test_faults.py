"""Whatever a decoder raises on a stranger's bytes is the picture's fault; our mistakes are not."""

from __future__ import annotations

import struct
import zlib

import pytest
from PIL import Image, ImageFile

from relight.errors import ImageCorrupt, ImageError
from service.imaging import decode, reading
from tests.service.pictures import LIMITS, corners, noise, png_chunk, saved


def palette_png(*chunks: bytes) -> bytes:
    header = struct.pack(">2I5B", 64, 64, 8, 3, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress((b"\0" + bytes(64)) * 64))
    start = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
    return start + b"".join(chunks) + pixels + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("chunks", [(), (png_chunk(b"tRNS", b"\0" * 3),)])
def test_a_palette_picture_without_palette_is_corrupt(chunks):
    with pytest.raises(ImageCorrupt, match="png data are broken"):
        decode(palette_png(*chunks), LIMITS)


@pytest.mark.parametrize("error", [AssertionError, AttributeError, NotImplementedError, Exception])
@pytest.mark.parametrize("step", ["load", "getexif", "draft"])
def test_any_exception_of_a_decoder_is_a_fault_of_the_picture(monkeypatch, error, step):
    def broken(*_: object) -> None:
        raise error("the decoder gave up")

    owner = Image.Image if step == "getexif" else ImageFile.ImageFile
    monkeypatch.setattr(owner, step, broken)
    try:
        decode(saved(Image.fromarray(noise()), "png"), LIMITS, enough_px=8)
    except ImageError as caught:
        assert isinstance(caught, ImageCorrupt)


def test_a_mistake_of_the_service_is_not_blamed_on_the_picture(monkeypatch):
    code = compile(
        "def load(source, enough_px):\n    return no_such_name", reading.__file__, "exec"
    )
    namespace: dict[str, object] = {}
    exec(code, namespace)
    monkeypatch.setattr(reading, "_pixels", namespace["load"])
    with pytest.raises(NameError):
        decode(saved(corners(), "png"), LIMITS)
