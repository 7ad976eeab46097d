# SPDX-License-Identifier: Apache-2.0
"""The presence package (RFC 3856): what the user's phones have published, what the registrar and the calls know of him,
composed into one document (RFC 3863, RFC 4479, RFC 4480). Pure but for its sources.
"""

from collections.abc import Callable, Iterable
from typing import Final
from xml.etree.ElementTree import Element

from appliance.pbx.presence.event_package import DOCUMENT_OCTETS_MAX, escape
from appliance.pbx.presence.pidf import ACTIVITIES, NOTE, PERSON, PIDF, RPID, TUPLE, write_element

HEAD: Final = b'<?xml version="1.0" encoding="UTF-8"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" ' \
    b'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="%b">\r\n'
DERIVED_TUPLE: Final = b'<tuple id="registration"><status><basic>%b</basic></status><contact>%b</contact></tuple>\r\n'
ON_THE_PHONE: Final = "on-the-phone"


class PresencePackage:
    """Composition: every publication's tuples, the youngest first, then one that the registrar vouches for; of the
    person the youngest publication's word, with the activities of all and on-the-phone while a call is answered."""

    __slots__ = ("_documents_of", "_domain", "_is_on_phone", "_is_registered")

    name = b"presence"
    content_type = b"application/pidf+xml"
    default_expires_s = 3600        # RFC 3856 6.4
    is_private = False
    is_partial = False

    def __init__(self, domain: bytes, documents_of: Callable[[bytes], list[Element]],
                 is_registered: Callable[[bytes], bool], is_on_phone: Callable[[bytes], bool]) -> None:
        self._domain = domain
        self._documents_of = documents_of
        self._is_registered = is_registered
        self._is_on_phone = is_on_phone

    def build_document(self, target: bytes, version: int, changes: Iterable[bytes] | None, now: float) -> bytes:
        """The composed state of a user, now; where that is too much, without his oldest publications."""
        documents = self._documents_of(target)
        composed = self._compose(target, documents)
        while len(composed) > DOCUMENT_OCTETS_MAX and documents:
            documents = documents[:-1]
            composed = self._compose(target, documents)
        return composed

    def _compose(self, target: bytes, documents: list[Element]) -> bytes:
        entity = escape(b"sip:%b@%b" % (target, self._domain))
        basic = b"open" if self._is_registered(target) else b"closed"
        parts = [HEAD % entity, *self._write_tuples(documents), DERIVED_TUPLE % (basic, entity)]
        parts += [write_element(child, PIDF) + b"\r\n" for root in documents for child in root if child.tag == NOTE]
        parts += write_person([child for root in documents for child in root if child.tag == PERSON],
                              self._is_on_phone(target))
        parts += [write_element(child, PIDF) + b"\r\n" for root in documents for child in root
                  if child.tag not in (NOTE, PERSON, TUPLE)]
        return b"".join((*parts, b"</presence>\r\n"))

    @staticmethod
    def _write_tuples(documents: list[Element]) -> list[bytes]:
        """RFC 3863 4.1.2: the id of a tuple is unique in its document, whoever published it."""
        taken = {"registration"}
        written = []
        for root in documents:
            for child in root:
                if child.tag == TUPLE:
                    identity = wanted = child.get("id", "")
                    number = 1
                    while identity in taken:
                        number += 1
                        identity = f"{wanted}-{number}"
                    taken.add(identity)
                    written.append(write_element(child, PIDF, {"id": identity}) + b"\r\n")
        return written


def write_person(persons: list[Element], is_on_phone: bool) -> list[bytes]:
    """The one person of a presentity (RFC 4479 3.1), [] where there is nothing to say. persons: youngest first."""
    activities: dict[str, bytes] = {}
    if is_on_phone:
        activities[f"{{{RPID}}}{ON_THE_PHONE}"] = b"<rpid:on-the-phone/>"
    for person in persons:
        for group in person.iter(ACTIVITIES):
            for activity in group:
                activities.setdefault(activity.tag, write_element(activity, PIDF))
    others = [write_element(child, PIDF) for child in persons[0] if child.tag != ACTIVITIES] if persons else []
    if not activities and not others:
        return []
    said = b"<rpid:activities>%b</rpid:activities>" % b"".join(activities.values()) if activities else b""
    return [b'<dm:person id="person">%b%b</dm:person>\r\n' % (said, b"".join(others))]
