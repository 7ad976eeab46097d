# SPDX-License-Identifier: Apache-2.0
"""The servers of one trunk, by RFC 3263, the same for REGISTER, OPTIONS and INVITE: all stick to the one that works.

Satisfies ua.location.Locator and PathHealth; lookups and what becomes of requests change it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from appliance.sip.flow import TCP, TLS, UDP, Flow, Listener
from appliance.sip.locating.locator import LARGE_OCTETS, Inquiry, Located, Locator
from appliance.sip.locating.numeric import Target
from appliance.sip.locating.search import Verdict
from appliance.sip.locating.server_health import ServerHealth
from appliance.sip.transaction.core import FlowOpener
from appliance.sip.uri import read_host
from appliance.ua.location import FlowsFound, Hop

KNOWN_LIMIT: Final = 64
"""Addresses that the trunk's calls may come from."""
PATHS_KEPT: Final = 256
"""Numeric URIs, mostly of who is talked to at the other end: each comes with every request of a call."""


class TrunkServers:
    """listeners: of the trunk, one for each transport; aliases: URIs that stand for the trunk's servers, and where
    those are; has_tcp: whether large requests may go by TCP; verdict: of the last lookup; latest: where the server is
    that answered last, None where that or nobody has failed since; learnt: called when a server is heard of for the
    first time."""

    __slots__ = ("_flow_to", "_health", "_known", "_listeners", "_locator", "_paths", "aliases", "has_tcp", "latest",
                 "learnt", "verdict")

    def __init__(self, locator: Locator, listeners: Sequence[Listener], flow_to: FlowOpener) -> None:
        self._locator = locator
        self._listeners = tuple(listeners)
        self._flow_to = flow_to
        self._health = ServerHealth()
        self._known: dict[tuple[bytes, int], None] = {}
        self._paths: dict[bytes, tuple[Flow, bytes]] = {}   # with our own place at that time, since listeners move
        self.has_tcp = True
        self.aliases: dict[bytes, bytes] = {}
        self.latest: Flow | None = None
        self.verdict = Verdict.FOUND
        self.learnt: Callable[[], None] = tell_nobody

    def __call__(self, hop: Hop, found: FlowsFound, now: float) -> Inquiry | None:
        """ua.location.Locator."""
        uri = self.aliases.get(hop.uri.lower(), hop.uri) if self.aliases else hop.uri
        size_octets = hop.size_octets if self.has_tcp else 0
        is_large = size_octets > LARGE_OCTETS
        path = self._paths.get(uri)
        if path is not None and not is_large and path[0].is_open and path[0].listener.hostport is path[1]:
            flow = path[0]
            if not hop.is_in_dialog:
                self._learn(flow.host, flow.port)
            self.verdict = Verdict.FOUND
            found((flow,), Verdict.FOUND, now)
            return None
        may_grow = is_large and b";transport=" not in uri.lower()

        def take(located: Located, found_at: float) -> None:
            targets = located.targets
            if may_grow and all(target.transport == UDP for target in targets):
                # RFC 3261 18.1.1: by TCP, with UDP behind it for where that is refused
                targets = [*(target._replace(transport=TCP) for target in targets), *targets]
            flows = self._open_flows(targets, uri)
            if not hop.is_in_dialog:    # what the other end of a call names is no server of the trunk
                for flow in flows:
                    self._learn(flow.host, flow.port)
            if located.is_lasting and not is_large and len(flows) == 1:
                self._remember(uri, flows[0])
            flows = self._order(flows, found_at)
            self.verdict = located.verdict if flows or not targets else Verdict.UNREACHABLE
            found(flows, self.verdict, found_at)
        return self._locator.locate(uri, size_octets, take, now)

    def note_failure(self, flow: Flow, now: float) -> None:
        """ua.location.PathHealth."""
        self._health.note_failure(flow, now)
        if self.preferred == (flow.host, flow.port):
            self.latest = None

    def note_answer(self, flow: Flow) -> None:
        """ua.location.PathHealth."""
        self._health.note_answer(flow)
        if flow is not self.latest and (flow.host, flow.port) in self._known:
            self.latest = flow      # not the far end of a call, which requests in its dialog may reach
            self._learn(flow.host, flow.port)

    @property
    def preferred(self) -> tuple[bytes, int] | None:
        """Host and port of the server that answered last."""
        return None if self.latest is None else (self.latest.host, self.latest.port)

    def has_place(self, hostport: bytes) -> bool:
        """Whether one of the trunk's servers is at this "host:port"."""
        host, _, port = hostport.rpartition(b":")
        return port.isdigit() and (host.strip(b"[]"), int(port)) in self._known

    def has_host(self, host: bytes) -> bool:
        """Whether one of them is at this numeric address, whatever its port."""
        return any(known == host for known, _ in self._known)

    def list_peers(self) -> list[tuple[str, int, str]]:
        """Address, port and transport of everybody whom a firewall is to let in."""
        transports = [one.transport.decode("ascii").lower() for one in self._listeners]
        return [(host.decode("ascii"), port, transport) for host, port in self._known for transport in transports]

    def has_server(self, flow: Flow) -> bool:
        """ua.location.PathHealth."""
        return self.is_beside_server(flow)

    def is_server(self, flow: Flow) -> bool:
        """Whether a request on this flow comes from one of the trunk's servers, to the trunk's own listener."""
        return self._is_near(flow) and (flow.host, flow.port) in self._known

    def is_beside_server(self, flow: Flow) -> bool:
        """The same from any port of such a host: carriers send from many, but others may be there as well."""
        return self._is_near(flow) and any(host == flow.host for host, _ in self._known)

    def _is_near(self, flow: Flow) -> bool:
        return flow.listener.name == self._listeners[0].name

    def _learn(self, host: bytes, port: int) -> None:
        is_new = (host, port) not in self._known
        self._known.pop((host, port), None)
        self._known[host, port] = None
        if len(self._known) > KNOWN_LIMIT:
            del self._known[next(iter(self._known))]
        if is_new:
            self.learnt()

    def _remember(self, uri: bytes, flow: Flow) -> None:
        if len(self._paths) >= PATHS_KEPT:
            self._paths.clear()
        self._paths[uri] = flow, flow.listener.hostport

    def _open_flows(self, targets: Sequence[Target], uri: bytes) -> list[Flow]:
        flows = []
        for target in targets:
            listener = self._choose_listener(target)
            if listener is None or _is_at(target, listener):
                continue    # nothing to send with, or ourselves
            if target.transport == TLS:     # whoever answers there must be who was asked for (RFC 5922 7)
                flows.append(self._flow_to(listener, target.host, target.port, read_host(uri)))
            else:
                flows.append(self._flow_to(listener, target.host, target.port))
        return flows

    def _choose_listener(self, target: Target) -> Listener | None:
        transport, family = target.transport, 6 if b":" in target.host else 4
        for listener in self._listeners:
            if listener.transport == transport and listener.family == family:
                return listener
        return None

    def _order(self, flows: list[Flow], now: float) -> list[Flow]:
        """The one that works first, whatever chance says among equals; who has just failed last."""
        if len(flows) < 2:
            return flows
        preferred = self.preferred
        return self._health.order(sorted(flows, key=lambda flow: (flow.host, flow.port) != preferred), now)


def tell_nobody() -> None:
    """For where no firewall wants to know."""


def _is_at(target: Target, listener: Listener) -> bool:
    return (target.host, target.port) == (listener.host, listener.port)
