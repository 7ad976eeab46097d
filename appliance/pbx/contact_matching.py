# SPDX-License-Identifier: Apache-2.0
"""Whether two Contacts mean the same binding: RFC 3261 section 19.1.4, or instance and reg-id (RFC 5626 section 6)."""

from collections.abc import Iterable

from appliance.errors import PeerError
from appliance.pbx.binding import Binding
from appliance.pbx.registration import Registration, RequestedContact
from appliance.sip.uri import SipUri


def is_same_uri(one: bytes, other: bytes) -> bool:
    """URI equality as the registrar needs it; a URI that is not sip or sips equals only its own octets (10.2.4)."""
    if one == other:
        return True
    try:
        return SipUri.parse(one) == SipUri.parse(other)
    except PeerError:
        return False


def is_same_contact(one: RequestedContact, other: RequestedContact) -> bool:
    """Whether two values of one REGISTER mean the same binding."""
    if one.reg_id or other.reg_id:
        return one.reg_id == other.reg_id and one.instance == other.instance
    return is_same_uri(one.uri, other.uri)


def find_binding(bindings: Iterable[Binding], requested: RequestedContact) -> Binding | None:
    """The binding that a requested Contact is about.

    RFC 5626 section 6: with reg-id the Contact URI is not compared. Without it RFC 3261's rule holds: a binding without
    reg-id is preferred, but one with it is found, so that a phone whose outbound was switched off is not rung twice.
    """
    if requested.reg_id:
        for binding in bindings:
            if binding.reg_id == requested.reg_id and binding.instance == requested.instance:
                return binding
        return None
    outbound: Binding | None = None
    for binding in bindings:
        if is_same_uri(binding.contact, requested.uri):
            if not binding.reg_id:
                return binding
            outbound = outbound or binding
    return outbound


def is_out_of_order(binding: Binding, registration: Registration) -> bool:
    """10.3 step 7: a REGISTER that is older than the one this binding came from."""
    return binding.call_id == registration.call_id and registration.cseq <= binding.cseq


def has_same(contacts: list[RequestedContact], requested: RequestedContact) -> bool:
    """Whether a Contact value repeats an earlier one of its request."""
    return any(is_same_contact(other, requested) for other in contacts)
