# SPDX-License-Identifier: Apache-2.0
"""One subscription as its notifier holds it: the dialog, the package, the time (RFC 6665 4.2, RFC 3261 12).

Only the notifier changes it. State goes through `enter`, which refuses what TRANSITIONS does not list.
"""

from enum import IntEnum
from math import ceil
from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import split_address
from appliance.pbx.presence.event_package import EventPackage
from appliance.pbx.presence.event_reading import write_rate
from appliance.pbx.presence.event_row import SubscriptionKey, SubscriptionRow
from appliance.pbx.proxy.routing import is_loose
from appliance.sip.flow import TCP, TLS, Flow, Listener

RESERVED_AHEAD = 100
"""CSeq and version on disk run ahead by so many, so that not every NOTIFY costs a write."""


class SubscriptionState(IntEnum):
    """States of RFC 6665 4.2.2; nobody has to be asked, so there is no pending."""

    INIT = 0
    ACTIVE = 1
    TERMINATED = 2


INIT, ACTIVE, TERMINATED = SubscriptionState
TRANSITIONS: Final = (frozenset({ACTIVE, TERMINATED}), frozenset({TERMINATED}), frozenset[SubscriptionState]())
"""What may follow each state, by its number."""


class Subscription:
    """Who (watcher) watches whom (target), both extensions.

    local, remote: our and the subscriber's name-addr with tag, as From and To of a NOTIFY have them; event: value of
    Event; remote_target: URI; routes: Route values in order; flow: where NOTIFYs leave while the route set is empty;
    instance: of the phone by its Contact (RFC 5626 4.1), b"" where it says none or said it before we restarted;
    listener: on which the SUBSCRIBE came; local_cseq: of the last NOTIFY; reserved_cseq: what the disk says of it;
    version: of the next document; deadline: monotonic end; gap_s: between NOTIFYs (RFC 6446).

    changes: elements that wait, by id; has_change: anything waits; is_full_due: the whole state must go; under_way:
    NOTIFYs that are not answered yet; last_document: for packages that always tell the whole state; not_before: the
    earliest next NOTIFY; window_begin, window_count: NOTIFYs of the running second.
    """

    __slots__ = ("bucket_begin", "call_id", "changes", "deadline", "event", "flow", "gap_s", "has_change",
                 "instance", "is_full_due", "last_document", "listener", "local", "local_cseq", "local_tag",
                 "not_before", "package", "pause", "remote", "remote_cseq", "remote_tag", "remote_target",
                 "reserved_cseq", "routes", "state", "target", "under_way",
                 "version", "watcher", "window_begin", "window_count")

    def __init__(self, package: EventPackage, watcher: bytes, target: bytes, listener: Listener, flow: Flow) -> None:
        self.package = package
        self.watcher = watcher
        self.target = target
        self.listener = listener
        self.flow = flow
        self.call_id = self.local_tag = self.remote_tag = b""
        self.local = self.remote = b""
        self.event = package.name
        self.remote_target = self.instance = b""
        self.routes: tuple[bytes, ...] = ()
        self.local_cseq = 0
        self.reserved_cseq = 0
        self.remote_cseq = 0
        self.version = 0
        self.deadline = 0.0
        self.bucket_begin = 0.0
        self.gap_s = 0.0
        self.state = INIT
        self.changes: dict[bytes, bytes] = {}
        self.has_change = False
        self.is_full_due = True
        self.under_way = 0
        self.last_document = b""
        self.not_before = 0.0
        self.window_begin = 0.0
        self.window_count = 0
        self.pause: object = None

    @property
    def key(self) -> SubscriptionKey:
        """The dialog: Call-ID, our tag, the subscriber's."""
        return (self.call_id, self.local_tag, self.remote_tag)

    @property
    def contact(self) -> bytes:
        """Our Contact in this dialog: the target at the address the SUBSCRIBE came to (12.1.1: sips where it was asked
        for securely)."""
        uri = split_address(self.local)[1]
        user = uri.partition(b":")[2].rpartition(b"@")[0]
        place = b"%b%b" % (user + b"@" if user else b"", self.listener.hostport)
        if is_sips(uri) or is_sips(self.remote_target):
            return b"<sips:%b>" % place
        transport = {TCP: b";transport=tcp", TLS: b";transport=tls"}.get(self.listener.transport, b"")
        return b"<sip:%b%b>" % (place, transport)

    def enter(self, state: SubscriptionState) -> None:
        """Change the state."""
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"subscription: {self.state.name} to {state.name}")
        self.state = state

    def build_notify(self, via: bytes, reason: bytes, body: bytes, now: float) -> bytes:
        """The next NOTIFY. via: whole line; reason: of the end (RFC 6665 4.1.3), b"" while it goes on."""
        self.local_cseq += 1
        uri, routes = self.remote_target, self.routes
        if routes and not is_loose(split_address(routes[0])[1]):    # 12.2.1.1: a strict router gets its own URI
            uri, routes = split_address(routes[0])[1], (*routes[1:], b"<%b>" % uri)
        state = b"terminated;reason=%b" % reason if reason else b"active;expires=%d" % max(ceil(self.deadline - now), 0)
        if not reason and self.gap_s:
            state += b";max-rate=" + write_rate(self.gap_s)          # RFC 6446 5.2: as it is applied
        content = b"Content-Type: %b\r\n" % self.package.content_type if body else b""
        return b"".join([
            b"NOTIFY %b SIP/2.0\r\n" % uri, via, *[b"Route: %b\r\n" % route for route in routes],
            b"Max-Forwards: 70\r\nFrom: %b\r\nTo: %b\r\nCall-ID: %b\r\nCSeq: %d NOTIFY\r\nContact: %b\r\n"
            b"Event: %b\r\nSubscription-State: %b\r\n" % (self.local, self.remote, self.call_id, self.local_cseq,
                                                          self.contact, self.event, state),
            content, b"Content-Length: %d\r\n\r\n" % len(body), body])

    def build_row(self, wall_offset: float) -> SubscriptionRow:
        """As it goes to disk; wall_offset: wall clock minus monotonic clock, seconds."""
        self.reserved_cseq = max(self.local_cseq, self.version) + RESERVED_AHEAD
        flow = self.flow
        return SubscriptionRow(self.call_id, self.local_tag, self.remote_tag, self.package.name, self.event,
                               self.watcher, self.target, self.local, self.remote, self.remote_target,
                               b",".join(self.routes), self.reserved_cseq, self.remote_cseq, self.gap_s,
                               self.deadline + wall_offset, self.listener.name, self.listener.transport, flow.host,
                               flow.port)


def is_sips(uri: bytes) -> bool:
    """Whether a URI asks for TLS on every hop (19.1)."""
    return uri[:5].lower() == b"sips:"
