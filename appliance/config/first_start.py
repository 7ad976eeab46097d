# SPDX-License-Identifier: Apache-2.0
"""The configuration that the first start writes, every line explained.

Of a desk: three extensions with random secrets. Of a box: the network, and nobody yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.config.operator_keys import compose_operators
from appliance.config.text import VERSION_LINE

# Nothing that looks like something else on a phone's display: no 0 o, no 1 l i.
SECRET_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
SECRET_GROUPS = 4
GROUP_CHARACTERS = 4
# Octets from here on are thrown away, so that every character is equally likely.
OCTET_LIMIT = 256 - 256 % len(SECRET_ALPHABET)

FIRST_EXTENSIONS = (("1001", "Reception"), ("1002", "Office"), ("1003", "Workshop"))


def make_secret(random_octets: Callable[[int], bytes]) -> str:
    """Sixteen characters in groups of four: 79 bits, easy to type on a phone."""
    characters: list[str] = []
    while len(characters) < SECRET_GROUPS * GROUP_CHARACTERS:
        octet = random_octets(1)[0]
        if octet < OCTET_LIMIT:
            characters.append(SECRET_ALPHABET[octet % len(SECRET_ALPHABET)])
    starts = range(0, len(characters), GROUP_CHARACTERS)
    return "-".join("".join(characters[start : start + GROUP_CHARACTERS]) for start in starts)


def compose_first_configuration(address: str, random_octets: Callable[[int], bytes], port: int = 5060) -> str:
    """The text of the file. address: where phones reach this machine; random_octets: n octets, unguessable."""
    extensions = "".join(
        f'set extension {number} name "{name}"\nset extension {number} secret {make_secret(random_octets)}\n'
        for number, name in FIRST_EXTENSIONS
    )
    return f"""{VERSION_LINE}
# The configuration of the phone system. One setting a line; whatever follows a # is for you.
# Every setting and its default: docs/configuration.md. After a change: denwaban check FILE.

# The host part of everybody's address, as in 1001@{address}, and the digest realm.
set system domain {address}
set system country jp
set system timezone Asia/Tokyo

# Where phones reach this machine. "office" is only a name.
set sip listener office address {address}
set sip listener office port {port}
set sip listener office transport udp
set sip listener office transport tcp

# How calls between extensions are carried: by the B2BUA, so that no phone needs to reach another.
set sip role b2bua

# The extensions. On the phone: user name = the extension, password = the secret, server = {address}.
{extensions}
# There is no outside line yet, so nobody can call for help from here: this line says that you know.
# Take it away once a trunk carries emergency calls.
set emergency none
"""


def compose_box_configuration(interfaces: Sequence[str], operator_keys: str = "") -> str:
    """The safe default of a box. interfaces: one: it is a telephone system on somebody's LAN; two or more: the first
    leads to the provider, and the box is the router of what is behind the others. operator_keys: the file of public
    keys that was put on the card for it."""
    network = _compose_network(interfaces)
    operators = compose_operators(operator_keys)
    if operators:
        network += f"""
# Who may log in over SSH, from operator.pub on the card: ssh technician@ADDRESS.
{operators}
"""
    return f"""{VERSION_LINE}
# The configuration of the phone system. Change it on the console: configure, set, compare, commit.
# Every setting and its default: docs/configuration.md.

# The host part of everybody's address. It stays in the house (RFC 8375).
set system domain office.home.arpa
set system country jp
set system timezone Asia/Tokyo

# Phones reach this machine at its address on the LAN, whatever that is.
set sip listener office interface lan
set sip role b2bua

{network}
# There is no extension and no outside line yet: `setup` on the console asks what is needed for the first call.
"""


def _compose_network(interfaces: Sequence[str]) -> str:
    if len(interfaces) == 1:
        return f"""# One cable: a router of somebody else gives this machine its address.
set network managed true
set network interface {interfaces[0]} role lan
set network lan address dhcp
"""
    behind = "".join(f"set network interface {name} role lan\n" for name in interfaces[1:])
    return f"""# This machine is the router: the provider is behind {interfaces[0]}, the office behind the rest.
set network managed true
set network interface {interfaces[0]} role wan
{behind}set network wan address dhcp
set network lan address 192.168.1.1/24
set network dhcp range 192.168.1.100-192.168.1.199
"""
