# SPDX-License-Identifier: Apache-2.0
"""Requests inside a call's dialog that belong to neither set-up nor session, as they come: RFC 3261 11, RFC 3515, RFC
6665, RFC 6086. What the call's user does not have to know is answered here. No state of its own.
"""

from typing import Final, Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.inspection import write_capabilities
from appliance.ua.refer_to import read_event
from appliance.ua.referral import ReferralHost, take_referral

TRANSFER_METHODS: Final = (b"REFER", b"NOTIFY", b"SUBSCRIBE")
"""What a core's `methods` needs for REFER both ways."""


class InDialogListener(ReferralHost, Protocol):
    """The call."""

    def request_left_over(self, server: ServerTransaction, request: Message, now: float) -> None:
        """A request that its user answers."""


def serve_inside(call: InDialogListener, server: ServerTransaction, request: Message, now: float) -> None:
    """Answer, or hand on."""
    method = request.method
    if method == b"OPTIONS":
        server.respond(200, now, write_capabilities(call.core))     # 11.2: the call goes on whatever its user says
    elif method == b"REFER":
        take_referral(call, server, request, now)
    elif method == b"NOTIFY":
        server.respond(481, now)    # RFC 6665 4.1.3: no such subscription
    elif method == b"SUBSCRIBE":
        # RFC 3515 2.4.4: only a REFER makes a subscription to `refer`; other packages have dialogs of their own
        server.respond(403 if read_event(request)[0] == b"refer" else 489, now)
    else:
        call.request_left_over(server, request, now)


def refuse_unwanted(server: ServerTransaction, request: Message, now: float) -> None:
    """The answer where the call's user can do nothing with such a request."""
    if request.method != b"INFO":
        server.respond(405, now)
    elif request.header(b"Info-Package") is not None:
        server.respond(469, now, b"Recv-Info: \r\n")    # RFC 6086 4.2.2
    elif request.body:
        server.respond(415, now)    # RFC 6086 4.2.2, the older form
    else:
        server.respond(200, now)
