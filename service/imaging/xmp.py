"""XMP packets (ISO 16684-1): what of them stays true when a photo is relit.

The picture is upright in its own file: a packet must not turn it again, nor speak of videos,
depth maps, gain maps and further packets that stood beside it, nor show the old light.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.dom.minidom import Attr, Element, Node
from xml.parsers.expat import ExpatError

from defusedxml.minidom import parseString

_MAX_BYTES: Final = 1_000_000
_MAX_NODES: Final = 50_000  # elements and attributes; each takes a kilobyte as an object

_ORIENTATION: Final = re.compile(
    rb"(tiff:Orientation\s*=\s*[\"']|<tiff:Orientation>\s*)[2-8](?=\s*[\"'<])"
)

# What these namespaces begin with is about what stood beside the picture.
_GONE_NAMESPACES: Final = (
    "http://ns.google.com/photos/1.0/audio",
    "http://ns.google.com/photos/1.0/camera",
    "http://ns.google.com/photos/1.0/container",
    "http://ns.google.com/photos/1.0/depthmap",
    "http://ns.google.com/photos/1.0/image",
    "http://ns.google.com/photos/dd/1.0",
    "http://ns.google.com/videos/1.0",
    "http://ns.adobe.com/hdr-gain-map/1.0",
    "http://ns.apple.com/HDRGainMap/1.0",
    "http://ns.apple.com/pixeldatainfo/1.0",
)
_GONE_PROPERTIES: Final = frozenset(
    {
        ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP"),
        ("http://ns.adobe.com/xap/1.0/", "Thumbnails"),
    }
)
_SIGNS: Final = (*_GONE_NAMESPACES, *(name for _, name in _GONE_PROPERTIES))


def still_true(packet: bytes | None) -> bytes | None:
    """Return what of a packet to keep, upright; None if nothing, or if it cannot be told.

    Args:
        packet: as the file has it.
    """
    if not packet or len(packet) > _MAX_BYTES:
        return None
    try:
        text = packet.decode()
    except UnicodeDecodeError:
        return None
    if any(sign in text for sign in _SIGNS):
        if text.count("<") + text.count("=") > _MAX_NODES:
            return None
        packet = _without_the_gone(text)
    return packet and _ORIENTATION.sub(rb"\g<1>1", packet)


def _without_the_gone(packet: str) -> bytes | None:
    """Return a packet without the properties of what is gone; None if it is no sound XML."""
    try:
        document = parseString(packet.rstrip("\0\n "), forbid_dtd=True)  # XMP has none
        for element in list(_elements(document)):
            if _is_gone(element):
                assert element.parentNode is not None
                element.parentNode.removeChild(element)
                continue
            for attribute in list(element.attributes.values()):
                if _is_gone(attribute) or attribute.value.startswith(_GONE_NAMESPACES):
                    element.removeAttributeNode(attribute)
        if document.documentElement is None:
            return None
        return b"".join(child.toxml("utf-8") for child in document.childNodes)
    except (ExpatError, RecursionError, ValueError):
        return None


def _elements(node: Node) -> Iterator[Element]:
    for child in node.childNodes:
        if child.nodeType == child.ELEMENT_NODE:
            yield child
            yield from _elements(child)


def _is_gone(node: Element | Attr) -> bool:
    namespace = node.namespaceURI or ""
    return namespace.startswith(_GONE_NAMESPACES) or (namespace, node.localName) in _GONE_PROPERTIES
