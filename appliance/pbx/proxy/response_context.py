# SPDX-License-Identifier: Apache-2.0
"""One proxied request and all its branches (RFC 3261 16.6-16.10): forks by groups of equal q, passes provisional and
2xx responses on, collects the rest, cancels the losers, and sends the best response when nothing is pending any more.
"""

from typing import Protocol

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.pbx.proxy.best_response import decide_upstream_status, rank_response
from appliance.pbx.proxy.hunt import Hunt
from appliance.pbx.proxy.target import Destination, NamedTarget, Target
from appliance.sip.flow import Flow, Listener
from appliance.sip.locating.search import WARNINGS, Verdict
from appliance.sip.transaction.client import NonInviteClient
from appliance.sip.transaction.core import ClientTransaction, Failure
from appliance.sip.transaction.invite_client import InviteClient
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.server import NonInviteServer, ServerTransaction
from appliance.sip.uri import read_host

ANSWERED_ELSEWHERE = b'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n'
"""RFC 3326 3.1: the phone that lost shows no missed call."""
NO_HUNTS: list[Hunt] = []
"""Shared by all requests whose targets are flows; never changed."""


class Forwarder(Protocol):
    """The proxy, as its contexts see it."""

    def forward(self, request: Message, arrived: Flow, target: Target, breadth: int) -> tuple[bytes, bytes]:
        """The octets of one copy and its branch (16.6); no octets when it is too large for its flow."""

    def begin_hunt(self, context: "ResponseContext", target: NamedTarget) -> Hunt:
        """A hunt for the servers of a named target (16.6 step 7), not begun."""

    def search(self, hunt: Hunt, request: Message, now: float) -> None:
        """Begin the lookup of a hunt."""

    def send_copy(self, context: "ResponseContext", octets: bytes, target: Target, branch: bytes,
                  now: float) -> InviteClient | NonInviteClient:
        """Open the client transaction of one copy (16.6 step 10)."""

    def follow(self, request: Message, response: Message) -> list[list[Destination]]:
        """The targets of a 3xx that is followed here; [] where it goes up (16.7 step 4)."""

    def send_cancel(self, context: "ResponseContext", client: InviteClient, lines: bytes, now: float) -> None:
        """Cancel one branch (9.1)."""

    def note_response(self, context: "ResponseContext", client: ClientTransaction, response: Message,
                      now: float) -> None:
        """A response of a branch other than 100 has come: the dialog table follows."""

    def note_end(self, context: "ResponseContext", status: int, now: float) -> None:
        """The final response (0: none) of this request has gone upstream."""


class Successor(Protocol):
    """Takes a request over that no target has served (RFC 3428 7: a message relay)."""

    def request_started(self, server: ServerTransaction, now: float) -> None:
        """The copies are about to go out."""

    def request_served(self, now: float) -> None:
        """A target has taken it."""

    def may_take_over(self, status: int, now: float) -> bool:
        """All branches have ended, with this best status; True: the successor sees to the final response."""


