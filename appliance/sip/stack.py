# SPDX-License-Identifier: Apache-2.0
"""The SIP stack without hands: octets and the time come in, `(octets, flow)` leave through `flow.outbox`.

It reads a message, finds its transaction or hands it to the transaction user, and owns both transaction tables
(RFC 3261 section 17). Elements call it back to open transactions and to send.
"""

from collections.abc import Callable
from typing import Protocol

from appliance.native.sip_scanner import Message, ScanError, siphash
from appliance.sip.flow import Flow, Listener
from appliance.sip.status import status_line
from appliance.sip.stun import answer_binding_request, is_stun
from appliance.sip.timers import Timers
from appliance.sip.transaction.client import NonInviteClient
from appliance.sip.transaction.core import ClientOwner, Failure, FlowOpener, InviteOwner
from appliance.sip.transaction.invite_client import InviteClient
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.server import NonInviteServer, ServerTransaction
from appliance.vocabulary.counters import Counters

MAGIC_COOKIE = b"z9hG4bK"
TRANSACTIONS_MAX = 250_000
"""Server transactions at a time, some 150 MB: thirty-two seconds of more than any box can serve."""


class TransactionUser(Protocol):
    """The element above the stack (RFC 3261 section 5, layer 4)."""

    def request_received(self, message: Message, flow: Flow, now: float) -> None:
        """A sound request that belongs to no transaction yet; never ACK or CANCEL."""

    def ack_received(self, message: Message, flow: Flow, now: float) -> None:
        """An ACK that belongs to a 2xx, or to nothing."""

    def cancel_received(self, invite: InviteServer, cancel: Message, now: float) -> None:
        """A CANCEL for this INVITE, already answered with 200; the INVITE has no final response yet."""


