# SPDX-License-Identifier: Apache-2.0
"""Who calls, as it is written to a carrier and read from one: From, P-Asserted-Identity, P-Preferred-Identity, Privacy
(RFC 3323, RFC 3325). Extension numbers and names of the office stay inside. Pure functions.
"""

import re
from typing import Final, NamedTuple

from appliance.call.party import Party
from appliance.errors import PeerError
from appliance.gateway.carrier_profiles.carrier_profile import CarrierProfile, IdentityHeader
from appliance.gateway.translation import Translator, escape_user, read_digits
from appliance.native.sip_scanner import Message, ScanError, find_parameter, split_address
from appliance.sip.grammar import quote
from appliance.sip.uri import SipUri
from appliance.sip.uri_user import read_uri_user

ANONYMOUS: Final = b'"Anonymous" <sip:anonymous@anonymous.invalid>'
"""RFC 3323 4.1.1.3."""
_HIDING: Final = frozenset({b"id", b"user", b"header"})     # RFC 3323 4.2, RFC 3325 9.3
_ANONYMOUS_USERS: Final = frozenset({b"anonymous", b"unavailable", b"restricted"})
_PERSON: Final = re.compile(rb"[A-Za-z0-9._+-]{1,64}")
# What Japanese networks say instead of a number (TTC JT-Q951), and how people read it on a telephone's display.
_REASONS_OF_JAPAN: Final = {b"anonymous": "非通知", b"payphone": "公衆電話", b"coin line/payphone": "公衆電話",
                            b"unavailable": "表示圏外", b"interaction with other service": "表示圏外"}


class Presented(NamedTuple):
    """What a request says of its caller. from_value: without its tag; lines: further whole header lines."""

    from_value: bytes
    lines: bytes


def write_identity(own: bytes, name: bytes, is_withheld: bool, profile: CarrierProfile) -> Presented:
    """own: the URI of our number at the carrier; name: to be displayed, b"" for none."""
    shown = quote(name) + b" <%s>" % own if name else b"<%s>" % own
    lines = b""
    if profile.identity is IdentityHeader.ASSERTED:
        lines = b"P-Asserted-Identity: %s\r\n" % shown
    elif profile.identity is IdentityHeader.PREFERRED or is_withheld:
        # RFC 3325 9.2: the network has to know who calls, all the more where From does not say it
        lines = b"P-Preferred-Identity: %s\r\n" % shown
    if not is_withheld:
        return Presented(shown, lines)
    return Presented(ANONYMOUS, lines + b"Privacy: id\r\n")


def read_caller(request: Message, profile: CarrierProfile, translator: Translator) -> Party:
    """Who calls on a trunk: what the network asserts, else Remote-Party-ID where the profile believes it, else From.
    Where the number is withheld nothing of it comes in."""
    sources = request.values(b"P-Asserted-Identity")
    is_hidden = bool(_HIDING & _read_privacy(request)) or _is_anonymous(request.from_value)
    if not sources and profile.trusts_remote_party:
        sources = request.values(b"Remote-Party-ID")[:1]
        is_hidden = is_hidden or any(_has_hidden_party(one) for one in sources)
    sources.append(request.from_value)
    if is_hidden:
        return Party(b"", _read_reason(request.from_value, translator.country), True)
    for value in sources:
        number = _read_number(value, translator)
        if number:
            return Party(number, _read_name(value) or _read_name(request.from_value))
    return Party(b"", _read_reason(request.from_value, translator.country))


def read_address_uri(value: bytes) -> bytes:
    """The URI of a name-addr, b"" for what is none."""
    try:
        return split_address(value)[1]
    except ScanError:
        return b""


def _read_number(value: bytes, translator: Translator) -> bytes:
    user = read_uri_user(read_address_uri(value))
    digits = read_digits(escape_user(user))
    if digits:
        return translator.write_caller(digits).encode("ascii")
    return user if _PERSON.fullmatch(user) else b""


def _read_name(value: bytes) -> bytes:
    try:
        return split_address(value)[0]
    except ScanError:
        return b""


def _read_privacy(request: Message) -> set[bytes]:
    return {word.strip().lower() for value in request.headers(b"Privacy")
            for word in value.replace(b",", b";").split(b";")}


def _is_anonymous(value: bytes) -> bool:
    """RFC 3323 4.1.1.3; carriers write the user part alone as well, or a name without any number."""
    try:
        uri = SipUri.parse(read_address_uri(value))
    except PeerError:
        return False
    return uri.host == b"anonymous.invalid" or (uri.user or b"").lower() in _ANONYMOUS_USERS


def _has_hidden_party(value: bytes) -> bool:
    try:
        return (find_parameter(split_address(value)[2], b"privacy") or b"off").lower() != b"off"
    except ScanError:
        return True


def _read_reason(value: bytes, country: str) -> bytes:
    """Why there is no number, in the words of the network; of Japan's own ones in Japanese."""
    name = _read_name(value)
    if country == "jp":
        return _REASONS_OF_JAPAN.get(name.lower() or b"anonymous", "").encode() or name
    return name or b"Anonymous"
