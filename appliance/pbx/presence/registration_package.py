# SPDX-License-Identifier: Apache-2.0
"""The reg package (RFC 3680): the bindings of a user's own address, from the location service.

Refreshes are not told: the RFC leaves that to policy (4.7.2), and every phone refreshes all day.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from math import ceil
from typing import Final

from appliance.pbx.binding import Binding, Change
from appliance.pbx.presence.event_package import escape, keep_fitting

DOCUMENT: Final = b'<?xml version="1.0"?>\r\n' \
    b'<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="%d" state="%b">\r\n' \
    b'<registration aor="%b" id="%b" state="%b">\r\n%b</registration>\r\n</reginfo>\r\n'
EVENTS: Final = {Change.ADDED: b"registered", Change.REFRESHED: b"refreshed", Change.REMOVED: b"unregistered",
                 Change.EXPIRED: b"expired"}


class RegistrationPackage:
    """bindings_of: the bindings of an extension."""

    __slots__ = ("_bindings_of", "domain")

    name = b"reg"
    content_type = b"application/reginfo+xml"
    default_expires_s = 3761        # RFC 3680 4.4
    is_private = True
    is_partial = True

    def __init__(self, domain: bytes, bindings_of: Callable[[bytes], list[Binding]]) -> None:
        self.domain = domain
        self._bindings_of = bindings_of

    def build_document(self, target: bytes, version: int, changes: Iterable[bytes] | None, now: float) -> bytes:
        """Registration information (section 5): all contacts, or those elements that have changed."""
        bindings = self._bindings_of(target)
        state = b"active" if bindings else b"init"
        scope = b"partial"
        if changes is None:
            scope = b"full"
            changes = keep_fitting([describe_contact(binding, Change.ADDED, now) for binding in bindings])
        elif not bindings:
            state = b"terminated"       # 4.7.1: the last contact has gone; init follows unsaid
        return DOCUMENT % (version, scope, escape(b"sip:%b@%b" % (target, self.domain)), identify(target), state,
                           b"".join(changes))


def identify(octets: bytes) -> bytes:
    """An id attribute: the same for the same octets, in every document (5.1)."""
    return blake2b(octets, digest_size=8).hexdigest().encode()


def describe_contact(binding: Binding, change: Change, now: float) -> bytes:
    """The contact element of a binding. Parameters that RFC 3261 does not know are left out but for the URI's own."""
    is_active = change in (Change.ADDED, Change.REFRESHED)
    expires = b' expires="%d"' % max(ceil(binding.deadline - now), 0) if is_active else b""
    return b'<contact id="%b" state="%b" event="%b"%b q="%b" callid="%b" cseq="%d"><uri>%b</uri></contact>\r\n' % (
        identify(binding.key[1]), b"active" if is_active else b"terminated", EVENTS[change], expires,
        b"%d.%03d" % divmod(binding.q, 1000), escape(binding.call_id), binding.cseq, escape(binding.contact))