class SipStack:
    """Both transaction tables, the timer, and the tags and branches of this process.

    flow_to: finds the flow to a numeric address; random_octets: a source of unpredictable octets (key material);
    realm: of the credentials that a request loses when it is forwarded, b"" for none; transactions_max: of servers.
    """

    __slots__ = ("_clients", "_count", "_flow_to", "_key", "_merges", "_servers", "_user", "counters", "realm",
                 "timers", "transactions_max")

    def __init__(self, flow_to: FlowOpener, random_octets: Callable[[int], bytes], counters: Counters,
                 transactions_max: int = TRANSACTIONS_MAX) -> None:
        self._flow_to = flow_to
        self._key = random_octets(16)
        self._count = int.from_bytes(random_octets(4), "big")
        self._servers: dict[bytes, InviteServer | NonInviteServer] = {}
        self._clients: dict[bytes, InviteClient | NonInviteClient] = {}
        self._merges: dict[bytes, bytes] = {}
        self._user: TransactionUser
        self.counters = counters
        self.realm = b""
        self.transactions_max = transactions_max
        self.timers = Timers()

    def serve(self, user: TransactionUser) -> None:
        """Name the element that gets what no transaction takes. Once, before the first message."""
        self._user = user

    # what the shell calls

    def receive_datagram(self, data: bytes, flow: Flow, now: float) -> None:
        """One datagram: a message, a STUN request (RFC 5626 8), or a keep-alive of CR and LF, which is only counted."""
        try:
            message = Message(data, flow.host, flow.port)
        except ScanError as error:
            if is_stun(data):
                answer_by = flow.listener.answer_by
                self._answer_stun(data, flow if answer_by is None else answer_by(flow))
                return
            reason = "discarded_keepalive" if data[:2] == b"\r\n" and not data.strip() else f"discarded_{error.reason}"
            self.counters[reason] += 1
            return
        if message.is_request:
            self._receive_request(message, flow, now)
        else:
            self._receive_response(message, now)

    def _answer_stun(self, data: bytes, flow: Flow) -> None:
        answer = answer_binding_request(data, flow.host, flow.port)
        if answer:
            flow.outbox.append((answer, flow))
        self.counters["stun_answered" if answer else "discarded_stun"] += 1

    def receive_message(self, data: bytes, flow: Flow, now: float) -> bool:
        """One message framed out of a stream (18.3). False for a request that cannot be answered: its sender learns it
        from the end of the connection, which is to be closed, instead of waiting 32 s."""
        try:
            message = Message(data, flow.host, flow.port, True)
        except ScanError as error:
            self.counters[f"discarded_{error.reason}"] += 1
            return data[:4].upper() == b"SIP/"
        if message.is_request:
            self._receive_request(message, flow, now)
        else:
            self._receive_response(message, now)
        return True

    def handle_deadline(self, now: float) -> None:
        """Fire every timer that is due."""
        self.timers.run(now)

    def next_deadline(self) -> float | None:
        """When handle_deadline wants to be called next."""
        return self.timers.next_deadline()

    def flow_failed(self, flow: Flow, now: float) -> None:
        """A connection is gone: its client transactions get a transport error (17.1.4)."""
        flow.is_open = False
        for client in [client for client in self._clients.values() if client.flow is flow]:
            client.fail(Failure.TRANSPORT, now)

    def listener_moved(self, listener: Listener, answer_by: Callable[[Flow], Flow]) -> Callable[[], bool]:
        """A UDP listener is at another place: requests that came in before are answered from where they came in
        (RFC 3581 4). The result says whether a transaction that is open now has not ended yet."""
        servers = [one for one in self._servers.values() if one.flow.listener is listener]
        for server in servers:
            if server.flow.stream is None:      # else it came in where the listener was even before that
                server.flow = answer_by(server.flow)
        clients = [one for one in self._clients.values() if one.flow.listener is listener]

        def has_open() -> bool:
            return any(self._servers.get(one.key) is one for one in servers) or any(
                self._clients.get(other.key) is other for other in clients)
        return has_open

    # requests

    def _receive_request(self, message: Message, flow: Flow, now: float) -> None:
        method = message.method
        server = self._servers.get(message.server_key)
        if server is not None:
            if method == b"ACK":
                is_absorbed = isinstance(server, InviteServer) and server.receive_ack(now)
                if not is_absorbed and not message.fault_status:
                    self._user.ack_received(message, flow, now)
            else:
                self.counters["retransmissions_received"] += 1
                server.receive_retransmission()
        elif message.fault_status:
            self._answer_fault(message, flow)
        elif method == b"ACK":
            self._user.ack_received(message, flow, now)
        elif method == b"CANCEL":
            self._receive_cancel(message, flow, now)
        elif len(self._servers) >= self.transactions_max:
            self.counters["refused_transactions"] += 1
            self.reply_stateless(message, flow, 503, b"Retry-After: 10\r\n")
        else:
            self._user.request_received(message, flow, now)

    def _answer_fault(self, message: Message, flow: Flow) -> None:
        self.counters["faulty_requests"] += 1
        if message.method != b"ACK":  # an ACK is never answered (17)
            reason = b"Warning: 399 %s \"%s\"\r\n" % (flow.listener.hostport, message.fault_reason)
            self.reply_stateless(message, flow, message.fault_status, reason)

    def _receive_cancel(self, cancel: Message, flow: Flow, now: float) -> None:
        """9.2: the INVITE of the same branch, from the same place (22.1: a CANCEL cannot be challenged)."""
        invite = self._servers.get(cancel.invite_key)
        server = self.open_server(cancel, flow, now)
        if not isinstance(invite, InviteServer) or invite.source.host != flow.host:
            server.respond(481, now)
            return
        if not invite.tag:
            invite.tag = self.new_tag()
        server.tag = invite.tag  # 9.2: the To tag of both should be the same
        server.respond(200, now)
        if not invite.is_answered:
            self._user.cancel_received(invite, cancel, now)

    # responses

    def _receive_response(self, message: Message, now: float) -> None:
        if message.fault_status:
            self.counters["discarded_faulty_response"] += 1
            return
        client = self._clients.get(message.client_key)
        # 18.1.2: a response whose top Via is not ours is discarded; RFC 6026 8.4: so is one without a transaction. What
        # went out before its listener moved is answered with what the listener was.
        if client is None or (message.sent_by != client.flow.listener.hostport
                              and message.sent_by not in client.flow.listener.former):
            self.counters["discarded_stray_response"] += 1
            return
        client.receive_response(message, now)

    # what elements call

    def open_server(self, message: Message, flow: Flow, now: float) -> InviteServer | NonInviteServer:
        """The server transaction of a request that has none yet."""
        key = message.server_key
        server: InviteServer | NonInviteServer
        if message.method == b"INVITE":
            server = InviteServer(self, key, message, flow, now)
        else:
            server = NonInviteServer(self, key, message, flow, now)
        self._servers[key] = server
        return server

    def reply_stateless(self, message: Message, flow: Flow, status: int, lines: bytes = b"") -> None:
        """Answer without keeping anything (8.2.7): a repeated request gets the same To tag again."""
        tag = siphash(self._key, message.server_key)
        reply_flow = self.reply_flow(message, flow)
        reply_flow.outbox.append((message.reply(status_line(status), tag, lines), reply_flow))

    def send_invite(self, octets: bytes, flow: Flow, branch: bytes, owner: InviteOwner, now: float) -> InviteClient:
        """Send an INVITE whose top Via has this branch; its owner hears of every response."""
        client = InviteClient(self, octets, flow, branch, owner, now)
        self._clients[client.key] = client
        return client

    def send_request(self, octets: bytes, flow: Flow, branch: bytes, method: bytes, owner: ClientOwner,
                     now: float) -> NonInviteClient:
        """Send any other request (never ACK) whose top Via has this branch."""
        client = NonInviteClient(self, octets, flow, branch, method, owner, now)
        self._clients[client.key] = client
        return client

    def claim_merge(self, message: Message, server: ServerTransaction) -> bool:
        """False when the same request is already being served for the same Request-URI by another transaction: it came
        here by two ways (8.2.2.2, to be answered 482). Ends with the transaction's final response."""
        key = message.merge_key + b" " + message.uri
        if self._merges.setdefault(key, server.key) != server.key:
            return False
        server.merge_key = key
        return True

    def release_merge(self, server: ServerTransaction) -> None:
        """The final response has been sent: the same request by another way is no merge any more."""
        if server.merge_key:
            self._merges.pop(server.merge_key, None)
            server.merge_key = b""

    def pending_invites(self) -> list[InviteServer]:
        """INVITEs that have no final response yet."""
        return [server for server in self._servers.values() if isinstance(server, InviteServer)
                and not server.is_answered]

    def new_tag(self) -> bytes:
        """A fresh tag: 64 unpredictable bits (19.3 wants 32)."""
        self._count += 1
        return siphash(self._key, b"tag %d" % self._count)

    def new_branch(self, message: Message | None = None) -> bytes:
        """A fresh branch; for a forwarded request its second part is the loop hash (16.6 step 8, RFC 5393 4.2)."""
        self._count += 1
        if message is None:
            return b"%s%x.%s" % (MAGIC_COOKIE, self._count, siphash(self._key, b"branch %d" % self._count))
        return b"%s%x.%s" % (MAGIC_COOKIE, self._count, message.loop_hash(self._key, self.realm))

    def steady_branch(self, message: Message) -> bytes:
        """The branch of a request forwarded without a transaction: the same for every copy of it (16.11)."""
        return MAGIC_COOKIE + siphash(self._key, message.server_key)

    def has_looped(self, message: Message) -> bool:
        """Whether we have forwarded this very request before (16.3 step 4, RFC 5393 4.2)."""
        return b"." + message.loop_hash(self._key, self.realm) in b"\n".join(message.values(b"Via"))

    def flow_to(self, listener: Listener, host: bytes, port: int) -> Flow:
        """The flow from a listener to a numeric address."""
        return self._flow_to(listener, host, port)

    # what transactions call

    def reply_flow(self, message: Message, flow: Flow) -> Flow:
        """18.2.2 with RFC 3581: streams answer on the connection; UDP goes to the source address, and to the source
        port only where rport asked for it. maddr is ignored: it would let a stranger aim our answers."""
        if flow.listener.is_reliable:
            return flow if flow.is_open else self._flow_to(flow.listener, flow.host, message.via_port)
        if not (message.has_rport or message.via_port == flow.port):
            flow = self._flow_to(flow.listener, flow.host, message.via_port)
        answer_by = flow.listener.answer_by
        return flow if answer_by is None else answer_by(flow)

    def forget_server(self, transaction: ServerTransaction) -> None:
        """A server transaction has terminated."""
        self.release_merge(transaction)
        self._servers.pop(transaction.key, None)

    def forget_client(self, transaction: InviteClient | NonInviteClient) -> None:
        """A client transaction has terminated."""
        self._clients.pop(transaction.key, None)

    @property
    def transactions_open(self) -> int:
        """Server and client transactions now in the tables."""
        return len(self._servers) + len(self._clients)
