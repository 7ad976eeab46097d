# SPDX-License-Identifier: Apache-2.0
"""Publications as they are told: written once, with an end to what they may become (RFC 3863, RFC 4479, RFC 4480).

A few octets of XML can stand for many: a long namespace is said once and applies to every element in it. So what is
bounded is what is written, not what was read; the writer gives up in the middle.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

from appliance.errors import PeerError
from appliance.pbx.presence.event_package import escape
from appliance.pbx.presence.pidf import ACTIVITIES, DATA_MODEL, NOTE, PERSON, PIDF, RPID, TUPLE, XML

PREFIXES: Final = {DATA_MODEL: b"dm:", RPID: b"rpid:", XML: b"xml:"}
"""What our presence element declares, and xml, which may never be declared otherwise (XML namespaces 3). There are
phones that look for `<rpid:away/>`, letter by letter."""
RENDERING_OCTETS_MAX: Final = 16 * 1024
ID_SUFFIX_OCTETS_MAX: Final = 8
"""What a tuple's id may grow by, so that it is the only one of its document."""


class TupleRendering(NamedTuple):
    """identity: of the tuple, escaped; rest: what follows its id attribute, up to the end of the line."""

    identity: bytes
    rest: bytes


class Rendering(NamedTuple):
    """What one publication adds to a document, as octets.

    person: what its first person says beside activities, None where there is no person; activities: of all persons, by
    qualified name; others: elements of the presence element that are none of these; size_octets: of all, at most.
    """

    tuples: list[TupleRendering]
    notes: bytes
    person: bytes | None
    activities: dict[str, bytes]
    others: bytes
    size_octets: int


class ElementWriter:
    """Writes elements for a place where PIDF is the default namespace and PREFIXES are declared. PeerError 413 as soon
    as all that it has written is more than RENDERING_OCTETS_MAX."""

    __slots__ = ("_size_octets",)

    def __init__(self) -> None:
        self._size_octets = 0

    @property
    def size_octets(self) -> int:
        """Written so far."""
        return self._size_octets

    def spend(self, octets: bytes) -> bytes:
        """These octets, which are to be written. PeerError 413 where they are too many."""
        self._size_octets += len(octets)
        if self._size_octets > RENDERING_OCTETS_MAX:
            raise PeerError("presence document too large as it is told", 413, paragraph="RFC 3903 6 step 5")
        return octets

    def write(self, element: Element, namespace: str = PIDF) -> bytes:
        """An element as octets. namespace: the default one where it stands."""
        own, local = split_name(element.tag)
        prefix = PREFIXES.get(own)
        name = (prefix or b"") + local
        begin = self.spend(b"<" + name)
        if prefix is None and own != namespace:
            begin += self.spend(b' xmlns="%b"' % escape(own.encode()))
            namespace = own
        return begin + self.write_rest(element, name, namespace, element.attrib)

    def write_line(self, element: Element) -> bytes:
        """A child of the presence element, on a line of its own."""
        return self.write(element) + self.spend(b"\r\n")

    def write_rest(self, element: Element, name: bytes, namespace: str, attributes: Mapping[str, str]) -> bytes:
        """What follows the name of an element and its namespace: attributes, content, end."""
        parts = [self._write_attribute(key, value, number) for number, (key, value) in enumerate(attributes.items())]
        text = self._write_text(element.text)
        if not text and not len(element):
            return b"".join((*parts, self.spend(b"/>")))
        parts += (self.spend(b">"), text)
        for child in element:
            parts += (self.write(child, namespace), self._write_text(child.tail))
        return b"".join((*parts, self.spend(b"</%b>" % name)))

    def _write_text(self, text: str | None) -> bytes:
        return self.spend(escape(text.strip().encode())) if text else b""

    def _write_attribute(self, key: str, value: str, number: int) -> bytes:
        """One attribute with a space before it, its namespace declared where it has one that is not."""
        namespace, local = split_name(key)
        said = escape(value.encode())
        if not namespace or namespace in PREFIXES:
            return self.spend(b' %b%b="%b"' % (PREFIXES.get(namespace, b""), local, said))
        return self.spend(b' xmlns:n%d="%b" n%d:%b="%b"' % (number, escape(namespace.encode()), number, local, said))


def split_name(name: str) -> tuple[str, bytes]:
    """Namespace, "" for none, and local name of `{namespace}local`."""
    namespace, _, local = name.rpartition("}")
    return namespace[1:], local.encode()


def render(root: Element) -> Rendering:
    """A presence element as it is told. PeerError 413 where that is too much."""
    writer = ElementWriter()
    tuples = [write_tuple(writer, child) for child in root if child.tag == TUPLE]
    notes = b"".join([writer.write_line(child) for child in root if child.tag == NOTE])
    persons = [child for child in root if child.tag == PERSON]
    activities: dict[str, bytes] = {}
    for person in persons:
        for group in person.iter(ACTIVITIES):
            for activity in group:
                if activity.tag not in activities:
                    activities[activity.tag] = writer.write(activity)
    # RFC 4479 3.1: a presentity is one person; of several the first is heard
    said = b"".join([writer.write(child) for child in persons[0] if child.tag != ACTIVITIES]) if persons else None
    others = b"".join([writer.write_line(child) for child in root if child.tag not in (NOTE, PERSON, TUPLE)])
    size_octets = writer.size_octets + len(tuples) * ID_SUFFIX_OCTETS_MAX
    return Rendering(tuples, notes, said, activities, others, size_octets)


def write_tuple(writer: ElementWriter, element: Element) -> TupleRendering:
    """A tuple, whose id may yet have to be another."""
    writer.spend(b'<tuple id=""')
    identity = writer.spend(escape(element.get("id", "").encode()))
    attributes = {key: value for key, value in element.attrib.items() if key != "id"}
    return TupleRendering(identity, writer.write_rest(element, b"tuple", PIDF, attributes) + writer.spend(b"\r\n"))
