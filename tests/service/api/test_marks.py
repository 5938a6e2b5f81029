"""What a relit photo says about itself, over HTTP, as ExifTool reads it."""

from __future__ import annotations

import json
import zipfile
from importlib.metadata import version
from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image

from service.app import create_app
from service.imaging.formats import ANSWER_FORMATS
from service.settings import Settings
from tests import http_client as http
from tests.service import exiftool
from tests.service.calls import relight
from tests.service.pictures import png_chunk, saved
from tests.service.stand_ins import decoded, serving

MARK = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
SOURCE = "XMP-iptcExt:DigitalSourceType"
OLD = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg" '
    'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" '
    'xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" '
    f'e:DigitalSourceType="{OLD}"><xmpMM:History><rdf:Seq><rdf:li '
    'stEvt:action="created" stEvt:softwareAgent="Camera 1"/></rdf:Seq></xmpMM:History>'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
).encode()


@pytest.fixture(scope="module")
def captured(picture) -> bytes:
    """A photo with a position, from a camera that says so."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.IFD.GPSInfo] = {
        ExifTags.GPS.GPSLatitudeRef: "N",
        ExifTags.GPS.GPSLatitude: (52.0, 31.0, 12.0),
    }
    return saved(Image.fromarray(picture), "jpeg", exif=exif, xmp=PACKET, quality=95)


@exiftool.needs_exiftool
@pytest.mark.parametrize("metadata", ["keep", "strip"])
@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_every_format_is_marked_and_no_longer_a_capture(
    url, captured, format_name, metadata, tmp_path
):
    answer = relight(url, captured, format=format_name, metadata=metadata)
    found = exiftool.read(answer.content, tmp_path)
    assert found[SOURCE] == MARK
    assert answer.headers["x-digital-source-type"] == MARK
    assert b"digitalCapture" not in answer.content
    *earlier, event = found["XMP-xmpMM:History"]
    assert event == {
        "Action": "edited",
        "SoftwareAgent": f"Relight {version('relight')}, {answer.headers['x-model']}",
    }
    is_kept = metadata == "keep"
    assert earlier == ([{"Action": "created", "SoftwareAgent": "Camera 1"}] if is_kept else [])
    assert (found.get("XMP-dc:Format"), found.get("IFD0:Make")) == (
        ("image/jpeg", "Maker") if is_kept else (None, None)
    )
    assert any("GPS" in name for name in found) == is_kept


@exiftool.needs_exiftool
@pytest.mark.parametrize("metadata", ["keep", "strip"])
def test_a_photo_without_xmp_is_marked(url, png, metadata, tmp_path):
    found = exiftool.read(relight(url, png, metadata=metadata).content, tmp_path)
    assert found[SOURCE] == MARK
    assert {name for name in found if name.startswith("XMP-")} == {SOURCE, "XMP-xmpMM:History"}


@exiftool.needs_exiftool
@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_at_strength_0_a_photo_keeps_its_metadata(url, captured, format_name, tmp_path):
    answer = relight(url, captured, strength=0, format=format_name)
    found = exiftool.read(answer.content, tmp_path)
    assert found[SOURCE] == OLD
    assert len(found["XMP-xmpMM:History"]) == 1
    assert "x-digital-source-type" not in answer.headers
    if format_name in {"png", "tiff"}:
        assert np.array_equal(decoded(answer.content), decoded(captured))


@exiftool.needs_exiftool
def test_a_small_answer_is_marked(url, captured, tmp_path):
    answer = relight(url, captured, detail="model", strength=0.1)
    assert exiftool.read(answer.content, tmp_path)[SOURCE] == MARK


@exiftool.needs_exiftool
def test_an_operator_can_turn_the_mark_off(models_dir, captured, tmp_path):
    with serving(create_app(Settings(models_dir=models_dir, ops_port=0, mark=False))) as url:
        answer = relight(url, captured)
        found = exiftool.read(answer.content, tmp_path)
        assert "x-digital-source-type" not in answer.headers
        assert SOURCE not in found  # the old one is no longer true
        assert len(found["XMP-xmpMM:History"]) == 1
        assert http.get(f"{url}/models").json()["marks"]["digital_source_type"] is None


def test_the_setting_is_part_of_the_entity_tag(models_dir, url, captured):
    marked = relight(url, captured).headers["etag"]
    with serving(create_app(Settings(models_dir=models_dir, ops_port=0, mark=False))) as other:
        assert relight(other, captured).headers["etag"] != marked


def test_the_catalogue_names_the_mark(url):
    assert http.get(f"{url}/models").json()["marks"]["digital_source_type"] == MARK


def test_a_batch_names_the_mark_of_each_photo(url, captured):
    answer = http.post(f"{url}/relight/batch", files=[("image", ("a.jpg", captured))])
    manifest = json.loads(zipfile.ZipFile(BytesIO(answer.content)).read("manifest.json"))
    assert [image["digital_source_type"] for image in manifest["images"]] == [MARK]


def test_an_answer_says_that_a_manifest_was_dropped(url, png):
    end = png.rindex(b"IEND") - 4
    signed = png[:end] + png_chunk(b"caBX", b"a manifest store") + png[end:]
    answer = relight(url, signed)
    assert answer.headers["x-content-credentials"] == "dropped"
    assert b"caBX" not in answer.content
    assert relight(url, png).headers["x-content-credentials"] == "none"
