# SPDX-License-Identifier: Apache-2.0
"""What is looked at before a request is served or forwarded (RFC 3261 8.2 and 16.3): pure deciders.

Each returns None or a Refusal: a value, because a refused request is nothing exceptional.
"""

from typing import NamedTuple

from appliance.native.sip_scanner import Message
from appliance.sip.flow import TLS, Flow
from appliance.sip.grammar import unescape

KNOWN_METHODS = frozenset({b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"REGISTER", b"PRACK", b"UPDATE", b"INFO",
                           b"SUBSCRIBE", b"NOTIFY", b"REFER", b"MESSAGE", b"PUBLISH"})
SERVED_METHODS = frozenset({b"OPTIONS", b"REGISTER"})
ALLOW = b"Allow: OPTIONS, REGISTER, SUBSCRIBE, PUBLISH\r\n"
"""What the server itself, as a user agent server, takes; everything else it forwards. Events are its users'."""
SERVED_EXTENSIONS = frozenset({b"path", b"outbound"})
SCHEMES = frozenset({b"sip", b"sips", b"tel"})


class Refusal(NamedTuple):
    """A final status and the header lines that explain it."""

    status: int
    lines: bytes = b""


SERVICE = b"urn:service:sos"
BAD_SCHEME = Refusal(416)
TOO_MANY_HOPS = Refusal(483)
INSECURE = Refusal(416, b'Warning: 399 denwaban "sips without TLS"\r\n')


def check_forwardable(message: Message, flow: Flow) -> Refusal | None:
    """16.3 steps 2, 3 and 5; syntax was the scanner's, loops are the stack's to know."""
    scheme = message.uri_scheme
    if scheme not in SCHEMES and not is_call_for_help(message):
        return BAD_SCHEME
    # 26.2.2: every hop of a sips request is TLS; whoever sent it over something else has broken that promise already
    if scheme == b"sips" and flow.listener.transport != TLS:
        return INSECURE
    if message.max_forwards == 0:
        return TOO_MANY_HOPS
    if message.has_require:
        wanted = message.values(b"Proxy-Require")
        if wanted:
            return Refusal(420, b"Unsupported: %s\r\n" % b", ".join(wanted))
    return None


def is_call_for_help(message: Message) -> bool:
    """Whether it is an INVITE to an emergency service by its URN (RFC 5031 4.2), which names no host: it is ours."""
    return message.method == b"INVITE" and message.uri[:len(SERVICE)].lower() == SERVICE


def check_served(message: Message) -> Refusal | None:
    """8.2.1-8.2.3 for a request that ends here: method, Request-URI scheme, Require, body."""
    if message.method not in KNOWN_METHODS:
        return Refusal(501, ALLOW)
    if message.method not in SERVED_METHODS:
        return Refusal(405, ALLOW)
    if message.uri_scheme not in SCHEMES:
        return BAD_SCHEME
    if message.has_require:
        unknown = [tag for tag in (*message.values(b"Require"), *message.values(b"Proxy-Require"))
                   if tag.lower() not in SERVED_EXTENSIONS]
        if unknown:
            return Refusal(420, b"Unsupported: %s\r\n" % b", ".join(unknown))
    return check_body(message)


def check_body(message: Message) -> Refusal | None:
    """8.2.3: nothing that ends here has a body we would understand; one that may be ignored says so (20.11)."""
    if not message.body:
        return None
    disposition = (message.header(b"Content-Disposition") or b"").lower()
    if b"handling=optional" in disposition:
        return None
    if message.header(b"Content-Encoding"):
        return Refusal(415, b"Accept-Encoding: identity\r\n")
    return Refusal(415, b"Accept: application/sdp\r\n") if message.header(b"Content-Type") else None


def unescape_user(user: bytes) -> bytes:
    """The user part of a URI without its %HH escapes, which 19.1.4 makes equal to the characters they stand for."""
    return unescape(user) if b"%" in user else user


def may_call_himself(message: Message, extension: bytes) -> bool:
    """Whether a user of ours may stand in From as he does: with his own extension (22.4; the domain may be another one
    that he has an account in, RFC 3665 3.3), or as nobody at all (RFC 3323 4.1.1.3: anonymous.invalid)."""
    user = unescape_user(message.from_user)
    if user == extension:
        return True
    hostport = message.from_uri.partition(b"@")[2].partition(b";")[0].lower()
    return user == b"anonymous" and hostport == b"anonymous.invalid" and extension != b""


def read_extension(message: Message) -> bytes:
    """Who the Request-URI is for: the user part, or the digits of a tel URI without separators (RFC 3966 5). What
    stands behind a ";" in a user part are parameters of the number (RFC 3261 19.1.6)."""
    if message.uri_scheme != b"tel":
        user = message.uri_user
        return unescape_user(user if b";" not in user else user.partition(b";")[0])
    return message.uri[4:].partition(b";")[0].translate(None, b"-.()")
