# SPDX-License-Identifier: Apache-2.0
"""A REGISTER read into what it asks of the location service (RFC 3261 10.3 steps 6 and 7, RFC 3327 5.3, RFC 5626 6).

Whatever cannot be read raises PeerError with the status to answer; nothing has been changed then.
"""

import re
from typing import Final, NamedTuple

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, ScanError, find_parameter, split_address
from appliance.pbx.registration import Registration, RequestedContact
from appliance.sip.flow import Flow
from appliance.sip.uri import SipUri

MALFORMED_EXPIRES_S = 3600          # 20.10: malformed values SHOULD be treated as equivalent to 3600
EXPIRES_MAX_S = 2**32 - 1
HOUR_S = 3600
CONTACTS_MAX = 20                   # of one REGISTER: ten bindings gone and ten new ones
FIRST_HOP_LACKS_OUTBOUND: Final = 439

PARAMETER: Final = re.compile(rb';\s*((?:[^;"]|"(?:[^"\\]|\\.)*")*)', re.DOTALL)
Q_VALUE: Final = re.compile(rb"([01]?)(?:\.(\d*))?")
URI_SCHEME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]*:.")


class ExpiryPolicy(NamedTuple):
    """Seconds: the least that is accepted, the most that is granted, and what is granted where nothing was asked."""

    min_s: int = 60
    max_s: int = 7200
    default_s: int = 3600

    def grant(self, requested_s: int) -> int:
        """What a request for so many seconds gets; 0 stays 0. PeerError 423 for too little.

        10.3 step 7: only an interval under one hour may be refused as too brief.
        """
        if 0 < requested_s < self.min_s and requested_s < HOUR_S:
            raise PeerError("interval too brief", 423, paragraph="RFC 3261 10.3 step 7")
        return min(requested_s, self.max_s)


def has_direct_source(message: Message, flow: Flow) -> bool:
    """Whether the top Via names the packet's own source: no NAT between us and the hop that sent this."""
    return message.via_port == flow.port and message.via_host == flow.host


def read_registration(message: Message, arrival: Flow, aor: bytes, policy: ExpiryPolicy) -> Registration:
    """Everything but the star form: contacts with what they are granted, path, source."""
    registration = Registration(aor, message.call_id, message.cseq, arrival)
    registration.is_direct = has_direct_source(message, arrival)
    registration.path = read_path(message)
    registration.user_agent = message.header(b"User-Agent") or b""
    values = message.values(b"Contact")
    if not values:
        raise PeerError("empty Contact", 400, paragraph="RFC 3261 20.10")
    if len(values) > CONTACTS_MAX:
        raise PeerError("more Contacts than an address can have", 403)
    default_s = message.expires if message.expires >= 0 else policy.default_s
    for value in values:
        requested = read_contact(value)
        requested.granted_s = policy.grant(requested.requested_s if requested.requested_s >= 0 else default_s)
        registration.contacts.append(requested)
    apply_outbound(message, registration)
    return registration


def read_contact(value: bytes) -> RequestedContact:
    """One Contact value. PeerError 400 where it is none."""
    try:
        _, uri, parameters = split_address(value)
    except ScanError as error:
        raise PeerError("unreadable Contact", 400, value, "RFC 3261 20.10") from error
    if uri == b"*" or not URI_SCHEME.match(uri):
        raise PeerError("Contact is no URI", 400, value, "RFC 3261 10.3 step 6")
    if uri[:4].lower() == b"sip:" or uri[:5].lower() == b"sips:":
        SipUri.parse(uri)
    requested = RequestedContact(uri, value)
    if parameters:
        requested.parameters = drop_expires(parameters)
        requested.requested_s = read_expires(find_parameter(parameters, b"expires"))
        requested.q = read_q(find_parameter(parameters, b"q"))
        requested.instance = find_parameter(parameters, b"+sip.instance") or b""
        requested.reg_id = read_reg_id(find_parameter(parameters, b"reg-id"), requested.instance)
    return requested


def read_expires(value: bytes | None) -> int:
    """Seconds of an expires parameter, -1 where there is none."""
    if value is None:
        return -1
    if not value.isdigit():
        return MALFORMED_EXPIRES_S
    return min(int(value[:16]), EXPIRES_MAX_S)


def read_q(value: bytes | None) -> int:
    """Thousandths of a q parameter, 1000 where there is none (16.6 gives no order without it). PeerError 400."""
    if value is None:
        return 1000
    match = Q_VALUE.fullmatch(value)
    if match is None or value in (b"", b"."):
        raise PeerError("q is no number from 0 to 1", 400, value, "RFC 3261 25.1 qvalue")
    thousandths = int((match[2] or b"")[:3].ljust(3, b"0"))
    return min(int(match[1] or b"0") * 1000 + thousandths, 1000)


def read_reg_id(value: bytes | None, instance: bytes) -> int:
    """RFC 5626 section 6: reg-id without instance is ignored; so is one that is not 1 to 2^31-1 (section 4.2)."""
    if not value or not instance or not value.isdigit() or len(value) > 10:
        return 0
    reg_id = int(value)
    return reg_id if reg_id < 2**31 else 0


def drop_expires(parameters: bytes) -> bytes:
    """Contact parameters without expires, each as it was given."""
    parts = [part.strip() for part in PARAMETER.findall(parameters)]
    kept = [part for part in parts if part and part.partition(b"=")[0].strip().lower() != b"expires"]
    return b"".join([b";" + part for part in kept])


def read_path(message: Message) -> tuple[bytes, ...]:
    """The Path values in order, as they will stand in Route (RFC 3327 5.3). PeerError 400 where one is no SIP URI."""
    if message.header(b"Path") is None:
        return ()
    path = tuple(message.values(b"Path"))
    for value in path:
        read_path_uri(value)
    return path


def read_path_uri(value: bytes) -> SipUri:
    """The URI of a Path value. PeerError 400."""
    try:
        return SipUri.parse(split_address(value)[1])
    except (ScanError, PeerError) as error:
        raise PeerError("unreadable Path", 400, value, "RFC 3327 4") from error


def has_option(message: Message, header_name: bytes, tag: bytes) -> bool:
    """Whether an option tag stands in Supported or Require (tokens, 7.3.1: any case)."""
    return any(value.lower() == tag for value in message.values(header_name))


def apply_outbound(message: Message, registration: Registration) -> None:
    """RFC 5626 section 6: whether reg-id counts. PeerError 439 or 400."""
    contacts = [requested for requested in registration.contacts if requested.reg_id]
    if not contacts:
        return
    if not may_use_outbound(message, registration.path):
        if has_option(message, b"Supported", b"outbound"):
            raise PeerError("first hop lacks outbound support", FIRST_HOP_LACKS_OUTBOUND, paragraph="RFC 5626 6")
        for requested in contacts:
            requested.reg_id = 0
        return
    lasting = [requested for requested in registration.contacts if requested.granted_s]
    if len(lasting) > 1 and any(requested.reg_id for requested in lasting):
        raise PeerError("reg-id beside another Contact", 400, paragraph="RFC 5626 6")


def may_use_outbound(message: Message, path: tuple[bytes, ...]) -> bool:
    """Whether we are the first hop, or the first hop has marked its Path with ob."""
    if message.via_count == 1:
        return True
    return bool(path) and read_path_uri(path[0]).parameter(b"ob") is not None
