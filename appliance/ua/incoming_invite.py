# SPDX-License-Identifier: Apache-2.0
"""A call that comes in, up to its ACK: RFC 3261 13.3, 9.2 and 15.1.2, RFC 3262 3, RFC 5407 3.1.

It holds the INVITE's server transaction until the final response, and the early dialogs that were opened in it.
"""

from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.status import status_line
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.accepted_invite import AcceptedInvite
from appliance.ua.agent_core import AgentCore
from appliance.ua.alarm import Alarm
from appliance.ua.branch import Branch
from appliance.ua.call_events import CallEvents, Cause, Release
from appliance.ua.dialog import Dialog
from appliance.ua.farewell import USAGE_METHODS
from appliance.ua.invite_usage import ACCEPTED, CONFIRMED, LEAVING, OFFERED, InviteUsage
from appliance.ua.offer_answer import Exchange, OfferAnswer
from appliance.ua.provisional_order import RELIABLE
from appliance.ua.session_body import SESSION_LINE, read_session

REMINDER_S: Final = 60.0
"""13.3.1.1: a provisional response every minute keeps proxies from giving up."""
RELIABLE_REMINDER_S: Final = 150.0
"""RFC 3262 3: every two and a half minutes where it is sent reliably."""


class IncomingInvite(InviteUsage):
    """request: the INVITE; offer: its session, b"" where we are to offer; server: its transaction."""

    __slots__ = ("_answer", "_branches", "_chosen", "_expiry", "_provisional", "_reminder", "_reminding",
                 "offer", "request", "server")

    def __init__(self, core: AgentCore, server: InviteServer, dialog: Dialog, events: CallEvents) -> None:
        if server.request is None:
            raise MisuseError("an INVITE that is answered already")
        super().__init__(core, dialog, events, OFFERED)
        self.request = self.peer_message = server.request
        self.offer = read_session(self.request)
        self.server = server
        self._provisional = b""
        self._branches: dict[int, Branch] | None = None
        self._chosen: Branch | None = None
        self._answer: tuple[Branch, bytes] | None = None
        self._reminding: tuple[Branch, int] | None = None
        self._reminder: Alarm | None = None
        self._expiry: Alarm | None = None
        server.owner = self

    def start(self, now: float) -> None:
        """Take its place in the dialog and watch over the caller's patience (Expires, 13.3.1)."""
        self.join()
        if self.offer:
            self.exchange.receive_offer(self.offer)
        if self.request.expires > 0:
            self._expiry = self.core.alarm()
            self._expiry.set(now + self.request.expires, self._expire)

    @property
    def flow(self) -> Flow:
        """The way it came."""
        return self.server.source

    @property
    def has_alerted(self) -> bool:
        """Whether a provisional response above 100 has been sent."""
        return bool(self._provisional)

    @property
    def supports_reliable(self) -> bool:
        """Whether provisional responses may be sent reliably (RFC 3262 3): the caller and we know how."""
        if RELIABLE not in self.core.profile.supported:
            return False
        return self.requires_reliable or self.peer_supports(RELIABLE)

    @property
    def requires_reliable(self) -> bool:
        """Whether they must be (RFC 3262 3)."""
        request = self.request
        return request.has_require and RELIABLE in [tag.lower() for tag in request.values(b"Require")]

    @property
    def retry_after(self) -> bytes:
        """14.2, RFC 3311 5.2: a random time up to ten seconds."""
        return b"Retry-After: %d\r\n" % int(self.core.random_fraction() * 11)

    # what its user asks for

    def alert(self, status: int, now: float, session: bytes = b"", is_reliable: bool = False,
              branch: int = 0) -> None:
        """A provisional response above 100 (13.3.1.1), reliable where it is to be and can be. session: an early answer,
        which is then the one of the call; sent reliably, to an INVITE without a session, an offer. branch: each number
        is an early dialog with a To tag of its own."""
        if self.state is not OFFERED:
            raise MisuseError("a provisional response after a final one")
        if self._answer is not None:
            return      # the answer only waits for a PRACK
        is_reliable = (is_reliable and self.supports_reliable) or self.requires_reliable
        if not (branch or session or is_reliable or self._branches):
            self.send_provisional(status, self.write_provisional(status, self.dialog, b"", b""), now)
            return
        chosen = self.find_branch(branch)
        if is_reliable and not chosen.may_be_reliable(session):
            if self.requires_reliable:
                return      # RFC 3262 5: it would have to offer, and nothing else may be sent
            is_reliable = False
        self._reminding = (chosen, status) if is_reliable else None
        chosen.alert(status, session, is_reliable, now)
        if is_reliable:
            self._plan_reminder(now + RELIABLE_REMINDER_S)

    def answer(self, session: bytes, now: float, branch: int = 0) -> None:
        """200 (13.3.1.4) in the dialog of this branch: session answers the offer in the INVITE, or is our offer where
        it had none. A session that was in a provisional response before stands (13.2.1). It goes out when what was sent
        reliably has been acknowledged (RFC 3262 3)."""
        if self.state is not OFFERED:
            raise MisuseError("an answer to a call that is answered")
        if not branch and self._branches is None:
            if self.exchange.state is Exchange.REMOTE_OFFER:
                self.exchange.send_answer(session)
            else:
                self.exchange.send_offer(session)
            self._accept(session, now)
            return
        chosen = self.find_branch(branch)
        chosen.prepare_answer()
        self._answer = (chosen, session)
        self.continue_answer(now)

    def continue_answer(self, now: float) -> None:
        """The 2xx that has waited goes out if it may now."""
        if self._answer is None or self.state is not OFFERED:
            return
        chosen, session = self._answer
        if chosen.may_be_accepted:
            self._answer = None
            self._choose(chosen, now)
            self._accept(chosen.accept(session), now)

    def _choose(self, chosen: Branch, now: float) -> None:
        """The call lives in this early dialog; the others are over (13.3.1.4)."""
        for other in (self._branches or {}).values():
            if other is not chosen:
                other.end(now)
        if chosen.dialog is not self.dialog:
            self.core.leave_dialog(self.dialog, self)
        self._chosen = chosen
        self._branches = None
        self.adopt(chosen)

    def _accept(self, session: bytes, now: float) -> None:
        self._silence()
        self.dialog.confirm()
        self.enter(ACCEPTED)
        self.accept_invite(self.server, self.request, session, now)

    def refuse(self, status: int, now: float, lines: bytes = b"") -> None:
        """A final response of 300 or above (13.3.1.2, 13.3.1.3)."""
        self._refuse(status, now, Release(Cause.REFUSED, status), lines)

    def hang_up(self, now: float, lines: bytes = b"", status: int = 603) -> None:
        """Before the answer a refusal with this status; after it BYE, but not before the ACK (15)."""
        if self.state is OFFERED:
            self._refuse(status, now, Release(Cause.WE_LEFT, status), lines)
        elif self.state is ACCEPTED:
            self.enter(LEAVING)
            self.events.released(self, Release(Cause.WE_LEFT, 0), now)
        else:
            super().hang_up(now, lines)

    def finish(self, now: float, release: Release) -> None:
        """Over. The transaction still absorbs copies of the INVITE for 32 s, but needs nobody for that."""
        super().finish(now, release)
        if self._chosen is not None:
            self._chosen.let_go()
        self._branches = self._chosen = self._reminding = None
        if self.server.is_answered:
            self.server.owner = None

    def give_up(self, release: Release, now: float) -> None:
        """Nobody is there to be answered."""
        if self.state is OFFERED:
            self._refuse(release.status, now, release)

    @property
    def asking(self) -> Branch | None:
        """The early dialog, or the former one, whose offer waits for our answer."""
        branches = (self._chosen,) if self._branches is None else self._branches.values()
        return next((branch for branch in branches if branch is not None and branch.has_open_offer), None)

    def change_session(self, offer: bytes, now: float, prefers_update: bool = False) -> bool:
        """CallHandle. Before the answer it is an UPDATE in the only early dialog."""
        if self.state is not OFFERED:
            return super().change_session(offer, now, prefers_update)
        branches = self._branches
        if branches is None or len(branches) != 1 or self._answer is not None:
            return False
        return next(iter(branches.values())).change_session(offer, now)

    # provisional responses

    def find_branch(self, number: int) -> Branch:
        """The early dialog of this number; it is made when it is asked for the first time."""
        if self._branches is None:
            self._branches = {}
        branch = self._branches.get(number)
        if branch is None:
            branch = self._branches[number] = self._open_branch(number)
        return branch

    def _open_branch(self, number: int) -> Branch:
        if number == 0:
            return Branch(self, 0, self.dialog, self.exchange)
        core = self.core
        branch = Branch(self, number, Dialog.of_callee(self.request, core.stack.new_tag()), OfferAnswer())
        branch.dialog.flow, branch.dialog.is_on_flow = self.dialog.flow, self.dialog.is_on_flow
        branch.dialog.identity = self.dialog.identity
        if self.offer:
            branch.exchange.receive_offer(self.offer)
        core.join_dialog(branch.dialog, branch, USAGE_METHODS).rest = branch
        return branch

    def write_provisional(self, status: int, dialog: Dialog, lines: bytes, session: bytes) -> bytes:
        """A provisional response in this dialog; it is the one that is repeated (13.3.1.1)."""
        core = self.core
        lines = b"Contact: %s\r\n%s%s" % (
            core.profile.contact_uri(self.server.flow.listener, dialog.is_secure), core.allow_line, lines)
        if session:
            lines += SESSION_LINE
        octets = self._provisional = self.request.reply(status_line(status), dialog.local_tag, lines, session,
                                                        has_record_route=True)
        return octets

    def send_provisional(self, status: int, octets: bytes, now: float) -> None:
        """Send it, now and every minute (13.3.1.1)."""
        self.server.send(status, octets, now)
        self._plan_reminder(now + REMINDER_S)

    def _plan_reminder(self, deadline: float) -> None:
        if self._reminder is None:
            self._reminder = self.core.alarm()
        self._reminder.set(deadline, self._remind)

    def provisional_unacknowledged(self, now: float) -> None:
        """RFC 3262 3: no PRACK for 64*T1, so a 5xx."""
        self.give_up(Release(Cause.LOST, 504), now)

    # what comes

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """DialogUsage."""
        if request.method == b"PRACK":
            branch = self._chosen if self._branches is None else self._branches.get(0)
            if branch is None:
                server.respond(481, now)    # RFC 3262 3
            else:
                branch.receive_prack(server, request, now)
        elif request.method == b"UPDATE" and self.state is OFFERED:
            self.find_branch(0).request_received(server, request, now)
        else:
            super().request_received(server, request, now)

    def cancel_received(self, cancel: Message, now: float) -> None:
        """9.2: 487. After the 200 a CANCEL has no effect (RFC 5407 3.1.2), the stack does not hand it on."""
        if self.state is OFFERED:
            self._refuse(487, now, Release(Cause.CANCELLED, 487, cancel))

    def bye_received(self, bye: Message, now: float) -> None:
        """15.1.2: a BYE in an early dialog ends the INVITE with 487."""
        if self.state is OFFERED:
            self._refuse(487, now, Release(Cause.PEER_LEFT, 487, bye))
        else:
            super().bye_received(bye, now)

    def invite_received(self, server: InviteServer, request: Message, now: float) -> None:
        """14.2: a second INVITE before the final response to the first."""
        if self.state is OFFERED:
            server.respond(500, now, self.retry_after)
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
        if self._reminding is not None:
            branch, status = self._reminding
            branch.alert(status, b"", True, now)
            self._plan_reminder(now + RELIABLE_REMINDER_S)
            return
        self.server.send(180, self._provisional, now)
        self._plan_reminder(now + REMINDER_S)

    def _expire(self, now: float) -> None:
        if self.state is OFFERED:
            self._refuse(487, now, Release(Cause.CANCELLED, 487))   # 13.3.1 step 1

    def _refuse(self, status: int, now: float, release: Release, lines: bytes = b"") -> None:
        if self.state is not OFFERED:
            raise MisuseError("a refusal of a call that is answered")
        self._silence()
        self._answer = None
        for branch in (self._branches or {}).values():
            branch.end(now)
        self.server.respond(status, now, lines)
        self.finish(now, release)

    def _silence(self) -> None:
        for alarm in (self._reminder, self._expiry):
            if alarm is not None:
                alarm.clear()
