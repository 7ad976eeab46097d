# SPDX-License-Identifier: Apache-2.0
"""The target set of an extension (RFC 3261 16.5, 16.6): its bindings in groups of equal q, the most preferred first."""

from collections.abc import Callable
from functools import lru_cache

from appliance.errors import PeerError
from appliance.native.sip_scanner import split_address
from appliance.pbx.location import Binding, Location
from appliance.pbx.proxy.server_finder import OwnHosts, bar_nobody, is_one_host
from appliance.pbx.proxy.target import Destination, NamedTarget, Target
from appliance.sip.flow import TLS, Flow, Listener
from appliance.sip.locating import locate_numeric
from appliance.sip.locating.locator import LARGE_OCTETS
from appliance.sip.locating.numeric import Target as Address
from appliance.sip.stack import SipStack
from appliance.sip.uri import SipUri


class TargetSets:
    """Turns bindings and in-dialog URIs into targets: which flow leads there. is_barred: numeric hosts that only trunks
    get to."""

    __slots__ = ("_listeners", "_location", "_own", "_stack", "is_barred")

    def __init__(self, stack: SipStack, location: Location, listeners: list[Listener]) -> None:
        self._stack = stack
        self._location = location
        self._listeners = listeners
        self._own = OwnHosts(listeners)
        self.is_barred: Callable[[bytes], bool] = bar_nobody

    def reconfigure(self) -> None:
        """The listeners have changed, or their addresses."""
        self._own = OwnHosts(self._listeners)

    def has_binding_at(self, target: Target) -> bool:
        """Whether a target is one of our phones: its Contact, or the address at which one is reached."""
        if self._location.binding_at(target.uri) is not None:
            return True
        listener, host, port = target.flow.listener, target.flow.host, target.flow.port
        for aor in self._location.aors():
            for binding in self._location.bindings_of(aor):
                flow = binding.flow
                if flow.port == port and flow.host == host and flow.listener is listener:
                    return True
        return False

    def of_extension(self, extension: bytes, drop: int) -> list[list[Destination]]:
        """Groups of equal q in falling order; [] when the extension has no usable binding."""
        bindings = self._location.bindings_of(extension)
        if len(bindings) == 1:
            target = self._of_binding(bindings[0], drop)
            return [[target]] if target else []
        groups: dict[int, list[Destination]] = {}
        for binding, target in self._one_for_each_instance(bindings, drop):
            groups.setdefault(binding.q, []).append(target)
        return [groups[q] for q in sorted(groups, reverse=True)]

    def _one_for_each_instance(self, bindings: list[Binding], drop: int) -> list[tuple[Binding, Destination]]:
        """RFC 5626 7: never more than one contact of the same phone at a time; the one that was registered last."""
        chosen: dict[object, tuple[Binding, Destination]] = {}
        for binding in bindings:
            target = self._of_binding(binding, drop)
            if target is None:
                continue
            phone = binding.instance or binding
            rival = chosen.get(phone)
            if rival is None or rival[0].registered_at <= binding.registered_at:
                chosen[phone] = (binding, target)
        return list(chosen.values())

    def _of_binding(self, binding: Binding, drop: int) -> Destination | None:
        if not binding.is_sip:
            return None
        if binding.path:
            return self._along_path(binding, drop)
        if binding.contact[3:4] != b":" and binding.flow.listener.transport != TLS:
            return None     # a sips Contact, never over anything else (RFC 3261 26.2.2)
        if binding.flow.is_open:
            return Target(binding.request_uri, binding.flow, drop)
        if binding.reg_id:
            return None     # RFC 5626 7: over its flow or not at all
        # the connection is gone: try the address
        return self.target_at(binding.request_uri, binding.contact, binding.flow.listener, drop)

    def _along_path(self, binding: Binding, drop: int) -> Destination | None:
        """RFC 3327 5.3: the Path goes into the request as its Route, and its first value is the next hop."""
        hop = split_address(binding.path[0])[1]
        target = self.target_at(binding.request_uri, hop, binding.flow.listener, drop)
        if target is not None:
            target.lines = b"".join(b"Route: %s\r\n" % value for value in binding.path)
        if isinstance(target, Target):
            target.is_phone = True      # behind its edge
        return target

    def target_at(self, uri: bytes, hop: bytes, near: Listener, drop: int, size_octets: int = 0) -> Destination | None:
        """The target of a request of this size whose next hop is the URI `hop`: a phone's flow, a numeric address, or a
        name to look up; None for what leads nowhere. A large request to an address that is no phone's flow is a matter
        of RFC 3263 as well: it goes by TCP first."""
        flow = self.flow_to_uri(hop, near)
        is_phone = self._location.binding_at(hop) is not None
        if flow is not None and (size_octets <= LARGE_OCTETS or flow.listener.is_reliable or is_phone):
            return Target(uri, flow, drop, is_phone=is_phone)
        if flow is None and (address := locate_numeric(hop)) is not None and self._may_lead_to(address):
            return None     # no listener of ours speaks that
        # a number that nobody can have is refused as a name that leads there
        return NamedTarget(uri, hop, near, drop) if hop[:4].lower() in (b"sip:", b"sips") else None

    def flow_to_uri(self, uri: bytes, near: Listener) -> Flow | None:
        """The flow to a URI: that of the phone registered with it, or the numeric address in it; None when neither is
        known, or it is ours. near: the listener to prefer, where its transport and family fit."""
        binding = self._location.binding_at(uri)
        if binding is not None and binding.flow.is_open and not binding.path:
            return binding.flow
        if binding is None or not binding.path:
            returned = self._find_returned(uri)
            if returned is not None:
                return returned.flow
        target = locate_numeric(uri)
        if target is None or not self._may_lead_to(target):
            return None
        listener = self._choose_listener(target.transport, 6 if b":" in target.host else 4, near)
        return None if listener is None else self._stack.flow_to(listener, target.host, target.port)

    def _find_returned(self, uri: bytes) -> Binding | None:
        """The phone that was at this Contact over a connection, and has registered over another one since, with another
        port in its Contact and no instance to say that it is the same (RFC 5626 4.1): user and host are. None where
        there is none, or more than one."""
        if b";transport=t" not in uri.lower():
            return None
        wanted = _read_phone(uri)
        if wanted is None:
            return None
        found = [binding for aor in self._location.aors() for binding in self._location.bindings_of(aor)
                 if binding.flow.is_open and binding.flow.listener.is_reliable and not binding.path
                 and _read_phone(binding.contact) == wanted]
        return found[0] if len(found) == 1 else None

    def find_phone(self, uri: bytes) -> Flow | None:
        """Where the phone of ours is that has registered this very URI; None for everybody else."""
        binding = self._location.binding_at(uri)
        return binding.flow if binding is not None and binding.flow.is_open and not binding.path else None

    def _may_lead_to(self, address: Address) -> bool:
        """Whether somebody else can be there."""
        return is_one_host(address.host) and address not in self._own and not self.is_barred(address.host)

    def _choose_listener(self, transport: bytes, family: int, near: Listener) -> Listener | None:
        """The listener that can send there: the one near, else one of the same name, else of the same side."""
        if near.transport == transport and near.family == family and near in self._listeners:
            return near
        fitting = [one for one in self._listeners if one.transport == transport and one.family == family
                   and (one.side == near.side)]
        fitting.sort(key=lambda one: one.name != near.name)
        return fitting[0] if fitting else None


@lru_cache(1024)
def _read_phone(contact: bytes) -> tuple[bytes | None, bytes] | None:
    """User and host of a Contact; None for what cannot be read."""
    try:
        read = SipUri.parse(contact)
    except PeerError:
        return None
    return read.user, read.host
