# SPDX-License-Identifier: Apache-2.0
"""A sips request leaves over TLS or not at all (RFC 3261 26.2.2): which of its targets are left."""

from collections.abc import Sequence
from typing import TypeVar

from appliance.pbx.proxy.target import Target
from appliance.sip.flow import TLS

Place = TypeVar("Place")


def keep_secure(groups: Sequence[Sequence[Place]]) -> list[list[Place]]:
    """Groups of targets without those that a request with a sips Request-URI must not go to; empty groups go too."""
    kept = [[target for target in group if is_secure(target)] for group in groups]
    return [group for group in kept if group]


def is_secure(target: object) -> bool:
    """Whether the next hop is TLS: the flow is, or only a flow that is will be found (RFC 3263 4.1 for sips)."""
    if isinstance(target, Target):
        return target.flow.listener.transport == TLS
    hop = getattr(target, "hop", b"")
    return isinstance(hop, bytes) and hop[:5].lower() == b"sips:"
