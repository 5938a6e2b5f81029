"""What of an XMP packet outlives the relighting."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.imaging import decode
from service.imaging.xmp import still_true
from tests.service.pictures import LIMITS, corners, saved

GONE = {
    "micro video": ("http://ns.google.com/photos/1.0/camera/", "MicroVideoOffset"),
    "motion photo": ("http://ns.google.com/photos/1.0/camera/", "MotionPhoto"),
    "container": ("http://ns.google.com/photos/1.0/container/", "Directory"),
    "depth map": ("http://ns.google.com/photos/1.0/depthmap/", "Data"),
    "original image": ("http://ns.google.com/photos/1.0/image/", "Data"),
    "sound": ("http://ns.google.com/photos/1.0/audio/", "Mime"),
    "device container": ("http://ns.google.com/photos/dd/1.0/device/", "Container"),
    "gain map": ("http://ns.adobe.com/hdr-gain-map/1.0/", "Version"),
    "apple's gain map": ("http://ns.apple.com/HDRGainMap/1.0/", "HDRGainMapVersion"),
    "extended packet": ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP"),
    "thumbnails": ("http://ns.adobe.com/xap/1.0/", "Thumbnails"),
}


def packet(namespace: str, name: str, *, as_attribute: bool, prefix: str = "q") -> bytes:
    attribute = f'{prefix}:{name}="SECRET"' if as_attribute else ""
    inside = "<rdf:Alt><rdf:li>SECRET</rdf:li></rdf:Alt>"
    element = "" if as_attribute else f"<{prefix}:{name}>{inside}</{prefix}:{name}>"
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:{prefix}="{namespace}" {attribute} '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmp:CreatorTool="Camera &amp; Co">'
        f"{element}<dc:rights>Somebody</dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>"
        '\n   \n<?xpacket end="w"?>'
    ).encode()


@pytest.mark.parametrize("as_attribute", [True, False])
@pytest.mark.parametrize(("namespace", "name"), GONE.values(), ids=GONE)
def test_statements_that_no_longer_hold_are_left_out_and_the_rest_kept(
    namespace, name, as_attribute
):
    kept = still_true(packet(namespace, name, as_attribute=as_attribute))
    assert kept is not None
    assert b"SECRET" not in kept
    assert name.encode() not in kept
    tree = ElementTree.fromstring(kept)
    assert tree.find(".//{http://purl.org/dc/elements/1.1/}rights").text == "Somebody"
    (description,) = tree.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    assert description.get("{http://ns.adobe.com/xap/1.0/}CreatorTool") == "Camera & Co"


def test_a_packet_about_the_picture_alone_is_not_touched():
    untouched = packet("http://ns.google.com/photos/1.0/panorama/", "Pose", as_attribute=True)
    assert still_true(untouched) == untouched


@pytest.mark.parametrize(
    "broken",
    [
        b"<a xmlns:n='http://ns.adobe.com/xmp/note/' n:HasExtendedXMP='1'>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a HasExtendedXMP='1'>&b;</a>",
        b"<a>" * 20_000 + b"HasExtendedXMP" + b"</a>" * 20_000,
        b"<x xmlns='http://ns.google.com/photos/1.0/camera/'/>",
        b"<x>" + b"<a/>" * 60_000 + b"<HasExtendedXMP/></x>",
    ],
)
def test_a_packet_that_cannot_be_parsed_is_dropped(broken):
    assert still_true(broken) is None


def test_elements_that_are_gone_are_found_among_any_number_of_others():
    pairs = "".join(f"<n{n}/><g:gone/>" for n in range(1000))
    space = "http://ns.google.com/photos/1.0/depthmap/"
    kept = still_true(f'<a><b xmlns:g="{space}">{pairs}<c><g:gone/></c></b></a>'.encode())
    assert kept is not None
    (b,) = ElementTree.fromstring(kept)
    assert [element.tag for element in b] == [*(f"n{n}" for n in range(1000)), "c"]
    assert len(b[-1]) == 0


@pytest.mark.parametrize(("depth", "is_kept"), [(90, True), (110, False)])
def test_a_packet_that_is_nested_deeper_than_any_sound_one_is_dropped(depth, is_kept):
    inside = "<b/>" * 100 + "<c xmlns:n='http://ns.adobe.com/xmp/note/' n:HasExtendedXMP='1'/>"
    kept = still_true(("<a>" * depth + inside + "</a>" * depth).encode())
    assert (kept is not None) is is_kept


@given(st.binary(max_size=200))
def test_any_bytes_are_handled(data):
    still_true(data + b"HasExtendedXMP")


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "avif", "tiff"])
@pytest.mark.parametrize("form", ['tiff:Orientation="6"', "<tiff:Orientation>6</tiff:Orientation>"])
def test_xmp_turns_no_picture(format_name, form):
    xmp = f'<rdf:RDF xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {form}/>'.encode()
    options = {"tiffinfo": {700: xmp}} if format_name == "tiff" else {"xmp": xmp}
    if format_name == "png":
        from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options = {"pnginfo": info}
    photo = decode(saved(corners(), format_name, **options), LIMITS)
    assert photo.pixels.shape == (32, 48, 3)
