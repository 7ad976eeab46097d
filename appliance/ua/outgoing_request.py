# SPDX-License-Identifier: Apache-2.0
"""One request of ours through all its tries, RFC 3261 8.1.3: its servers found, challenges answered, redirections
followed, refusals repaired, the next address taken where one does not answer (RFC 3263 4.3). Its owner hears what is
left. It changes its draft and, inside a dialog, takes the dialog's next CSeq.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, Protocol

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.digest.client import DigestExchange, ServerProof
from appliance.sip.flow import Flow
from appliance.sip.locating.locator import LARGE_OCTETS
from appliance.sip.locating.search import Verdict
from appliance.sip.transaction.core import ClientTransaction, Failure
from appliance.sip.transaction.invite_client import InviteClient
from appliance.ua.agent_core import AgentCore
from appliance.ua.alarm import Alarm
from appliance.ua.cancelling import cancel_transaction
from appliance.ua.dialog import Dialog
from appliance.ua.location import Hop, Lookup
from appliance.ua.redirection import TargetSet
from appliance.ua.repair import repair_draft
from appliance.ua.request_draft import RequestDraft

TRY_LIMIT: Final = 20
"""Transactions of one request, whatever servers say."""
SILENCE_S: Final = 4.0
"""Four copies over UDP; a connection that nobody refuses has had three tries. The proxy waits as long."""


class RequestState(IntEnum):
    """NEW; LOCATING: nobody knows yet where to send it; TRYING: a copy is out; ENDED: its owner knows, or is about to
    hear, what became of it."""

    NEW = 0
    LOCATING = 1
    TRYING = 2
    ENDED = 3


NEW, LOCATING, TRYING, ENDED = RequestState
TRANSITIONS: Final = (
    frozenset({LOCATING, TRYING}),
    frozenset({LOCATING, TRYING, ENDED}),
    frozenset({LOCATING, TRYING, ENDED}),
    frozenset[RequestState](),
)
"""What may follow each state, by its number."""


class RequestOwner(Protocol):
    """Who sent the request."""

    def provisional_received(self, request: "OutgoingRequest", response: Message, now: float) -> None:
        """A 1xx of the present try."""

    def request_succeeded(self, request: "OutgoingRequest", response: Message, now: float) -> None:
        """A 2xx; to INVITE every copy of it from every fork (RFC 6026 7.2)."""

    def request_refused(self, request: "OutgoingRequest", status: int, response: Message | None, now: float) -> None:
        """Nothing more can be tried. status: 300 to 699; 408 or 503 without a response where nobody answered
        (8.1.3.1), 487 where it was cancelled before it could be sent."""


class _NobodyWaits:
    """The owner of a request about which there is nothing more to tell: who owned it is not kept by it."""

    __slots__ = ()

    def provisional_received(self, request: "OutgoingRequest", response: Message, now: float) -> None:
        pass

    def request_succeeded(self, request: "OutgoingRequest", response: Message, now: float) -> None:
        pass

    def request_refused(self, request: "OutgoingRequest", status: int, response: Message | None, now: float) -> None:
        pass


_NOBODY: Final = _NobodyWaits()
_UNSENT: Final[tuple[int, Message | None]] = (int(Failure.TRANSPORT), None)


class OutgoingRequest:
    """draft: what the present try says; dialog: where it is sent inside one; flow, client: of the present try;
    credentials: its credential lines, which an ACK repeats (22.1); verdict: of the last lookup; answered_cseq: of the
    try that the last 2xx answers."""

    __slots__ = ("_cancel_lines", "_core", "_cseq", "_exchange", "_flows", "_has_spoken", "_hop_octets", "_lookup",
                 "_owner", "_refusal", "_silence", "_silent", "_targets", "_telling", "_tries_left", "answered_cseq",
                 "client", "credentials", "dialog", "draft", "flow", "state", "verdict")

    def __init__(self, core: AgentCore, draft: RequestDraft, owner: RequestOwner, dialog: Dialog | None = None) -> None:
        self._core = core
        self._owner: RequestOwner = owner
        self._exchange: DigestExchange | None = None
        self._targets: TargetSet | None = None
        self._flows: tuple[Flow, ...] = ()
        self._lookup: Lookup | None = None
        self._hop_octets = 0
        self._silence: Alarm | None = None
        self._silent: dict[ClientTransaction, int] = {}     # with the CSeq of each
        self._telling: Alarm | None = None
        self._has_spoken = False
        self._cancel_lines: bytes | None = None
        self._refusal = _UNSENT
        self._tries_left = TRY_LIMIT
        self.draft = draft
        self.dialog = dialog
        self.flow: Flow | None = None
        self.client: ClientTransaction | None = None
        self.credentials = b""
        self.verdict = Verdict.FOUND
        self.answered_cseq = draft.cseq
        self._cseq = draft.cseq
        self.state = NEW

    def send(self, now: float) -> None:
        """The first try. Nothing is told to the owner before this returns."""
        self._aim(now)

    def stop_trying(self) -> None:
        """Nobody wants this request any more: its next final response is the last word."""
        self._tries_left = 0

    def cancel(self, now: float, lines: bytes = b"") -> None:
        """An INVITE is not wanted any more (9.1): CANCEL goes as soon as it may, with these header lines; the owner
        hears the final response, or 487 where nothing was sent yet."""
        if self.state is ENDED:
            return
        self._tries_left = 0
        self._cancel_lines = lines
        if self.state is LOCATING:
            self._refusal = (487, None)
            self._finish(now)
            return
        for client in (self.client, *self._silent):
            if client is not None:
                cancel_transaction(self._core.stack, client, lines, now)

    @property
    def invite(self) -> InviteClient | None:
        """The transaction of the present try where it is an INVITE."""
        return self.client if isinstance(self.client, InviteClient) else None

    @property
    def has_wrong_credentials(self) -> bool:
        """Whether a server has refused the credentials that it had asked for (22.1)."""
        return self._exchange is not None and self._exchange.has_been_rejected

    def _enter(self, state: RequestState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"outgoing request: {self.state.name} to {state.name}")
        self.state = state

    # what the transactions say

    def response_received(self, client: ClientTransaction, response: Message, now: float) -> None:
        """ClientOwner."""
        status = response.status
        if client is not self.client and not self._take_turn(client, response, now):
            return
        if not self._has_spoken:
            self._has_spoken = True
            self._stop_waiting()
            if status == 503:   # 21.5.4: there, but of no use to the next request either
                self._core.health.note_failure(client.flow, now)
            else:
                self._core.health.note_answer(client.flow)
        if status < 200:
            if self._cancel_lines is not None:
                cancel_transaction(self._core.stack, client, self._cancel_lines, now)
            self._owner.provisional_received(self, response, now)
        elif status < 300:
            self.answered_cseq = self._cseq
            self._succeed(response, now)
        else:
            self._refusal = (status, response)
            if not (self._tries_left > 0 and self._try_again(response, now)):
                self._finish(now)

    def transaction_failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """ClientOwner. 8.1.3.1: a timeout counts as 408, a transport error as 503."""
        if not (self._has_spoken and client is self.client):
            self._core.health.note_failure(client.flow, now)
        if client is not self.client:
            self._silent.pop(client, None)
            return
        self._refusal = (int(failure), None)
        if self._tries_left > 0 and self._flows:
            self._try_next_flow(now)
        elif self._silent and not self._has_spoken:
            self.client, self._cseq = self._silent.popitem()    # it may still speak
            self.flow = self.client.flow
        elif failure is Failure.TRANSPORT and self._may_look_elsewhere(client):
            self.draft.flow = None      # the phone's connection broke: it may have another
            self._aim(now)
        elif not (self._tries_left > 0 and self._take_target(now)):
            self._finish(now)

    def _may_look_elsewhere(self, client: ClientTransaction) -> bool:
        return self._tries_left > 0 and self.dialog is not None and self.draft.flow is client.flow

    def provisional_limit_passed(self, client: ClientTransaction, now: float) -> None:
        """ClientOwner. How long a call may ring its owner decides; but nobody waits for ever for the answer to a
        re-INVITE, or to what is not wanted any more."""
        is_late = client is not self.client
        if isinstance(client, InviteClient) and (is_late or self.dialog is not None or self._tries_left <= 0):
            if not is_late:
                self.stop_trying()
            client.fail(Failure.TIMEOUT, now)

    def copies_ended(self, client: ClientTransaction) -> None:
        """InviteOwner."""
        self._silent.pop(client, None)
        if client is self.client:
            self._release_owner()

    def _release_owner(self) -> None:
        if not self._silent:    # they may still have a fork to tell of
            self._owner = _NOBODY

    def _take_turn(self, client: ClientTransaction, response: Message, now: float) -> bool:
        """Whether what a server says that we had given up waiting for is the answer now."""
        status = response.status
        if not self._has_spoken and self.state is TRYING and client in self._silent and self.client is not None:
            cseq, self._silent[self.client] = self._silent.pop(client), self._cseq
            self.client, self.flow, self._cseq = client, client.flow, cseq
            return True
        if status >= 300 or client.method != b"INVITE":
            if status >= 200:
                self._silent.pop(client, None)      # its last word: it is never to be waited for again
        elif status < 200:  # another one has spoken before
            cancel_transaction(self._core.stack, client, self._cancel_lines or b"", now)
        else:
            self.answered_cseq = self._silent.get(client, self._cseq)
            self._succeed(response, now)    # one fork more (13.2.2.4)
        return False

    def _succeed(self, response: Message, now: float) -> None:
        if self.state is not ENDED:
            self._enter(ENDED)
        if self._exchange is not None:
            self._check_server(self._exchange, response)
        for client in self._silent:
            cancel_transaction(self._core.stack, client, b"", now)
        self._owner.request_succeeded(self, response, now)
        if self.draft.method != b"INVITE":
            self._release_owner()

    def _finish(self, now: float) -> None:
        """Nothing more can be tried. The owner of what never left hears of it afterwards."""
        self._enter(ENDED)
        self._stop_waiting()
        if self.client is None:
            self._telling = self._core.alarm()
            self._telling.set(now, self._tell)
        else:
            self._tell(now)

    def _tell(self, now: float) -> None:
        status, response = self._refusal
        self._owner.request_refused(self, status, response, now)
        self._release_owner()

    def _stop_waiting(self) -> None:
        if self._silence is not None:
            self._silence.clear()
        if self._lookup is not None:
            self._lookup.cancel()
            self._lookup = None

    # the next try

    def _try_again(self, response: Message, now: float) -> bool:
        status = response.status
        if status in (401, 407):
            if self._answer_challenge(response, now):
                return True
        elif status in (300, 301, 302) and self.dialog is None:
            if self._targets is None:
                self._targets = TargetSet(self.draft.uri)
            self._targets.add_contacts(response)
        elif status == 503 and self._flows:     # 21.5.4, RFC 3263 4.3
            self._try_next_flow(now)
            return True
        elif repair_draft(self.draft, response, self._core.profile):
            self._renumber()
            self._aim(now)
            return True
        # 8.1.3.4: a target that fails gives way to the next one; a 6xx ends the search
        return status < 600 and self._take_target(now)

    def _answer_challenge(self, response: Message, now: float) -> bool:
        draft, flow = self.draft, self.flow
        if flow is None:
            return False
        exchange = self._exchange
        if exchange is None:
            exchange = self._exchange = self._core.digest.open_exchange()
        exchange.place, exchange.is_in_dialog = flow.hostport, self.dialog is not None
        credentials = exchange.answer_challenges(
            response.headers(b"WWW-Authenticate"), response.headers(b"Proxy-Authenticate"), draft.method, draft.uri,
            draft.body)
        if not credentials:
            return False
        self.credentials = credentials
        self._renumber()
        has_grown = 0 < self._hop_octets <= LARGE_OCTETS < draft.estimate_size() + len(credentials)
        if not flow.is_open or (has_grown and not flow.listener.is_reliable):
            self._aim(now)
        else:
            self._transmit(flow, now)
        return True

    def _take_target(self, now: float) -> bool:
        """8.1.3.4: the next target of a redirection that may be followed."""
        targets, may_follow = self._targets, self._core.profile.may_follow
        while targets is not None and (uri := targets.take_next()) is not None:
            if may_follow(uri):
                self.draft.redirect(uri)
                self._renumber()
                self._aim(now)
                return True
        return False

    def _renumber(self) -> None:
        """8.1.3.5: the same Call-ID, To and From, a CSeq one higher. The same request to another address keeps its
        number (RFC 3263 4.3)."""
        self.draft.cseq = self.dialog.next_cseq() if self.dialog is not None else self.draft.cseq + 1

    # where it goes

    def _aim(self, now: float) -> None:
        """Find out where the draft goes now, and send it there."""
        draft = self.draft
        flow = draft.flow
        if flow is not None and flow.is_open:
            self._flows = ()
            self._try_flow(flow, now)
            return
        self._enter(LOCATING)
        if draft.flows and (found := [one for one in draft.flows if one.is_open]):
            self._take_flows(found, Verdict.FOUND, now)
            return
        self._hop_octets = draft.estimate_size() + len(self.credentials)
        lookup = self._core.locate(Hop(draft.next_hop, self._hop_octets, draft.near, self.dialog is not None),
                                   self._take_flows, now)
        if self.state is LOCATING:
            self._lookup = lookup

    def _take_flows(self, flows: Sequence[Flow], verdict: Verdict, now: float) -> None:
        if self.state is not LOCATING:
            return
        self._lookup = None
        self.verdict = verdict
        self._flows = tuple(flows)
        if self._tries_left <= 0:   # not wanted any more
            self._finish(now)
        elif self._flows:
            if self.flow is not None and len(self._flows) > 1:  # whom we have talked to knows his nonce
                host = self.flow.host
                self._flows = tuple(sorted(flows, key=lambda flow: flow.host != host))
            self._try_next_flow(now)
        elif not self._take_target(now):
            self._finish(now)

    def _try_next_flow(self, now: float) -> None:
        flow, self._flows = self._flows[0], self._flows[1:]
        if self._flows:
            self._wait_for_silence(now)
        self._try_flow(flow, now)

    def _wait_for_silence(self, now: float) -> None:
        if self._silence is None:
            self._silence = self._core.alarm()
        self._silence.set(now + SILENCE_S, self._pass_silence)

    def _pass_silence(self, now: float) -> None:
        """RFC 3263 goes on after Timer B, 32 s. We try the next address beside the silent one, whose transaction lives
        on: what it says before the other counts."""
        if self.state is not TRYING or self._tries_left <= 0 or not self._flows:
            return
        if self.client is not None:
            self._core.health.note_failure(self.client.flow, now)
            self._silent[self.client] = self._cseq
        self._try_next_flow(now)

    def _try_flow(self, flow: Flow, now: float) -> None:
        """Send it there with what that server is known to want."""
        digest = self._core.digest
        self.credentials = b""
        if digest.sessions:
            exchange = self._exchange
            if exchange is None:
                exchange = self._exchange = digest.open_exchange()
            exchange.place = flow.hostport
            draft = self.draft
            self.credentials = exchange.write_known(draft.method, draft.uri, draft.body)
        self._transmit(flow, now)

    def _transmit(self, flow: Flow, now: float) -> None:
        if self._tries_left <= 0:
            raise MisuseError("a try too many")
        self._tries_left -= 1
        self._enter(TRYING)
        core, draft = self._core, self.draft
        branch = core.stack.new_branch()
        octets = draft.write(core.via(flow, branch), flow, self.credentials)
        self.flow = flow
        self._cseq = draft.cseq
        self._has_spoken = False
        if draft.method == b"INVITE":
            self.client = core.stack.send_invite(octets, flow, branch, self, now)
        else:
            self.client = core.stack.send_request(octets, flow, branch, draft.method, self, now)

    def _check_server(self, exchange: DigestExchange, response: Message) -> None:
        """RFC 7616 3.5: the server's own proof and its next nonce."""
        for name, is_proxy in ((b"Authentication-Info", False), (b"Proxy-Authentication-Info", True)):
            value = response.header(name)
            if value and exchange.check_server(value, is_proxy, response.body) is ServerProof.WRONG:
                self._core.stack.counters["server_proofs_wrong"] += 1
