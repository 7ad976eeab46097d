# SPDX-License-Identifier: Apache-2.0
"""Which flow leads to a registered Contact: the one its REGISTER came on, or the address in the Contact itself.

A phone behind NAT, on a connection, or with RFC 5626 is reached only the way it came. One that is plainly reachable
says in its Contact where it listens, which need not be where it sends from.
"""

from collections.abc import Callable
from ipaddress import ip_address

from appliance.pbx.registration import Registration, RequestedContact
from appliance.sip.flow import Flow, Listener
from appliance.sip.locating import locate_numeric

FlowOpener = Callable[[Listener, bytes, int], Flow]


def decide_flow(registration: Registration, requested: RequestedContact, flow_to: FlowOpener) -> Flow:
    """The flow to this Contact; flow_to finds the one from a listener to a numeric address.

    With a Path the proxy goes by that (RFC 3327 5.4); the flow is then only where the edge proxy was last seen.
    """
    arrival = registration.arrival
    listener = arrival.listener
    if listener.is_reliable or requested.reg_id or registration.path or not registration.is_direct:
        return arrival
    target = locate_numeric(requested.uri)
    if target is None or target.transport != listener.transport:
        return arrival
    if target.port == arrival.port and target.host == arrival.host:
        return arrival
    if not is_reachable_address(target.host, arrival.host):
        return arrival
    if target.port == listener.port and target.host == listener.host:
        return arrival      # it names ourselves: what is sent there would come back
    return flow_to(listener, target.host, target.port)


def is_reachable_address(host: bytes, source: bytes) -> bool:
    """Whether a phone that sent from `source` can mean `host`: one unicast address of the same family, and loopback
    only where it is on this machine itself (no registration may aim at the server's own inside)."""
    try:
        address, origin = ip_address(host.decode("ascii")), ip_address(source.decode("ascii"))
    except ValueError:
        return False    # a maddr that only looks like an address
    if address.version != origin.version or address.is_unspecified or address.is_multicast:
        return False
    if address.version == 4 and int(address) == 0xFFFFFFFF:
        return False
    return not address.is_loopback or origin.is_loopback
