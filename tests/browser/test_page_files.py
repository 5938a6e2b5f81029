"""What leaves the page: the file, and the code that makes it elsewhere."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.service.stand_ins import decoded


@pytest.mark.parametrize(
    ("choice", "label", "extension", "kind"),
    [
        ("As the photo", "Download JPEG", "jpg", "JPEG"),
        ("PNG", "Download PNG", "png", "PNG"),
        ("WebP", "Download WebP", "webp", "WEBP"),
        ("AVIF", "Download AVIF", "avif", "AVIF"),
        ("TIFF", "Download TIFF", "tiff", "TIFF"),
    ],
)
def test_the_download_is_the_format_that_was_chosen(
    visit, url, jpeg, choice, label, extension, kind
):
    tab = visit(url)
    tab.choose("my garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    tab.page.get_by_role("slider", name="Temperature").press("Home")
    tab.page.get_by_role("combobox", name="Format").select_option(choice)
    name, data = tab.download(label)
    assert name == f"my garden-E-2000K.{extension}"
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == (kind, (360, 240))


def test_quality_and_metadata_are_asked_for_when_they_are_chosen(visit, url, picture):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0110] = "Camera of the test"
    Image.fromarray(picture).save(file, "jpeg", exif=exif, quality=95)
    tab = visit(url)
    tab.choose("garden.jpg", file.getvalue())
    tab.wait_for("lit from the right")
    _, whole = tab.download("Download JPEG")
    assert Image.open(io.BytesIO(whole)).getexif()[0x0110] == "Camera of the test"
    tab.page.get_by_role("slider", name="Quality").press("Home")
    tab.page.get_by_role("checkbox", name="Keep camera data").uncheck()
    _, small = tab.download("Download JPEG")
    assert len(small) < len(whole) / 3
    assert 0x0110 not in Image.open(io.BytesIO(small)).getexif()


@pytest.mark.parametrize("language", ["curl", "Python"])
@pytest.mark.parametrize("source", ["file", "sample"])
def test_the_copied_code_gives_the_answer_of_the_page(visit, url, jpeg, tmp_path, language, source):
    tab = visit(url, permissions=["clipboard-read", "clipboard-write"])
    if source == "file":
        photo = tmp_path / "Mary's $HOME.jpg"
        photo.write_bytes(jpeg)
        tab.choose(photo.name, jpeg)
        expected = tmp_path / "Mary's $HOME-W.png"
    else:
        tab.page.get_by_role("button", name="Portrait").click()
        expected = tmp_path / "astronaut-W.png"
    tab.wait_for("lit from the right")
    tab.page.get_by_role("radio", name="W, from the left").check(force=True)
    tab.page.get_by_role("combobox", name="Format").select_option("PNG")
    tab.page.get_by_role("button", name=f"Copy as {language}").click()
    tab.page.get_by_role("button", name="Copied").wait_for()
    code = tab.page.evaluate("navigator.clipboard.readText()")
    _, data = tab.download("Download PNG")

    runner = ["bash", "-euo", "pipefail"] if language == "curl" else [sys.executable]
    subprocess.run([*runner, "-c", code], cwd=tmp_path, check=True, timeout=30)
    np.testing.assert_allclose(
        decoded(expected.read_bytes()).astype(int), decoded(data).astype(int), atol=1
    )


def test_the_code_is_selected_when_the_clipboard_is_blocked(visit, url, jpeg):
    tab = visit(url.replace("127.0.0.1", "relight.test"))
    tab.choose("garden.jpg", jpeg)
    tab.wait_for("lit from the right")
    assert not tab.page.evaluate("isSecureContext")
    tab.page.get_by_role("button", name="Copy as curl").click()
    tab.wait_for("The browser blocks the clipboard")
    marked = tab.page.evaluate("getSelection().toString()")
    assert marked == tab.page.locator("#curl").inner_text()
