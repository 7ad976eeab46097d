# SPDX-License-Identifier: Apache-2.0
"""From a name to flows: locates the servers of a target (RFC 3263) and decides from which listener each is reached."""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address

from appliance.pbx.proxy.target import NamedTarget
from appliance.sip.flow import TLS, Flow, Listener
from appliance.sip.locating.ability import Ability
from appliance.sip.locating.locator import Inquiry, Located, Locator
from appliance.sip.locating.numeric import Target as Address
from appliance.sip.locating.plain_host import write_plainly
from appliance.sip.locating.search import Verdict
from appliance.sip.locating.server_health import ServerHealth
from appliance.sip.transaction.core import FlowOpener
from appliance.sip.uri import read_host

BROADCAST = ip_address("255.255.255.255")

SourceFinder = Callable[[bytes], bytes | None]
"""The address of this machine that the kernel would send from to a numeric host; None when there is no way there."""

FlowsFound = Callable[[list[Flow], Verdict, float], None]
"""The flows in the order in which to try them, why there are none, and the time."""


def find_no_source(_host: bytes) -> None:
    """For where nobody asks the kernel."""


def bar_nobody(_host: bytes) -> bool:
    """For an office without trunks."""
    return False


class ServerFinder:
    """locator: runs the lookups; flow_to: the socket layer's; source_of: the kernel's choice of our address; health:
    which servers have just failed; is_barred: numeric hosts that no request of the office gets to."""

    __slots__ = ("_flow_to", "_listeners", "_locator", "_own", "_source_of", "health", "is_barred")

    def __init__(self, locator: Locator, listeners: list[Listener], flow_to: FlowOpener,
                 source_of: SourceFinder = find_no_source) -> None:
        self._locator = locator
        self._listeners = listeners
        self._flow_to = flow_to
        self._source_of = source_of
        self._own = OwnHosts(listeners)
        self.health = ServerHealth()
        self.is_barred: Callable[[bytes], bool] = bar_nobody

    def reconfigure(self) -> None:
        """The listeners have changed, or their addresses."""
        self._own = OwnHosts(self._listeners)
        self._locator.ability = Ability.of_listeners(self._listeners)

    def find(self, target: NamedTarget, size_octets: int, found: FlowsFound, now: float,
             source: bytes = b"") -> Inquiry | None:
        """Look up a target for a request of this size from this host; `found` may be called before this returns."""
        def take(located: Located, found_at: float) -> None:
            flows = self.health.order(self._open_flows(located.targets, target), found_at)
            found(flows, located.verdict if flows else self._explain(located), found_at)
        return self._locator.locate(target.hop, size_octets, take, now, source)

    def _explain(self, located: Located) -> Verdict:
        """Why there is no flow. A name that leads to ourselves and is no domain of ours names nobody: asking ourselves
        would never end."""
        if any(one in self._own for one in located.targets):
            return Verdict.OURSELVES
        return Verdict.ABSENT if located.targets else located.verdict

    def _open_flows(self, addresses: list[Address], target: NamedTarget) -> list[Flow]:
        flows = []
        for address in addresses:
            if address in self._own or not is_one_host(address.host) or self.is_barred(address.host):
                continue
            listener = self.choose_listener(address, target.near)
            if listener is None:
                continue
            if listener.transport == TLS:   # who answers there must be the domain that was asked for (RFC 5922 7)
                flows.append(self._flow_to(listener, address.host, address.port, read_host(target.hop)))
            else:
                flows.append(self._flow_to(listener, address.host, address.port))
        return flows

    def choose_listener(self, address: Address, near: Listener) -> Listener | None:
        """The listener that the kernel's route leads through, else the one near, else one of its name, else any."""
        family = 6 if b":" in address.host else 4
        fitting = [one for one in self._listeners if one.transport == address.transport and one.family == family]
        if len(fitting) > 1:
            source = self._source_of(address.host)
            fitting.sort(key=lambda one: (one.host != source, one is not near, one.name != near.name,
                                          one.side != near.side))
        return fitting[0] if fitting else None


class OwnHosts:
    """The transport addresses that we listen on: a request that is sent there would come back for ever."""

    __slots__ = ("_addresses",)

    def __init__(self, listeners: list[Listener]) -> None:
        self._addresses = frozenset((write_plainly(one.host), one.port) for one in listeners)

    def __contains__(self, address: Address) -> bool:
        return (write_plainly(address.host), address.port) in self._addresses


@lru_cache(4096)
def is_one_host(host: bytes) -> bool:
    """Whether a numeric address can be that of a server; the DNS, or a URI, may say anything."""
    try:
        address = ip_address(write_plainly(host).decode("ascii"))
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or address == BROADCAST)
