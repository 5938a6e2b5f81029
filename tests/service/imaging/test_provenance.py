"""How XMP says that a picture was edited."""

from __future__ import annotations

import struct
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.imaging import containers, decode, encode
from service.imaging.provenance import DIGITAL_SOURCE_TYPE, Edit, after_edit
from service.imaging.xmp import still_true
from tests.service.pictures import LIMITS, corners, png_chunk, saved

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
SOURCE = f"{{{IPTC}}}DigitalSourceType"
AGENT = "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}softwareAgent"
EDIT = Edit("Relight 1 & more, <drn>")


def packet(inside: str, attributes: str = "", about: str = "") -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<q:RDF xmlns:q="{RDF}"><q:Description q:about="{about}" xmlns:i="{IPTC}" '
        f'xmlns:m="http://ns.adobe.com/xap/1.0/mm/" {attributes}>{inside}</q:Description></q:RDF>'
        '</x:xmpmeta>  \n<?xpacket end="w"?>'
    ).encode()


BEFORE = {
    "none": None,
    "empty": packet(""),
    "attribute": packet("", 'i:DigitalSourceType="digitalCapture"'),
    "element": packet("<i:DigitalSourceType>digitalCapture</i:DigitalSourceType>"),
    "resource": packet('<i:DigitalSourceType q:resource="digitalCapture"/>'),
    "of 2008": packet("<i:DigitalSourcefileType>digitalCapture</i:DigitalSourcefileType>"),
    "twice": packet("<i:DigitalSourceType>digitalCapture</i:DigitalSourceType>" * 2),
    "of a part": packet(
        "<m:Pantry><q:Bag><q:li><q:Description><i:DigitalSourceType>digitalCapture"
        "</i:DigitalSourceType></q:Description></q:li></q:Bag></m:Pantry>"
    ),
    "no rdf": b"<a>digitalCapture</a>",
    "no xml": b"digitalCapture",
    "a bomb": b'<!DOCTYPE a [<!ENTITY b "digitalCapture">]><a>&b;</a>',
    "too deep": b"<a>" * 9_000 + b"digitalCapture" + b"</a>" * 9_000,
    "too many": packet("<m:a/>" * 60_000 + "digitalCapture"),
    "broken history": packet("<m:History>digitalCapture</m:History>"),
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_there_is_one_source_type_afterwards_and_one_event(before):
    after = after_edit(before, EDIT)
    assert after is not None
    assert b"digitalCapture" not in after
    tree = ElementTree.fromstring(after)
    assert [element.text for element in tree.iter(SOURCE)] == [DIGITAL_SOURCE_TYPE]
    (event,) = (
        tree.iter(f"{{{RDF}}}li")
        if b"Pantry" not in after
        else [e for e in tree.iter(f"{{{RDF}}}li") if e.get(AGENT)]
    )
    assert event.get(AGENT) == EDIT.software


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_without_a_mark_an_old_claim_is_gone_and_none_added(before):
    after = after_edit(before, Edit("Relight", is_marked=False))
    assert after is None or b"SourceType" not in after
    assert after is None or EDIT.software.encode() not in after


def test_the_description_is_of_the_same_resource():
    tree = ElementTree.fromstring(after_edit(packet("", about="uuid:1"), EDIT))
    abouts = {element.get(f"{{{RDF}}}about") for element in tree.iter(f"{{{RDF}}}Description")}
    assert abouts == {"uuid:1"}


def test_each_edit_adds_an_event():
    twice = after_edit(after_edit(packet(""), Edit("first")), Edit("second"))
    events = ElementTree.fromstring(twice).iter(f"{{{RDF}}}li")
    assert [event.get(AGENT) for event in events] == ["first", "second"]
    assert twice.count(b"DigitalSourceType>") == 2  # one element


@given(st.binary(max_size=200) | st.text(max_size=200).map(packet))
def test_the_mark_is_there_in_every_packet(before):
    tree = ElementTree.fromstring(after_edit(still_true(before), EDIT))
    assert [element.text for element in tree.iter(SOURCE)] == [DIGITAL_SOURCE_TYPE]


def test_a_packet_too_long_for_a_jpeg_leaves_its_place_to_the_mark():
    long = packet(f"<m:Note>{'x' * 70_000}</m:Note>")
    photo = decode(saved(corners(), "webp", xmp=long), LIMITS)
    answer = decode(encode(photo, "jpeg", keep_metadata=True, edit=EDIT), LIMITS)
    assert DIGITAL_SOURCE_TYPE.encode() in answer.xmp
    assert b"xxx" not in answer.xmp
    assert encode(photo, "jpeg", keep_metadata=True).find(b"<x:xmpmeta") == -1


@pytest.mark.parametrize("as_attribute", [True, False])
def test_a_manifest_elsewhere_is_no_longer_named(as_attribute):
    at = "https://example.com/manifest.c2pa"
    terms = 'xmlns:t="http://purl.org/dc/terms/"'
    before = (
        packet("", f'{terms} t:provenance="{at}"')
        if as_attribute
        else packet(f"<t:provenance {terms}>{at}</t:provenance>")
    )
    after = still_true(before)
    assert after is not None
    assert b"example.com" not in after


def _jumbf() -> bytes:
    box = struct.pack(">I4sI4s", 40, b"jumb", 32, b"jumd")
    return box + b"c2pa" + bytes.fromhex("00110010800000aa00389b71") + b"\3c2pa\0"


def with_manifest(format_name: str) -> bytes:
    data = saved(corners(), format_name)
    if format_name == "jpeg":
        body = b"JP" + struct.pack(">HI", 1, 1) + _jumbf()
        return data[:2] + b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body + data[2:]
    if format_name == "png":
        return data[:-12] + png_chunk(b"caBX", _jumbf()) + data[-12:]
    if format_name == "webp":
        chunk = _jumbf() + bytes(len(_jumbf()) % 2)
        data += struct.pack("<4sI", b"C2PA", len(_jumbf())) + chunk
        return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    if format_name == "tiff":
        return saved(corners(), "tiff", tiffinfo={52545: _jumbf()})
    body = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + _jumbf()
    return data + struct.pack(">I4s", len(body) + 8, b"uuid") + body


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff", "avif"])
def test_a_manifest_is_found_in_every_format_and_not_where_there_is_none(format_name):
    assert containers.has_manifest(with_manifest(format_name), format_name)
    photo = decode(with_manifest(format_name), LIMITS)
    assert photo.has_manifest
    answer = encode(photo, format_name, keep_metadata=True, edit=EDIT)
    assert not decode(answer, LIMITS).has_manifest
    assert not containers.has_manifest(saved(corners(), format_name), format_name)
