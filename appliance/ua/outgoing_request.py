# SPDX-License-Identifier: Apache-2.0
"""One request of ours through all its tries, RFC 3261 8.1.3: challenges answered, redirections followed, refusals
repaired, the next address taken where one does not answer (RFC 3263 4.3). Its owner hears what is left.

It changes its draft and, inside a dialog, takes the dialog's next CSeq.
"""

from typing import Final, Protocol

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.digest.client import ServerProof
from appliance.sip.flow import Flow
from appliance.sip.transaction.core import ClientTransaction, Failure
from appliance.sip.transaction.invite_client import InviteClient
from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog import Dialog
from appliance.ua.redirection import TargetSet
from appliance.ua.repair import repair_draft
from appliance.ua.request_draft import RequestDraft

TRY_LIMIT: Final = 20
"""Transactions of one request, whatever servers say."""


class RequestOwner(Protocol):
    """Who sent the request."""

    def provisional_received(self, request: "OutgoingRequest", response: Message, now: float) -> None:
        """A 1xx of the present try."""

    def request_succeeded(self, request: "OutgoingRequest", response: Message, now: float) -> None:
        """A 2xx; to INVITE every copy of it from every fork (RFC 6026 7.2)."""

    def request_refused(self, request: "OutgoingRequest", status: int, response: Message | None, now: float) -> None:
        """Nothing more can be tried. status: 300 to 699; 408 or 503 without a response where nobody answered
        (8.1.3.1)."""


class OutgoingRequest:
    """draft: what the present try says; dialog: where it is sent inside one; flow, client: of the present try;
    credentials: its credential lines, which an ACK repeats (22.1)."""

    __slots__ = ("_core", "_exchange", "_flows", "_owner", "_retry", "_targets", "_tries_left", "client", "credentials",
                 "dialog", "draft", "flow")

    def __init__(self, core: AgentCore, draft: RequestDraft, owner: RequestOwner, dialog: Dialog | None = None) -> None:
        self._core = core
        self._owner = owner
        self._exchange = core.digest.open_exchange()
        self._targets = TargetSet(draft.uri)
        self._flows: list[Flow] = []
        self._retry = core.alarm()
        self._tries_left = TRY_LIMIT
        self.draft = draft
        self.dialog = dialog
        self.flow: Flow | None = None
        self.client: ClientTransaction | None = None
        self.credentials = b""

    def send(self, now: float) -> None:
        """The first try. Nothing is told to the owner before this returns."""
        self.credentials = self._exchange.write_known(self.draft.method, self.draft.uri, self.draft.body)
        self._locate()
        if not self._flows:
            self._retry.set(now, self._fail_unlocated)
            return
        self._try_next_flow(now)

    def stop_trying(self) -> None:
        """Nobody wants this request any more: its next final response is the last word."""
        self._tries_left = 0

    @property
    def invite(self) -> InviteClient | None:
        """The transaction of the present try where it is an INVITE."""
        return self.client if isinstance(self.client, InviteClient) else None

    # what the transaction says

    def response_received(self, client: ClientTransaction, response: Message, now: float) -> None:
        """ClientOwner."""
        status = response.status
        if status < 200:
            self._owner.provisional_received(self, response, now)
        elif status < 300:
            self._check_server(response)
            self._owner.request_succeeded(self, response, now)
        elif not (self._tries_left > 0 and self._try_again(response, now)):
            self._owner.request_refused(self, status, response, now)

    def transaction_failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """ClientOwner. 8.1.3.1: a timeout counts as 408, a transport error as 503."""
        if self._tries_left > 0 and (self._flows or self._take_target()):
            self._send_again(now)
        else:
            self._owner.request_refused(self, int(failure), None, now)

    def provisional_limit_passed(self, client: ClientTransaction, now: float) -> None:
        """ClientOwner. How long a call may ring its owner decides; but nobody waits for ever for the answer to a
        re-INVITE, or to what is not wanted any more."""
        invite = self.invite
        if invite is not None and (self.dialog is not None or self._tries_left <= 0):
            self.stop_trying()
            invite.fail(Failure.TIMEOUT, now)

    def _fail_unlocated(self, now: float) -> None:
        self._owner.request_refused(self, int(Failure.TRANSPORT), None, now)

    # the next try

    def _try_again(self, response: Message, now: float) -> bool:
        status = response.status
        if status in (401, 407):
            if self._answer_challenge(response) and self.flow is not None:
                self._renumber()
                self._transmit(self.flow, now)
                return True
        elif status in (300, 301, 302) and self.dialog is None:
            self._targets.add_contacts(response)
        elif status == 503 and self._flows:     # 21.5.4, RFC 3263 4.3
            self._send_again(now)
            return True
        elif repair_draft(self.draft, response, self._core.profile):
            self._locate()
            if self._flows:
                self._refresh_credentials()
                self._send_again(now)
                return True
        # 8.1.3.4: a target that fails gives way to the next one; a 6xx ends the search
        if status < 600 and self._take_target():
            self._send_again(now)
            return True
        return False

    def _answer_challenge(self, response: Message) -> bool:
        draft = self.draft
        credentials = self._exchange.answer_challenges(
            response.headers(b"WWW-Authenticate"), response.headers(b"Proxy-Authenticate"), draft.method, draft.uri,
            draft.body)
        self.credentials = credentials or self.credentials
        return bool(credentials)

    def _refresh_credentials(self) -> None:
        """Digests cover method and URI: what changes needs new ones."""
        draft = self.draft
        self.credentials = self._exchange.write_known(draft.method, draft.uri, draft.body)

    def _take_target(self) -> bool:
        may_follow = self._core.profile.may_follow
        while (uri := self._targets.take_next()) is not None:
            if not may_follow(uri):
                continue
            self.draft.redirect(uri)
            self._locate()
            if self._flows:
                self._refresh_credentials()
                return True
        return False

    def _locate(self) -> None:
        self._flows = list(self._core.locate(self.draft.next_hop))

    def _send_again(self, now: float) -> None:
        self._renumber()
        self._try_next_flow(now)

    def _renumber(self) -> None:
        """8.1.3.5: the same Call-ID, To and From, a CSeq one higher."""
        self.draft.cseq = self.dialog.next_cseq() if self.dialog is not None else self.draft.cseq + 1

    def _try_next_flow(self, now: float) -> None:
        self._transmit(self._flows.pop(0), now)

    def _transmit(self, flow: Flow, now: float) -> None:
        if self._tries_left <= 0:
            raise MisuseError("a try too many")
        self._tries_left -= 1
        core, draft = self._core, self.draft
        branch = core.stack.new_branch()
        octets = draft.write(core.via(flow, branch), flow, self.credentials)
        self.flow = flow
        if draft.method == b"INVITE":
            self.client = core.stack.send_invite(octets, flow, branch, self, now)
        else:
            self.client = core.stack.send_request(octets, flow, branch, draft.method, self, now)

    def _check_server(self, response: Message) -> None:
        """RFC 7616 3.5: the server's own proof and its next nonce."""
        for name, is_proxy in ((b"Authentication-Info", False), (b"Proxy-Authentication-Info", True)):
            value = response.header(name)
            if value and self._exchange.check_server(value, is_proxy, response.body) is ServerProof.WRONG:
                self._core.stack.counters["server_proofs_wrong"] += 1
