"""Filters XMP packets (ISO 16684-1): only what stays true of a relit photo is kept.

The picture is upright in its own file: a packet must not turn it again, nor speak of videos,
depth maps, gain maps and further packets that stood beside it, nor show the old light. The file has
new bytes: a C2PA manifest that the packet points to does not fit them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final
from xml.dom.minidom import Attr, Document, Element, Node
from xml.parsers.expat import ExpatError

from defusedxml.minidom import parseString

_MAX_BYTES: Final = 1_000_000
_MAX_NODES: Final = 50_000  # elements and attributes; each takes a kilobyte as an object
_MAX_DEPTH: Final = 100  # of elements; many steps take time with it

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
        ("http://purl.org/dc/terms/", "provenance"),  # C2PA 2.2, section 11.4
    }
)
_SIGNS: Final = (*_GONE_NAMESPACES, *(name for _, name in _GONE_PROPERTIES))


def still_true(packet: bytes | None) -> bytes | None:
    """Return what of a packet to keep, upright; None if nothing, or if it cannot be parsed.

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
        packet = rewritten(packet, _remove_the_gone)
    return packet and _ORIENTATION.sub(rb"\g<1>1", packet)


def rewritten(packet: bytes, change: Callable[[Document], None]) -> bytes | None:
    """Return a packet after a change of its document; None if it is no sound XML, or too large.

    Args:
        packet: UTF-8.
        change: changes the document in place; may raise ValueError for one that is no XMP.
    """
    if len(packet) > _MAX_BYTES or packet.count(b"<") + packet.count(b"=") > _MAX_NODES:
        return None
    try:
        document = parseString(packet.decode().rstrip("\0\n "), forbid_dtd=True)  # XMP has none
        change(document)
        if document.documentElement is None:
            return None
        return b"".join(child.toxml("utf-8") for child in document.childNodes)
    except (ExpatError, RecursionError, ValueError):
        return None


def remove(document: Document, is_gone: Callable[[Element | Attr], bool]) -> None:
    """Remove the elements and attributes for which `is_gone` is true, at any depth.

    Raises:
        ValueError: as `elements` does.
    """
    root = document.documentElement
    if root is not None and is_gone(root):
        document.removeChild(root)
    for element in list(elements(document)):
        # All at once: `removeChild` searches the siblings of each.
        element.childNodes[:] = [
            child
            for child in element.childNodes
            if not (isinstance(child, Element) and is_gone(child))
        ]
        for attribute in list(element.attributes.values()):
            if is_gone(attribute):
                element.removeAttributeNode(attribute)


def elements(node: Node) -> Iterator[Element]:
    """Yield all elements below a node, parents first.

    Raises:
        ValueError: they are nested too deeply.
    """
    ahead: list[tuple[Element, int]] = [(child, 1) for child in _inside(node)]
    while ahead:
        element, depth = ahead.pop()
        if depth > _MAX_DEPTH:
            raise ValueError(f"elements are nested more than {_MAX_DEPTH} deep")
        yield element
        ahead += [(child, depth + 1) for child in _inside(element)]


def _inside(node: Node) -> list[Element]:
    """Return the elements right below a node, the last one first."""
    return [child for child in reversed(node.childNodes) if isinstance(child, Element)]


def _remove_the_gone(document: Document) -> None:
    remove(document, _is_gone)


def _is_gone(node: Element | Attr) -> bool:
    namespace = node.namespaceURI or ""
    is_declaration = isinstance(node, Attr) and node.value.startswith(_GONE_NAMESPACES)
    is_property = (namespace, node.localName) in _GONE_PROPERTIES
    return is_declaration or is_property or namespace.startswith(_GONE_NAMESPACES)
