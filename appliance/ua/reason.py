# SPDX-License-Identifier: Apache-2.0
"""Why a call ended or a response was given, as Reason header lines say it: RFC 3326; and SIP status codes against Q.850
causes: RFC 3398 7.2.4.1 and 8.2.6.1. Pure functions and tables.
"""

from typing import Final, NamedTuple

from appliance.native.sip_scanner import Message, find_parameter
from appliance.sip.grammar import quote

SIP: Final = b"SIP"
Q850: Final = b"Q.850"
NORMAL_CLEARING: Final = 16
NORMAL_UNSPECIFIED: Final = 31
_CAUSE_LIMITS: Final = {SIP: (100, 699), Q850: (1, 127)}

STATUS_OF_CAUSE: Final = {
    1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484,
    29: 501, 31: 480,                               # normal event
    34: 503, 38: 503, 41: 503, 42: 503, 47: 503,    # resource unavailable
    55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501,   # service or option not available
    87: 403, 88: 503, 102: 504, 111: 500, 127: 500,
}
"""RFC 3398 7.2.4.1, without 16, which is a BYE or a CANCEL."""
CAUSE_OF_STATUS: Final = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
}
"""RFC 3398 8.2.6.1."""


class Reason(NamedTuple):
    """One reason-value (RFC 3326 2). protocol: SIP or Q.850; cause: a status code or a Q.850 cause value; text: for
    people, without quotes."""

    protocol: bytes
    cause: int
    text: bytes = b""

    def __bytes__(self) -> bytes:
        """The whole header line."""
        text = b";text=" + quote(self.text) if self.text else b""
        return b"Reason: %s;cause=%d%s\r\n" % (self.protocol, self.cause, text)


def read_reasons(message: Message) -> list[Reason]:
    """The Reason values of a message, one a protocol (2: "all of them MUST have different protocol values"); those that
    are not understood are left out (2: "ignore")."""
    reasons: dict[bytes, Reason] = {}
    for value in message.values(b"Reason"):
        name, semicolon, rest = value.partition(b";")
        protocol = name.strip().upper()
        parameters = semicolon + rest
        written = find_parameter(parameters, b"cause") or b""
        limits = _CAUSE_LIMITS.get(protocol)
        if limits is None or protocol in reasons or not (written.isdigit() and len(written) <= 3):
            continue
        if limits[0] <= int(written) <= limits[1]:
            reasons[protocol] = Reason(protocol, int(written), find_parameter(parameters, b"text") or b"")
    return list(reasons.values())


def status_of_cause(cause: int, is_by_user: bool = False) -> int:
    """The SIP status for a Q.850 cause value; is_by_user: its location is the called user (21 becomes 603). 0 for 16,
    normal call clearing, which has none."""
    if cause == NORMAL_CLEARING:
        return 0
    if cause == 21 and is_by_user:
        return 603
    return STATUS_OF_CAUSE.get(cause, 500)      # 7.2.4.1: the default


def cause_of_status(status: int) -> int:
    """The Q.850 cause value for a final response; 16 for a 2xx (a BYE after it) and for 487."""
    if status < 300 or status == 487:   # 8.2.6.1: BYE and CANCEL
        return NORMAL_CLEARING
    return CAUSE_OF_STATUS.get(status, NORMAL_UNSPECIFIED)
