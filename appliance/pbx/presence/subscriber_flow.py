# SPDX-License-Identifier: Apache-2.0
"""Which way a NOTIFY goes: the route set, the Contact, or the flow on which the SUBSCRIBE came (RFC 3261 12.2.1.1).

A subscriber behind a NAT is reached only the way it came; one that is plainly reachable says in its Contact where.
"""

from typing import Protocol

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, split_address
from appliance.pbx.presence.subscription import Subscription, is_sips
from appliance.pbx.register_reading import has_direct_source
from appliance.pbx.target_flow import is_reachable_address
from appliance.sip.flow import TLS, Flow, Listener
from appliance.sip.uri import SipUri


class UriFlows(Protocol):
    """pbx.target_set.TargetSets as far as it is used here."""

    def flow_to_uri(self, uri: bytes, near: Listener) -> Flow | None:
        """The flow to a URI: of the phone registered with it, or to the numeric address in it."""


class SubscriberFlows:
    """Finds flows to subscribers."""

    __slots__ = ("_targets",)

    def __init__(self, targets: UriFlows) -> None:
        self._targets = targets

    def decide_flow(self, message: Message, arrival: Flow, contact: bytes) -> Flow:
        """Where NOTIFYs go that have no route set: decided from the SUBSCRIBE, once."""
        if arrival.listener.is_reliable:
            return arrival      # RFC 5923: the connection that it keeps open
        if message.via_count == 1 and not has_direct_source(message, arrival):
            return arrival      # a NAT stands between
        flow = self._targets.flow_to_uri(contact, arrival.listener)
        if flow is None or not is_reachable_address(flow.host, arrival.host):
            return arrival
        return flow

    def find_flow(self, subscription: Subscription) -> Flow | None:
        """The flow for the next NOTIFY."""
        flow = self._find_any(subscription)
        if flow is not None and is_sips(subscription.remote_target) and flow.listener.transport != TLS:
            return None     # 26.2.2: rather not at all
        return flow

    def _find_any(self, subscription: Subscription) -> Flow | None:
        if subscription.routes:
            route = self._targets.flow_to_uri(split_address(subscription.routes[0])[1], subscription.listener)
            return route or (subscription.flow if subscription.flow.is_open else None)
        if subscription.flow.is_open:
            return subscription.flow
        return self._targets.flow_to_uri(subscription.remote_target, subscription.listener)


def check_target(message: Message) -> None:
    """8.1.1.8: a request that creates a dialog has exactly one Contact, a SIP or SIPS URI. PeerError 400."""
    uri = message.contact_uri
    if uri is None or uri == b"*" or len(message.values(b"Contact")) != 1:
        raise PeerError("not one Contact", 400, uri or b"", "RFC 3261 8.1.1.8")
    try:
        SipUri.parse(uri)
    except PeerError as error:
        raise PeerError("unreadable Contact", 400, uri, "RFC 3261 8.1.1.8") from error
