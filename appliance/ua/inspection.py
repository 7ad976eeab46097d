# SPDX-License-Identifier: Apache-2.0
"""What a UAS looks at before it serves a request: RFC 3261 8.2.1 to 8.2.3. Pure; a refusal is a value."""

from collections.abc import Container
from typing import Final, NamedTuple

from appliance.native.sip_scanner import Message
from appliance.sip.grammar import unescape
from appliance.ua.agent_core import AgentCore
from appliance.ua.body_parts import MULTIPART, read_kind, read_parts
from appliance.ua.session_timer import check_interval

KNOWN_METHODS: Final = frozenset({b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"REGISTER", b"PRACK", b"UPDATE",
                                  b"INFO", b"SUBSCRIBE", b"NOTIFY", b"REFER", b"MESSAGE", b"PUBLISH"})
DIALOG_METHODS: Final = frozenset({b"BYE", b"PRACK", b"UPDATE", b"INFO"})
"""They mean nothing outside a dialog (RFC 3261 15.1.2, 3262, 3311, 6086)."""
MIXED: Final = b"multipart/mixed"
TARGET_REFRESHES: Final = frozenset({b"INVITE", b"UPDATE"})
SESSION_METHODS: Final = frozenset({b"INVITE", b"ACK", b"PRACK", b"UPDATE"})
INSECURE: Final = b'Warning: 399 denwaban "sips without TLS"\r\n'
SERVICE: Final = b"urn:service:sos"
"""RFC 5031 4.2. A telephone may call for help so."""


class Refusal(NamedTuple):
    """A final status and the whole header lines that explain it."""

    status: int
    lines: bytes = b""


def check_request(request: Message, core: AgentCore, methods: Container[bytes]) -> Refusal | None:
    """The first thing that keeps us from serving this request, in the order of 8.2; None where nothing does."""
    if request.method not in methods:
        return Refusal(405 if request.method in KNOWN_METHODS else 501, core.allow_line)
    if not request.to_tag:
        refusal = _check_target(request, core)
        if refusal is not None:
            return refusal
    if request.has_require:
        known = {tag.lower() for tag in core.profile.supported}
        unsupported = [tag for tag in request.values(b"Require") if tag and tag.lower() not in known]
        if unsupported:     # 8.2.2.3
            return Refusal(420, b"Unsupported: %s\r\n" % b", ".join(unsupported))
    if request.method not in SESSION_METHODS:
        return None
    return _check_extensions(request, core) or _check_content(request, core)


def _check_extensions(request: Message, core: AgentCore) -> Refusal | None:
    """421 for an INVITE that lacks an extension we insist on (21.4.16), 422 for an interval that is too short (RFC 4028
    9)."""
    profile = core.profile
    if profile.demanded and request.method == b"INVITE" and not request.to_tag:
        offered = {tag.lower() for name in (b"Supported", b"Require") for tag in request.values(name)}
        missing = [tag for tag in profile.demanded if tag not in offered]
        if missing:
            return Refusal(421, b"Require: %s\r\n" % b", ".join(missing))
    if request.method in TARGET_REFRESHES:
        lines = check_interval(request, profile)
        if lines:
            return Refusal(422, lines)
    return None


def _check_target(request: Message, core: AgentCore) -> Refusal | None:
    """8.2.2.1"""
    is_service = core.serves_phones and request.uri[:len(SERVICE)].lower() == SERVICE
    if request.uri_scheme not in (b"sip", b"sips", b"tel") and not is_service:
        return Refusal(416)
    if request.uri_scheme == b"sips" and request.via_transport.upper() != b"TLS":
        return Refusal(416, INSECURE)       # 26.2.2: the last hop too
    if request.method in DIALOG_METHODS:
        return Refusal(481)
    users = core.profile.answers_for
    if users is None:
        return None
    user = request.uri[4:].partition(b";")[0] if request.uri_scheme == b"tel" else unescape(request.uri_user)
    return Refusal(404) if user and user not in users else None


def _check_content(request: Message, core: AgentCore) -> Refusal | None:
    """8.2.3: a body must be one that we understand, unless it says that it may be ignored (20.11)."""
    if not request.body:
        return None
    disposition = request.header(b"Content-Disposition")
    if disposition is not None and b"handling=optional" in disposition.lower():
        return None
    accepted = core.profile.accepted
    encoding = request.header(b"Content-Encoding")
    if encoding and encoding.lower() != b"identity":
        return Refusal(415, b"Accept-Encoding: identity\r\n")
    kind = request.header(b"Content-Type") or b""
    if kind not in accepted and read_kind(kind) not in accepted and not _may_be_read(kind, request.body, accepted):
        return Refusal(415, b"Accept: %s\r\n" % b", ".join((*accepted, MIXED)))
    return None


def _may_be_read(kind: bytes, body: bytes, accepted: Container[bytes]) -> bool:
    """Whether this is a body of several parts, none of which insists on being understood and is not. RFC 5621 8.2
    counts a part that says nothing of it as required; but those who add a location (RFC 6442) or ISUP say nothing, and
    a call refused for what may well be left out is worse."""
    if not read_kind(kind).startswith(MULTIPART):
        return False
    parts = read_parts(kind, body)
    return bool(parts) and all(not part.is_required or (part.kind in accepted and part.is_readable) for part in parts)


def write_capabilities(core: AgentCore) -> bytes:
    """What a 200 to OPTIONS says (11.2)."""
    return b"%sAccept: %s\r\nAccept-Encoding: identity\r\nAccept-Language: en, ja\r\n%s" % (
        core.allow_line, b", ".join((*core.profile.accepted, MIXED)), core.supported_line)
