# SPDX-License-Identifier: Apache-2.0
"""How TLS stands, as the console sees it: reads credentials and failed handshakes, changes nothing."""

from collections.abc import Callable, Sequence

from appliance.control.observed import TlsListener, TlsState
from appliance.sip.flow import TLS, Listener
from appliance.system.clock import render_wall
from appliance.system.sip_sockets.tls import TlsSurroundings
from appliance.system.tls_credentials import DAY_S, CertificateStatus


def describe_no_tls() -> TlsState:
    """Where nobody speaks TLS."""
    return {"listeners": [], "failures": []}


def describe_tls(tls: TlsSurroundings, listeners: Sequence[Listener],
                 count_connections: Callable[[Listener], int]) -> TlsState:
    """Every listener with TLS, and the last handshakes that failed."""
    by_name = {status.files.listener: status for status in tls.credentials.statuses()}
    wall_now = tls.wall_now()
    return {
        "listeners": [_describe_listener(one, by_name[one.name], count_connections(one), wall_now)
                      for one in listeners if one.transport == TLS],
        "failures": [{
            "failed_at": render_wall(failure.at),
            "listener": failure.listener,
            "peer": failure.peer,
            "direction": "incoming" if failure.is_incoming else "outgoing",
            "reason": failure.reason,
        } for failure in tls.failures],
    }


def _describe_listener(listener: Listener, status: CertificateStatus, connections: int,
                       wall_now: float) -> TlsListener:
    certificate = status.certificate
    return {
        "listener": listener.name,
        "address": listener.hostport.decode("ascii"),
        "certificate": status.files.certificate,
        "names": list(certificate.names),
        "issuer": certificate.issuer,
        "valid_from": render_wall(certificate.starts_at),
        "valid_until": render_wall(certificate.ends_at),
        "days_left": int((certificate.ends_at - wall_now) // DAY_S),
        "fault": status.fault,
        "connections": connections,
    }
