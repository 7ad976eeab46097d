# SPDX-License-Identifier: Apache-2.0
"""The one form of a host, so that two ways to write the same one are equal. Pure."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address


@lru_cache(4096)
def write_plainly(host: bytes) -> bytes:
    """A name in small letters without its last dot; of a numeric address the one form, IPv4 in IPv6 as IPv4."""
    plain = host.strip(b"[]").rstrip(b".").lower()
    try:
        address = ip_address(plain.decode("ascii", "replace"))
    except ValueError:
        return plain
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address).encode("ascii")
