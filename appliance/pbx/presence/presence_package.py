# SPDX-License-Identifier: Apache-2.0
"""The presence package (RFC 3856): what the user's phones have published, what the registrar and the calls know of him,
composed into one document (RFC 3863, RFC 4479, RFC 4480). Pure but for its sources.
"""

from collections.abc import Callable, Iterable
from typing import Final

from appliance.pbx.presence.event_package import DOCUMENT_OCTETS_MAX, escape
from appliance.pbx.presence.pidf import RPID
from appliance.pbx.presence.pidf_writing import Rendering

HEAD: Final = b'<?xml version="1.0" encoding="UTF-8"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" ' \
    b'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="%b">\r\n'
DERIVED_TUPLE: Final = b'<tuple id="registration"><status><basic>%b</basic></status><contact>%b</contact></tuple>\r\n'
END: Final = b"</presence>\r\n"
PERSON_OCTETS: Final = 256
"""What is written round the activities of a person, and of ours."""
ON_THE_PHONE: Final = {f"{{{RPID}}}busy": b"<rpid:busy/>", f"{{{RPID}}}on-the-phone": b"<rpid:on-the-phone/>"}
"""Activities of who is in a call: RFC 4480 3.2 allows several, and there are phones that know away and busy alone, and
read the first."""


class PresencePackage:
    """Composition: every publication's tuples, the youngest first, then one that the registrar vouches for; of the
    person the youngest publication's word, with the activities of all and on-the-phone while a call is answered."""

    __slots__ = ("_is_on_phone", "_is_registered", "_renderings_of", "domain")

    name = b"presence"
    content_type = b"application/pidf+xml"
    default_expires_s = 3600        # RFC 3856 6.4
    is_private = False
    is_partial = False

    def __init__(self, domain: bytes, renderings_of: Callable[[bytes], list[Rendering]],
                 is_registered: Callable[[bytes], bool], is_on_phone: Callable[[bytes], bool]) -> None:
        self.domain = domain
        self._renderings_of = renderings_of
        self._is_registered = is_registered
        self._is_on_phone = is_on_phone

    def build_document(self, target: bytes, version: int, changes: Iterable[bytes] | None, now: float) -> bytes:
        """The composed state of a user, now; of too many publications the youngest that fit."""
        entity = escape(b"sip:%b@%b" % (target, self.domain))
        head = HEAD % entity
        derived = DERIVED_TUPLE % (b"open" if self._is_registered(target) else b"closed", entity)
        left_octets = DOCUMENT_OCTETS_MAX - len(head) - len(derived) - len(END) - PERSON_OCTETS
        renderings = keep_fitting_renderings(self._renderings_of(target), left_octets)
        return b"".join((head, *write_tuples(renderings), derived, *[one.notes for one in renderings],
                         write_person(renderings, self._is_on_phone(target)), *[one.others for one in renderings], END))


def keep_fitting_renderings(renderings: list[Rendering], left_octets: int) -> list[Rendering]:
    """Those that fit, the first before the others; one that does not fit leaves its room to the rest."""
    kept = []
    for rendering in renderings:
        if rendering.size_octets <= left_octets:
            left_octets -= rendering.size_octets
            kept.append(rendering)
    return kept


def write_tuples(renderings: list[Rendering]) -> list[bytes]:
    """RFC 3863 4.1.2: the id of a tuple is unique in its document, whoever published it."""
    taken = {b"registration"}
    written = []
    for rendering in renderings:
        for wanted, rest in rendering.tuples:
            identity = wanted
            number = 1
            while identity in taken:
                number += 1
                identity = b"%b-%d" % (wanted, number)
            taken.add(identity)
            written.append(b'<tuple id="%b"%b' % (identity, rest))
    return written


def write_person(renderings: list[Rendering], is_on_phone: bool) -> bytes:
    """The one person of a presentity (RFC 4479 3.1), b"" where there is nothing to say. renderings: youngest first."""
    activities: dict[str, bytes] = dict(ON_THE_PHONE) if is_on_phone else {}
    for rendering in renderings:
        for name, octets in rendering.activities.items():
            activities.setdefault(name, octets)
    said = next((one.person for one in renderings if one.person is not None), b"")
    if activities:
        said = b"<rpid:activities>%b</rpid:activities>%b" % (b"".join(activities.values()), said)
    return b'<dm:person id="person">%b</dm:person>\r\n' % said if said else b""
