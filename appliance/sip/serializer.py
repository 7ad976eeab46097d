# SPDX-License-Identifier: Apache-2.0
"""The two requests that a transaction makes by itself out of its INVITE: ACK (RFC 3261 17.1.1.3) and CANCEL (9.1)."""

from appliance.native.sip_scanner import Message


def _copy_route(invite: Message) -> bytes:
    return b"".join(b"Route: %s\r\n" % value for value in invite.headers(b"Route"))


def _top_via(invite: Message) -> bytes:
    return invite.values(b"Via")[0]


def build_ack(invite: Message, response: Message) -> bytes:
    """The hop-by-hop ACK of a non-2xx final response: Request-URI, top Via, From, Call-ID and Route of the INVITE, To
    of the response (17.1.1.3)."""
    return b"ACK %s SIP/2.0\r\nVia: %s\r\n%sMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d ACK\r\n" \
        b"Content-Length: 0\r\n\r\n" % (
            invite.uri, _top_via(invite), _copy_route(invite), invite.from_value, response.to_value, invite.call_id,
            invite.cseq)


def build_cancel(invite: Message, lines: bytes = b"") -> bytes:
    """The CANCEL of a pending INVITE with further header lines: all but the method as in the INVITE (9.1)."""
    return b"CANCEL %s SIP/2.0\r\nVia: %s\r\n%sMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n" \
        b"CSeq: %d CANCEL\r\n%sContent-Length: 0\r\n\r\n" % (
            invite.uri, _top_via(invite), _copy_route(invite), invite.from_value, invite.to_value, invite.call_id,
            invite.cseq, lines)
