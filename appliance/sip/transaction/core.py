# SPDX-License-Identifier: Apache-2.0
"""What a transaction machine needs from the stack that holds it, and what it tells the element that uses it."""

from enum import IntEnum
from typing import Any, Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow, Listener
from appliance.sip.timers import Timers
from appliance.vocabulary.counters import Counters


class Failure(IntEnum):
    """Why a client transaction ended without a final response (RFC 3261 8.1.3.1)."""

    TIMEOUT = 408
    TRANSPORT = 503


class TransactionCore(Protocol):
    """The side of the stack that machines see."""

    timers: Timers
    counters: Counters

    def new_tag(self) -> bytes:
        """A fresh tag, RFC 3261 19.3."""

    def reply_flow(self, message: Message, flow: Flow) -> Flow:
        """Where responses to a request go, RFC 3261 18.2.2 with RFC 3581."""

    def flow_to(self, listener: Listener, host: bytes, port: int) -> Flow:
        """The flow from a listener to a numeric address."""

    def forget_server(self, transaction: Any) -> None:
        """A server transaction has terminated."""

    def forget_client(self, transaction: Any) -> None:
        """A client transaction has terminated."""


class ClientTransaction(Protocol):
    """What an owner sees of its client transaction."""

    flow: Flow
    branch: bytes
    method: bytes


class ClientOwner(Protocol):
    """Who sent the request of a client transaction."""

    def response_received(self, client: ClientTransaction, response: Message, now: float) -> None:
        """A response that is no retransmission; a 2xx to INVITE comes each time it arrives (RFC 6026 7.2)."""

    def transaction_failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """No final response will come any more."""

    def provisional_limit_passed(self, client: ClientTransaction, now: float) -> None:
        """An INVITE has been proceeding for longer than its limit (Timer C, 16.6 step 11)."""


class InviteOwner(ClientOwner, Protocol):
    """Who sent an INVITE."""

    def copies_ended(self, client: ClientTransaction) -> None:
        """No copy of its 2xx will come any more (RFC 6026 7.2, Timer M)."""


class FlowOpener(Protocol):
    """Finds or opens the flow from a listener to a numeric remote address; the socket layer satisfies it."""

    def __call__(self, listener: Listener, host: bytes, port: int, domain: bytes = b"") -> Flow:
        """The flow; the same object for the same address while it is open. domain: over TLS, whom the address was
        looked up for and who the peer has to be (RFC 5922)."""
