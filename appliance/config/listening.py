# SPDX-License-Identifier: Apache-2.0
"""What a listener of the configuration comes to: which transports it speaks, and where."""

from __future__ import annotations

from appliance.config.sections import sip
from appliance.config.tree import Tree

TLS_PORT_DEFAULT = 5061     # RFC 3261 19.1.2


def list_transports(tree: Tree, name: str) -> tuple[str, ...]:
    """Transports of a listener in the order said; tls only where there are a certificate and a key to do it with."""
    has_certificate = tree.has_said(sip.CERTIFICATE, name) and tree.has_said(sip.KEY, name)
    return tuple(one for one in tree.values(sip.TRANSPORT, name) if one != "tls" or has_certificate)


def decide_port(tree: Tree, name: str, transport: str) -> int | None:
    """Where a listener speaks a transport; None where its port was refused.

    tls: its own tls-port; else the port of the listener where tls is all that it speaks, 5061 where none was said; else
    the port after the listener's, as 5061 is after 5060. It may be 65536: see verify_listeners.
    """
    port = tree.value(sip.LISTENER_PORT, name)
    if transport != "tls":
        return port
    said = tree.value(sip.TLS_PORT, name)
    if said is not None or port is None:
        return said
    if tree.values(sip.TRANSPORT, name) != ("tls",):
        return port + 1
    return port if tree.has_said(sip.LISTENER_PORT, name) else TLS_PORT_DEFAULT
