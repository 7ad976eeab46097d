# SPDX-License-Identifier: Apache-2.0
"""The first start: writes a working configuration and says how a phone registers."""

import os
import re
import socket
import sys
from secrets import token_bytes

from appliance.config.configuration import Configuration
from appliance.config.first_start import compose_box_configuration, compose_first_configuration
from appliance.errors import MachineError
from appliance.system.revisions.staged_file import StagedFile

DOCUMENTATION_ADDRESS = "192.0.2.1"
LOOPBACK = "127.0.0.1"
INTERFACES = "/sys/class/net"
NO_CABLE = ("bridge", "wireless", "tun_flags")
IFF_NOARP = 0x80    # linux/if.h: such as dummy and ifb
OPERATOR_KEYS = "operator.pub"
OPERATOR_KEYS_CHARACTERS = 65536
ETHERNET = "1"
"""ARPHRD_ETHER, linux/if_arp.h."""


def find_own_address() -> str:
    """The address that phones on the local network reach this machine at; loopback when it has no other.

    A UDP socket is pointed at a documentation address (RFC 5737): the kernel chooses the source, nothing is sent.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((DOCUMENTATION_ADDRESS, 9))
        except OSError:
            return LOOPBACK
        address: str = probe.getsockname()[0]
        return address


def find_interfaces() -> list[str]:
    """Network interfaces that a cable can be in, in the order of their names: no loopback, bridge or radio."""
    found = []
    for _index, name in socket.if_nameindex():
        place = os.path.join(INTERFACES, name)
        try:
            with open(os.path.join(place, "type"), encoding="ascii") as file:
                is_ethernet = file.read().strip() == ETHERNET
            with open(os.path.join(place, "flags"), encoding="ascii") as file:
                is_ethernet = is_ethernet and not int(file.read(), 16) & IFF_NOARP
        except OSError:
            continue
        if is_ethernet and not any(os.path.exists(os.path.join(place, kind)) for kind in NO_CABLE):
            found.append(name)
    return sorted(found, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])


def write_first_configuration(path: str) -> None:
    """That of a desk. Raises MachineError."""
    address = os.environ.get("DENWABAN_ADDRESS") or find_own_address()
    write_new_file(path, compose_first_configuration(address, token_bytes))


def provide_box_configuration(path: str, state_directory: str) -> None:
    """That of a box, by the interfaces it has, where there is none yet; DIR/operator.pub lets its first operators in.
    Raises MachineError."""
    if os.path.exists(path):
        return
    interfaces = find_interfaces()
    if not interfaces:
        raise MachineError("this machine has no network interface")
    write_new_file(path, compose_box_configuration(interfaces, read_operator_keys(state_directory)))


def read_operator_keys(state_directory: str) -> str:
    """What somebody has put on the card for the first start; a box without it is reached by its serial line."""
    try:
        with open(os.path.join(state_directory, OPERATOR_KEYS), encoding="utf-8-sig", errors="replace") as file:
            return file.read(OPERATOR_KEYS_CHARACTERS)
    except FileNotFoundError:
        return ""
    except OSError as error:
        print(f"{OPERATOR_KEYS}: {error.strerror}", file=sys.stderr)
        return ""


def write_new_file(path: str, text: str) -> None:
    """On disk as a whole or not at all: it holds secrets, so it is readable for its owner only, and on a box for the
    group of the daemons. Raises MachineError."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    except OSError as error:
        raise MachineError(f"writing {path}: {error.strerror}", error.errno or 0) from error
    file = StagedFile(path)
    file.stage(text.encode())
    file.put_in_place()


def describe_phones(configuration: Configuration, path: str) -> str:
    """What to type into a phone, for a person who stands before it. The secrets are the operator's own to see: they
    are printed at the first start only, on the terminal that started it."""
    listener = next(iter(configuration.listeners.values()))
    server = listener.address if listener.port == 5060 else f"{listener.address}:{listener.port}"
    lines = [f"Configuration: {path}", "", "Register a phone:",
             f"  server (registrar, domain)  {server}",
             f"  transport                   {' or '.join(listener.transports)}", "",
             "  user        password"]
    lines += [f"  {one.username:<11} {one.secret}" for one in list(configuration.extensions.values())[:3]]
    numbers = list(configuration.extensions)
    if len(numbers) > 1:
        lines += ["", f"Then dial {numbers[1]} from {numbers[0]}. ctrl-C stops the server."]
    return "\n".join([*lines, ""])
