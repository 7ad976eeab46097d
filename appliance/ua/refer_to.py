# SPDX-License-Identifier: Apache-2.0
"""What a REFER asks for: its Refer-To with the header fields in the URI, and its Referred-By. RFC 3515 2.1, RFC 3892 3,
RFC 5589 7. Pure, no state.
"""

from typing import NamedTuple

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, ScanError, find_parameter, split_address
from appliance.sip.grammar import is_token, unescape
from appliance.sip.uri import SipUri, strip_for_request
from appliance.ua.replaces import Replaces, read_replaces

SCHEMES = frozenset({b"sip", b"sips", b"tel"})


class Reference(NamedTuple):
    """target: the URI to be called, without header fields and method; replaces: the dialog that the new call is to take
    over there; referred_by: the Referred-By value as it came, b"" for none; wants_reports: False where the sender asked
    for no subscription (RFC 4488)."""

    target: bytes
    replaces: Replaces | None
    referred_by: bytes
    wants_reports: bool


def read_reference(request: Message) -> Reference:
    """Out of a REFER. PeerError with its status: 400 for anything but one readable Refer-To, 416 for a scheme that is
    none of ours, 501 for a method other than INVITE."""
    values = request.values(b"Refer-To")
    if len(values) != 1:    # RFC 3515 2.4.2
        raise PeerError("not exactly one Refer-To", 400, b", ".join(values), "RFC 3515 2.4.2")
    try:
        uri = split_address(values[0])[1]
    except ScanError as error:
        raise _refuse(400, values[0]) from error
    scheme = uri.partition(b":")[0].lower()
    if scheme not in SCHEMES:
        raise _refuse(416, uri)
    replaces = None
    if scheme != b"tel":
        parsed = SipUri.parse(uri)
        if (parsed.parameter(b"method") or b"INVITE").upper() != b"INVITE":
            raise _refuse(501, uri)
        replaces = _read_headers(parsed.headers, uri)
        uri = strip_for_request(uri)
    subscription = (request.header(b"Refer-Sub") or b"true").partition(b";")[0].strip().lower()
    return Reference(uri, replaces, _read_referrer(request), subscription != b"false")


def _read_headers(headers: bytes, uri: bytes) -> Replaces | None:
    """19.1.5: of the header fields only Replaces is honoured, with the Require that goes with it; the others say what
    an INVITE of ours says by itself, or what no stranger should make it say."""
    replaces = None
    for part in headers.split(b"&") if headers else ():
        name, _, written = part.partition(b"=")
        name, value = unescape(name).lower(), unescape(written)
        if name == b"replaces":
            if replaces is not None:
                raise _refuse(400, uri)
            replaces = read_replaces(value)
        elif name == b"require" and any(tag.strip().lower() != b"replaces" for tag in value.split(b",")):
            raise _refuse(400, uri)
    return replaces


def _read_referrer(request: Message) -> bytes:
    """RFC 3892 3: at most one Referred-By, passed on as it is."""
    values = request.headers(b"Referred-By")
    if len(values) > 1:
        raise PeerError("two Referred-By", 400, values[1], "RFC 3892 3")
    return values[0] if values else b""


def _refuse(status: int, excerpt: bytes) -> PeerError:
    return PeerError("unusable Refer-To", status, excerpt, "RFC 3515 2.1")


def read_event(message: Message) -> tuple[bytes, bytes]:
    """The event package, lower case, and its id, b"" for none (RFC 6665 8.2.1)."""
    package, semicolon, parameters = (message.header(b"Event") or b"").partition(b";")
    written = find_parameter(semicolon + parameters, b"id") or b""
    return package.strip().lower(), written if is_token(written) else b""
