"""Marks a picture as relit in its XMP: IPTC's digital source type, and the history.

IPTC Photo Metadata Standard 2025.1, "Digital Source Type"; XMP specification, part 2, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from xml.dom.minidom import Attr, Document, Element, Node
from xml.sax.saxutils import quoteattr

from defusedxml.minidom import parseString

from service.imaging import xmp

# IPTC: "Augmentation, correction or enhancement using a Generative AI model, such as with
# inpainting or outpainting operations".
DIGITAL_SOURCE_TYPE: Final = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_MEDIA: Final = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT: Final = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_SOURCE_TYPES: Final = frozenset({"DigitalSourceType", "DigitalSourcefileType"})  # 2010, 2008
_EMPTY: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta><?xpacket end="w"?>'
).encode()


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit of a picture by a trained model.

    Attributes:
        software: what has made it: program, version, and model.
        is_marked: whether to say so; else the packet only stops saying what is no longer true.
    """

    software: str
    is_marked: bool = True


def after_edit(packet: bytes | None, edit: Edit) -> bytes | None:
    """Return the XMP packet of an edited picture.

    Its old digital source type is gone, wherever it stood. A packet that cannot be changed is
    replaced by a new one.

    Args:
        packet: the packet before the edit, as `xmp.still_true` returns it; None: no packet.
        edit: what happened.
    """
    if packet is not None:
        changed = xmp.rewritten(packet, lambda document: _change(document, edit))
        if changed is not None or not edit.is_marked:
            return changed
    return _new_packet(edit) if edit.is_marked else None


@lru_cache(maxsize=16)  # a service has few models; the DOM takes longer than a small photo's JPEG
def _new_packet(edit: Edit) -> bytes | None:
    return xmp.rewritten(_EMPTY, lambda document: _change(document, edit))


def _change(document: Document, edit: Edit) -> None:
    """Change what a document says of its picture's source.

    Raises:
        ValueError: it has no RDF.
    """
    xmp.remove(document, _is_source_type)
    if not edit.is_marked:
        return
    root = next((e for e in xmp.elements(document) if _is_of(e, _RDF, "RDF")), None)
    if root is None:
        raise ValueError("the packet has no RDF")
    event = (
        f'<rdf:li xmlns:rdf="{_RDF}" xmlns:stEvt="{_EVENT}" stEvt:action="edited" '
        f"stEvt:softwareAgent={quoteattr(edit.software)}/>"
    )
    history = _history(root)
    if history is not None:
        history.appendChild(_imported(document, event))
        event = ""
    else:
        xmp.remove(document, lambda node: _is_of(node, _MEDIA, "History"))
        event = f"<xmpMM:History><rdf:Seq>{event}</rdf:Seq></xmpMM:History>"
    root.appendChild(
        _imported(
            document,
            f'<rdf:Description xmlns:rdf="{_RDF}" xmlns:xmpMM="{_MEDIA}" '
            f'xmlns:Iptc4xmpExt="{_IPTC}" '
            f"rdf:about={quoteattr(_about(root))}>"
            f"<Iptc4xmpExt:DigitalSourceType>{DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>"
            f"{event}</rdf:Description>",
        )
    )


def _is_source_type(node: Element | Attr) -> bool:
    return node.namespaceURI == _IPTC and node.localName in _SOURCE_TYPES


def _history(root: Element) -> Element | None:
    """Return the list of the picture's own history; None where there is none, or it is broken."""
    for about in _children(root, _RDF, "Description"):
        for history in _children(about, _MEDIA, "History"):
            for events in _children(history, _RDF, "Seq"):
                return events
    return None


def _about(root: Element) -> str:
    """Return the name of the resource: all descriptions of a packet must have the same."""
    names = (d.getAttributeNS(_RDF, "about") for d in _children(root, _RDF, "Description"))
    return next((name for name in names if name), "")


def _children(parent: Node, namespace: str, name: str) -> list[Element]:
    return [
        child
        for child in parent.childNodes
        if isinstance(child, Element) and _is_of(child, namespace, name)
    ]


def _is_of(node: Element | Attr, namespace: str, name: str) -> bool:
    return (node.namespaceURI, node.localName) == (namespace, name)


def _imported(document: Document, text: str) -> Element:
    element = parseString(text).documentElement
    assert element is not None
    return document.importNode(element, True)
