# SPDX-License-Identifier: Apache-2.0
"""A setting of the kernel that the rules rely on, under /proc/sys/net of our own network namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from appliance.config.network_kinds import PortRange
from appliance.errors import MachineError

RESERVED_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")


def reserve_ports(ports: PortRange | None, before: PortRange | None) -> None:
    """The kernel gives nobody one of these ports by itself: they are for audio, and the firewall treats them so.
    before: what we had reserved earlier. What others have reserved stays. Raises MachineError."""
    wanted = describe_ports(ports)
    try:
        listed = [one for one in RESERVED_PORTS.read_text().strip().split(",") if one]
        kept = [one for one in listed if one != describe_ports(before)]
        if wanted and wanted not in kept:
            kept.append(wanted)
        if kept != listed:
            RESERVED_PORTS.write_text(",".join(kept) + "\n")
    except OSError as error:
        raise MachineError(f"reserve the ports {wanted} for audio: {error.strerror}", error.errno or 0) from error


def are_ports_reserved(ports: PortRange) -> bool:
    """Whether the kernel still does so. It writes ranges that touch as one. Where it cannot be asked, it does."""
    try:
        listed = [one for one in RESERVED_PORTS.read_text().strip().split(",") if one]
    except OSError:
        return True
    ranges = [(int(first), int(last or first)) for first, _, last in (one.partition("-") for one in listed)]
    return any(first <= ports.first and ports.last <= last for first, last in ranges)


def describe_ports(ports: PortRange | None) -> str:
    """As the kernel writes them; "" for none."""
    if ports is None:
        return ""
    return f"{ports.first}-{ports.last}" if ports.first != ports.last else str(ports.first)
