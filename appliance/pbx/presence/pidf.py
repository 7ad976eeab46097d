# SPDX-License-Identifier: Apache-2.0
"""Presence documents (RFC 3863, data model of RFC 4479): read with hard limits.

What a phone publishes is passed on, also what we do not know; a document type declaration never is (RFC 3470 4.10: no
entity is ever expanded here).
"""

from typing import Final, NamedTuple
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from appliance.errors import PeerError

PIDF: Final = "urn:ietf:params:xml:ns:pidf"
DATA_MODEL: Final = "urn:ietf:params:xml:ns:pidf:data-model"
RPID: Final = "urn:ietf:params:xml:ns:pidf:rpid"
XML: Final = "http://www.w3.org/XML/1998/namespace"
SIZE_LIMIT_OCTETS: Final = 16 * 1024
ELEMENTS_MAX: Final = 400
ATTRIBUTES_MAX: Final = 32
DEPTH_MAX: Final = 16
PRESENCE, TUPLE, STATUS, NOTE = (f"{{{PIDF}}}{name}" for name in ("presence", "tuple", "status", "note"))
BASIC: Final = f"{{{PIDF}}}basic"
PERSON: Final = f"{{{DATA_MODEL}}}person"
PERSON_NOTE: Final = f"{{{DATA_MODEL}}}note"
ACTIVITIES: Final = f"{{{RPID}}}activities"


class _BoundedBuilder(TreeBuilder):
    """Gives up at once where a document is deeper or has more elements than presence ever needs."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._count = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > DEPTH_MAX or self._count > ELEMENTS_MAX or len(attrs) > ATTRIBUTES_MAX:
            raise PeerError("presence document too large", 400, tag.encode("utf-8", "replace"), "RFC 3863 4")
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag)

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """expat's own word for it: refused, however it was spelt."""
        raise PeerError("document type declaration", 400, name.encode("utf-8", "replace"), "RFC 3863 4.1")


def parse_pidf(body: bytes) -> Element:
    """The presence element of a document. PeerError 413 for one that is too large, 400 for one that is none."""
    if len(body) > SIZE_LIMIT_OCTETS:
        raise PeerError("presence document too large", 413, b"%d" % len(body))
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise PeerError("document type declaration", 400, body, "RFC 3863 4.1")
    try:
        # as text, so that an encoding declaration cannot hide anything: PIDF is UTF-8 here (RFC 3863 4.1.1)
        text = body.decode("utf-8-sig")
        parser = XMLParser(target=_BoundedBuilder())
        parser.feed(text)
        root = parser.close()
    except (ParseError, ValueError) as error:
        raise PeerError("malformed presence document", 400, body, "RFC 3863 4.1") from error
    if not isinstance(root, Element) or root.tag != PRESENCE:
        raise PeerError("not a presence document", 400, body, "RFC 3863 4.1.1")
    check_tuples(root)
    return root


def check_tuples(root: Element) -> None:
    """4.1.2, 4.1.4: every tuple has an id, one of its own, and a status; basic is open or closed. PeerError 400."""
    seen: set[str] = set()
    for entry in root.iter(TUPLE):
        identity = entry.get("id")
        if not identity or identity in seen or entry.find(STATUS) is None:
            raise PeerError("tuple without an id of its own or without status", 400, paragraph="RFC 3863 4.1.2")
        seen.add(identity)
    for basic in root.iter(BASIC):
        if (basic.text or "").strip() not in ("open", "closed"):
            raise PeerError("basic is neither open nor closed", 400, paragraph="RFC 3863 4.1.4")


class Summary(NamedTuple):
    """What a person wants to know of a document: the first basic status, activities, the first note; "" for none."""

    basic: str
    activities: list[str]
    note: str


def read_summary(root: Element) -> Summary:
    """The summary of a presence element."""
    basic = next(((one.text or "").strip() for one in root.iter(BASIC)), "")
    activities = [child.tag.rpartition("}")[2] for group in root.iter(ACTIVITIES) for child in group]
    note = next(((one.text or "").strip() for one in root.iter() if one.tag in (NOTE, PERSON_NOTE)), "")
    return Summary(basic, activities, note)
