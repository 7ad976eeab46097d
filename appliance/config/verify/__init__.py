# SPDX-License-Identifier: Apache-2.0
"""What can only be seen of the whole: pure functions from the tree to findings, one file for each thing they know."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from appliance.config.finding import Finding
from appliance.config.tree import Tree
from appliance.config.verify.built import verify_built
from appliance.config.verify.carriers import verify_carriers
from appliance.config.verify.dhcp_server import verify_dhcp_server
from appliance.config.verify.emergency_calls import verify_emergency_calls
from appliance.config.verify.extensions import verify_extensions
from appliance.config.verify.firewall import verify_firewall
from appliance.config.verify.handsets import verify_handsets
from appliance.config.verify.listeners import verify_certificates, verify_listeners
from appliance.config.verify.network import verify_network
from appliance.config.verify.references import verify_references
from appliance.config.verify.required import verify_required
from appliance.config.verify.system import verify_timezone
from appliance.config.verify.trunks import verify_routes, verify_trunks

VERIFIERS: tuple[Callable[[Tree], Iterator[Finding]], ...] = (
    verify_required,
    verify_references,
    verify_listeners,
    verify_extensions,
    verify_trunks,
    verify_carriers,
    verify_routes,
    verify_emergency_calls,
    verify_network,
    verify_dhcp_server,
    verify_firewall,
    verify_handsets,
    verify_built,
)


def verify_tree(tree: Tree, is_timezone: Callable[[str], bool] | None = None,
                explain_certificate: Callable[[str, str], str] | None = None) -> Iterator[Finding]:
    """Every finding about the tree. is_timezone: whether the machine knows a time zone; explain_certificate: why the
    files of a certificate and its key cannot be used, "" where they can."""
    for verifier in VERIFIERS:
        yield from verifier(tree)
    if is_timezone is not None:
        yield from verify_timezone(tree, is_timezone)
    if explain_certificate is not None:
        yield from verify_certificates(tree, explain_certificate)
