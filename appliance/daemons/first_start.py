# SPDX-License-Identifier: Apache-2.0
"""The first start of a box: writes a working configuration and says how a phone registers."""

import os
import socket
from secrets import token_bytes

from appliance.config.configuration import Configuration
from appliance.config.first_start import compose_first_configuration
from appliance.errors import MachineError

DOCUMENTATION_ADDRESS = "192.0.2.1"
LOOPBACK = "127.0.0.1"


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


def write_first_configuration(path: str) -> None:
    """Write the file, readable for its owner only (it holds secrets). Raises MachineError."""
    text = compose_first_configuration(os.environ.get("DENWABAN_ADDRESS") or find_own_address(), token_bytes)
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise MachineError(f"writing {path}: {error.strerror}", error.errno or 0) from error


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