class ResponseContext:
    """RFC 3261 16.2: the server transaction of a request and the client transactions of its copies.

    groups: further target groups to try in turn; call: whatever the proxy hangs here for its dialog table;
    successor: who takes over when no target serves the request, None: nobody.
    """

    __slots__ = ("_best", "_best_rank", "_best_status", "_breadth", "_cancel_lines", "_challenges", "_clients",
                 "_forwarder", "_groups", "_has_followed", "_hunts", "_is_answered", "_outsiders", "_request",
                 "_warning", "call",
                 "server", "successor")

    def __init__(self, forwarder: Forwarder, server: InviteServer | NonInviteServer, request: Message,
                 groups: list[list[Destination]], breadth: int = 0) -> None:
        self._forwarder = forwarder
        self.server = server
        self._request: Message | None = request
        self._groups = groups
        self._hunts: list[Hunt] = NO_HUNTS
        self._warning = b""
        self._clients: list[InviteClient | NonInviteClient] = []
        self._outsiders: tuple[bytes, ...] = ()     # branches to servers that are no phone of ours
        self._breadth = breadth
        self._is_answered = False
        self._has_followed = False
        self._best = b""
        self._best_status = 0
        self._best_rank = 1000
        self._challenges: list[bytes] = []
        self._cancel_lines: bytes | None = None
        self.call: object = None
        self.successor: Successor | None = None

    def start(self, now: float) -> None:
        """Send the copies of the first group."""
        self._try_group(self._groups.pop(0), now)

    def _try_group(self, group: list[Destination], now: float) -> None:
        forwarder = self._forwarder
        request = self._request
        if request is None:
            raise MisuseError("a fork after the final response")
        if len(group) == 1 and isinstance(group[0], Target):
            self._try_target(request, group[0], now)
            return
        # all copies are made before any is sent: a failure must not find half a group
        breadth = self._breadth // len(group)
        for target, (octets, branch) in [(t, forwarder.forward(request, self.server.source, t, breadth)) for t in group
                                         if isinstance(t, Target)]:
            if octets:
                self._send_copy(octets, target, branch, now)
            else:
                self._note_status(513)  # our own lines have made it too large for a datagram
        hunts = [forwarder.begin_hunt(self, target) for target in group if isinstance(target, NamedTarget)]
        if hunts:
            self._hunts = [*self._hunts, *hunts]
            for hunt in hunts:
                forwarder.search(hunt, request, now)
        elif not self._clients:
            self._go_on(now)

    def _try_target(self, request: Message, target: Target, now: float) -> None:
        """The usual case: one copy, to a flow that is known."""
        octets, branch = self._forwarder.forward(request, self.server.source, target, self._breadth)
        if octets:
            self._send_copy(octets, target, branch, now)
        else:
            self._note_status(513)  # our own lines have made it too large for a datagram
            self._go_on(now)

    def _send_copy(self, octets: bytes, target: Target, branch: bytes, now: float) -> None:
        if not target.is_phone:
            self._outsiders = (*self._outsiders, branch)
        self._clients.append(self._forwarder.send_copy(self, octets, target, branch, now))

    # what client transactions tell (ClientOwner)

    def response_received(self, client: ClientTransaction, response: Message, now: float) -> None:
        """16.7 for one response."""
        status = response.status
        if self._hunts and self._is_consumed(client, response, now):
            return
        if status < 200:
            self._pass_provisional(client, response, now)
            return
        self._drop(client)
        if status < 300:
            self._pass_success(client, response, now)
        else:
            self._forwarder.note_response(self, client, response, now)
            self._collect(response, now)

    def transaction_failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """16.8, 16.9: as if that branch had answered 408 or 503; silence after a CANCEL counts as 487 (9.1)."""
        self._drop(client)
        if self._hunts and self._is_replaced(client, now):
            return
        if self._cancel_lines is not None:
            status = 487
        elif failure is Failure.TRANSPORT and client.branch in self._outsiders:
            status = int(failure)
            self._warn(client.flow.listener, client.flow.domain or client.flow.hostport,
                       (client.flow.failure or "the connection has failed").encode())
        elif failure is Failure.TRANSPORT and client.flow.listener.is_reliable:
            status = 480  # the phone's connection is gone: it is away, nothing is wrong with us
        else:
            status = int(failure)
        self._note_status(status)
        self._go_on(now)

    def provisional_limit_passed(self, client: ClientTransaction, now: float) -> None:
        """Timer C (16.8): it has rung for too long."""
        if isinstance(client, InviteClient) and client.may_cancel:
            self._forwarder.send_cancel(self, client, b"", now)

    def copies_ended(self, client: ClientTransaction) -> None:
        """InviteOwner. It is not kept for them."""

    # what the caller does

    def cancel(self, lines: bytes, now: float) -> None:
        """16.10: cancel every branch; one without a provisional response when its first one comes (9.1)."""
        self._cancel_branches(lines, now)
        if self._hunts and not self._clients:
            self._note_status(487)      # it was still being looked up
            self._go_on(now)

    # what hunts tell (HuntOwner): targets that had to be looked up, RFC 3263

    def try_address(self, hunt: Hunt, target: Target, now: float) -> None:
        """A copy for one of its addresses."""
        request = self._request
        if request is None or self.server.is_ended:
            self._go_on(now)
            return
        octets, branch = self._forwarder.forward(request, self.server.source, target, self._breadth)
        if octets:
            hunt.note_copy(branch)
            self._send_copy(octets, target, branch, now)
        elif not hunt.try_next(now):
            self._note_status(513)
            self._go_on(now)

    def hunt_failed(self, hunt: Hunt, verdict: Verdict, now: float) -> None:
        """404 where the DNS knows definitely that nobody is there (21.4.5: "definitive information"), except inside a
        dialog, which that would end (RFC 5057 5.1); 503, so 500 upstream, where nobody could say (16.9)."""
        is_inside = self._request is not None and bool(self._request.to_tag)
        is_nowhere = verdict in (Verdict.ABSENT, Verdict.OURSELVES)
        self._note_status((480 if is_inside else 404) if is_nowhere else 503)
        self._warn(hunt.target.near, read_host(hunt.target.hop), WARNINGS[verdict])
        self._go_on(now)

    def _warn(self, listener: Listener, peer: bytes, reason: bytes) -> None:
        """20.43: for the person who reads the ladder."""
        text = bytes(octet for octet in b"%s: %s" % (peer, reason) if octet >= 0x20 and octet not in b'"\\\x7f')
        self._warning = b'Warning: 399 %s "%s"\r\n' % (listener.hostport, text)

    def _is_consumed(self, client: ClientTransaction, response: Message, now: float) -> bool:
        """Whether a response from one of a target's addresses ends there: a 503, when there is another address
        (RFC 3263 4.3), or one that comes too late to matter."""
        hunt = self._find_hunt(client)
        if hunt is None:
            return False
        hunt.note_response(client.branch, client.flow)
        status = response.status
        if client.branch in hunt.late and not 200 <= status < 300:
            if isinstance(client, InviteClient) and client.may_cancel:
                self._forwarder.send_cancel(self, client, b"", now)
            return True
        if status < 200:
            return False
        if status == 503 and hunt.try_next(now):
            self._drop(client)
            self._forwarder.note_response(self, client, response, now)
            return True
        late = hunt.abandon_silent()
        self._clients = [one for one in self._clients if one.branch not in late]
        return False

    def _is_replaced(self, client: ClientTransaction, now: float) -> bool:
        """Whether the next address of the same target takes the place of one that has failed (16.6 step 7)."""
        hunt = self._find_hunt(client)
        if hunt is None:
            return False
        hunt.note_failure(client.flow, now)
        return client.branch in hunt.late or hunt.try_next(now)

    def _find_hunt(self, client: ClientTransaction) -> Hunt | None:
        for hunt in self._hunts:
            if client.branch in hunt.branches:
                return hunt
        return None

    # inside

    def _cancel_branches(self, lines: bytes, now: float) -> None:
        self._groups.clear()
        self._cancel_lines = lines
        for hunt in self._hunts:
            hunt.stop()
        for client in self._clients:
            if isinstance(client, InviteClient) and client.may_cancel:
                self._forwarder.send_cancel(self, client, lines, now)

    def _drop(self, client: ClientTransaction) -> None:
        clients = self._clients
        if client in clients:
            clients.remove(client)

    def _pass_provisional(self, client: ClientTransaction, response: Message, now: float) -> None:
        server = self.server
        if not isinstance(server, InviteServer) or not isinstance(client, InviteClient):
            return  # RFC 4320 4.1: provisional responses to non-INVITE requests stay here
        if self._cancel_lines is not None and client.may_cancel:
            self._forwarder.send_cancel(self, client, self._cancel_lines, now)
        if response.status > 100 and not server.is_answered:
            self._forwarder.note_response(self, client, response, now)
            server.send(response.status, response.without_top_via(), now)

    def _pass_success(self, client: ClientTransaction, response: Message, now: float) -> None:
        """16.7 step 5: every 2xx to INVITE goes up at once; the other branches are cancelled (step 10)."""
        self._forwarder.note_response(self, client, response, now)
        server = self.server
        server.send(response.status, response.without_top_via(), now)
        self._groups.clear()
        if (self._clients or self._hunts) and self._cancel_lines is None:
            self._cancel_branches(ANSWERED_ELSEWHERE, now)
        if not self._is_answered:
            self._is_answered = True
            self._request = None  # what stays for late 2xx must be small
            self._forwarder.note_end(self, response.status, now)
            if self.successor is not None:
                self.successor.request_served(now)

    def _collect(self, response: Message, now: float) -> None:
        status = response.status
        if 300 <= status < 400 and self._may_follow(response, now):
            return
        if status == 401 or status == 407:
            name = b"WWW-Authenticate" if status == 401 else b"Proxy-Authenticate"
            self._challenges.extend(b"%s: %s\r\n" % (name, value) for value in response.headers(name))
        if not self._is_answered and rank_response(status) < self._best_rank:
            self._best_rank = rank_response(status)
            self._best_status = status
            self._best = response.without_top_via()
        if status >= 600 and self._cancel_lines is None:
            self._cancel_branches(b"", now)  # 16.7 step 5: nobody else is asked, but a 2xx under way may still win
        self._go_on(now)

    def _may_follow(self, response: Message, now: float) -> bool:
        """16.7 step 4: a 3xx that leads to others of our own users becomes targets, once for a request."""
        request = self._request
        if self._has_followed or request is None or self._cancel_lines is not None:
            return False
        groups = self._forwarder.follow(request, response)
        if not groups:
            return False
        self._has_followed = True
        self._groups[:0] = groups[1:]
        self._try_group(groups[0], now)
        return True

    def _note_status(self, status: int) -> None:
        if not self._is_answered and rank_response(status) < self._best_rank:
            self._best_rank = rank_response(status)
            self._best_status = status
            self._best = b""

    def _go_on(self, now: float) -> None:
        if self._clients or self._is_answered or any(hunt.is_searching for hunt in self._hunts):
            return
        server = self.server
        if isinstance(server, InviteServer) and server.is_answered:
            self._forwarder.note_end(self, 0, now)  # we stop, and have said so (Proxy.give_up)
        elif not self._groups and self.successor is not None and self.successor.may_take_over(self._best_status, now):
            self._forwarder.note_end(self, 0, now)
        elif server.is_ended:
            self._forwarder.note_end(self, 0, now)  # RFC 4320 4.2: the caller has given up on its request by now
        elif self._groups:
            self._try_group(self._groups.pop(0), now)
        else:
            self._send_best(now)

    def _send_best(self, now: float) -> None:
        """16.7 step 6."""
        status = decide_upstream_status(self._best_status)
        server = self.server
        self._forwarder.note_end(self, status, now)
        if status == 408 and not isinstance(server, InviteServer):
            server.abandon()  # RFC 4320 4.2: nobody sends 408 to a non-INVITE request
        elif self._best and status == self._best_status:
            server.send(status, self._with_challenges(), now)
        else:
            server.respond(status, now, self._warning)

    def _with_challenges(self) -> bytes:
        """16.7 step 7: the best 401 or 407 carries the challenges of every branch."""
        if self._best_status not in (401, 407) or len(self._challenges) < 2:
            return self._best
        best = Message(self._best)
        own = {b"%s: %s\r\n" % (name, value) for name in (b"WWW-Authenticate", b"Proxy-Authenticate")
               for value in best.headers(name)}
        at = self._best.index(b"\n") + 1
        return self._best[:at] + b"".join(c for c in self._challenges if c not in own) + self._best[at:]
