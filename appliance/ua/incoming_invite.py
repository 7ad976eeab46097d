# SPDX-License-Identifier: Apache-2.0
"""A call that comes in, up to its ACK: RFC 3261 13.3, 9.2 and 15.1.2, RFC 5407 3.1.

It holds the INVITE's server transaction until the final response.
"""

from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.status import status_line
from appliance.sip.transaction.invite_server import InviteServer
from appliance.ua.accepted_invite import AcceptedInvite
from appliance.ua.agent_core import AgentCore
from appliance.ua.call_events import CallEvents, Cause, Release
from appliance.ua.dialog import Dialog
from appliance.ua.invite_usage import ACCEPTED, CONFIRMED, LEAVING, OFFERED, InviteUsage
from appliance.ua.offer_answer import Exchange
from appliance.ua.session_body import read_session

REMINDER_S: Final = 60.0
"""13.3.1.1: a provisional response every minute keeps proxies from giving up."""


class IncomingInvite(InviteUsage):
    """request: the INVITE; offer: its session, b"" where we are to offer in the 200."""

    __slots__ = ("_expiry", "_preview", "_provisional", "_reminder", "_server", "offer", "request")

    def __init__(self, core: AgentCore, server: InviteServer, dialog: Dialog, events: CallEvents) -> None:
        if server.request is None:
            raise MisuseError("an INVITE that is answered already")
        super().__init__(core, dialog, events, OFFERED)
        self.request = server.request
        self.offer = read_session(self.request)
        self._server = server
        self._provisional = b""
        self._preview = b""
        self._reminder = core.alarm()
        self._expiry = core.alarm()
        server.owner = self

    def start(self, now: float) -> None:
        """Take its place in the dialog and watch over the caller's patience (Expires, 13.3.1)."""
        self.join()
        if self.offer:
            self.exchange.receive_offer(self.offer)
        if self.request.expires > 0:
            self._expiry.set(now + self.request.expires, self._expire)

    @property
    def flow(self) -> Flow:
        """The way it came."""
        return self._server.source

    @property
    def has_alerted(self) -> bool:
        """Whether a provisional response above 100 has been sent."""
        return bool(self._provisional)

    # what its user asks for

    def alert(self, status: int, now: float, session: bytes = b"") -> None:
        """A provisional response above 100 (13.3.1.1); session: an early answer, which is then the one in the 200."""
        if self.state is not OFFERED:
            raise MisuseError("a provisional response after a final one")
        if session and not self.offer:
            raise MisuseError("an offer in a provisional response that is not reliable (13.2.1)")
        lines = b"Contact: %s\r\n%s" % (
            self.core.profile.contact_uri(self._server.flow.listener, self.dialog.is_secure), self.core.allow_line)
        if session:
            lines += b"Content-Type: application/sdp\r\n"
            self._preview = self._preview or session
        octets = self.request.reply(status_line(status), self.dialog.local_tag, lines, session, has_record_route=True)
        self._provisional = octets
        self._server.send(status, octets, now)
        self._reminder.set(now + REMINDER_S, self._remind)

    def answer(self, session: bytes, now: float) -> None:
        """200 (13.3.1.4): session answers the offer in the INVITE, or is our offer where it had none. An answer that
        was in a provisional response stands: the caller goes by the first one it gets (13.2.1)."""
        if self.state is not OFFERED:
            raise MisuseError("an answer to a call that is answered")
        session = self._preview or session
        self._silence()
        if self.exchange.state is Exchange.REMOTE_OFFER:
            self.exchange.send_answer(session)
        else:
            self.exchange.send_offer(session)
        self.dialog.confirm()
        self.enter(ACCEPTED)
        self.accept_invite(self._server, self.request, session, now)

    def refuse(self, status: int, now: float, lines: bytes = b"") -> None:
        """A final response of 300 or above (13.3.1.2, 13.3.1.3)."""
        self._refuse(status, now, Release(Cause.REFUSED, status), lines)

    def hang_up(self, now: float, lines: bytes = b"") -> None:
        """603 before the answer; after it BYE, but not before the ACK (15)."""
        if self.state is OFFERED:
            self._refuse(603, now, Release(Cause.WE_LEFT, 603), lines)
        elif self.state is ACCEPTED:
            self.enter(LEAVING)
            self.events.released(self, Release(Cause.WE_LEFT, 0), now)
        else:
            super().hang_up(now, lines)

    # what comes

    def cancel_received(self, cancel: Message, now: float) -> None:
        """9.2: 487. After the 200 a CANCEL has no effect (RFC 5407 3.1.2), the stack does not hand it on."""
        if self.state is OFFERED:
            self._refuse(487, now, Release(Cause.CANCELLED, 487, cancel))

    def bye_received(self, bye: Message, now: float) -> None:
        """15.1.2: a BYE in the early dialog ends the INVITE with 487."""
        if self.state is OFFERED:
            self._refuse(487, now, Release(Cause.PEER_LEFT, 487, bye))
        else:
            super().bye_received(bye, now)

    def invite_received(self, server: InviteServer, request: Message, now: float) -> None:
        """14.2: a second INVITE before the final response to the first."""
        if self.state is OFFERED:
            server.respond(500, now, b"Retry-After: %d\r\n" % int(self.core.random_fraction() * 11))
        else:
            super().invite_received(server, request, now)

    def accepted_acknowledged(self, accepted: AcceptedInvite, ack: Message, now: float) -> None:
        """AcceptedOwner. The ACK of the first 200 makes the call, or lets our BYE go."""
        super().accepted_acknowledged(accepted, ack, now)
        if self.state is LEAVING:
            self.say_bye(now, b"", Release(Cause.WE_LEFT, 0))
        elif self.state is ACCEPTED and accepted.cseq == self.request.cseq:
            self.enter(CONFIRMED)
            self.events.confirmed(self, now)

    # time

    def _remind(self, now: float) -> None:
        self._server.send(180, self._provisional, now)
        self._reminder.set(now + REMINDER_S, self._remind)

    def _expire(self, now: float) -> None:
        if self.state is OFFERED:
            self._refuse(487, now, Release(Cause.CANCELLED, 487))   # 13.3.1 step 1

    def _refuse(self, status: int, now: float, release: Release, lines: bytes = b"") -> None:
        if self.state is not OFFERED:
            raise MisuseError("a refusal of a call that is answered")
        self._silence()
        self._server.respond(status, now, lines)
        self.finish(now, release)

    def _silence(self) -> None:
        self._reminder.clear()
        self._expiry.clear()
