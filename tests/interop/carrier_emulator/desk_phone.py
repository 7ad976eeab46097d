# SPDX-License-Identifier: Apache-2.0
"""The other end of a carrier's call: an office telephone in the same thread-and-socket style, for what real ones hide.

    with DeskPhone(host, (server.host, 5060), Desk("201", "secret")) as phone:
        phone.register()
        call = phone.dial("0312345678")
"""

import itertools
import os
from dataclasses import dataclass, replace

from tests.interop.carrier_emulator.call import Lines
from tests.interop.carrier_emulator.emulator import Account, CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC
from tests.interop.carrier_emulator.letters import Letter
from tests.interop.carrier_emulator.outgoing import OutgoingCall
from tests.interop.raw_sip import UdpPeer, register

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Desk:
    """An extension as it is typed into a phone."""

    number: str
    secret: str
    domain: str = "office.test"


class DeskPhone(CarrierEmulator):
    """Calls to it ring and are answered, or wait for the test; `calls` has those of both directions."""

    def __init__(self, host: str, server: tuple[str, int], desk: Desk, *, answers_by_itself: bool = True) -> None:
        super().__init__(replace(GENERIC, name="desk", domain=desk.domain, has_digest=False), host, 0,
                         account=Account(desk.number), answers_by_itself=answers_by_itself,
                         inbound_account=(desk.number, desk.secret))
        self.server, self.desk = server, desk

    def register(self, expires_s: int = 300) -> None:
        """Bind this socket's address, with digest."""
        with UdpPeer(self.server, self.host) as peer:
            register(peer, self.desk.number, self.desk.secret, domain=self.desk.domain, expires_s=expires_s,
                     contact=f"<sip:{self.desk.number}@{self.hostport}>")

    def dial(self, number: str, lines: Lines = (), *, has_offer: bool = True) -> OutgoingCall:
        """Call a number through the office's server."""
        with self.post.lock:
            made = OutgoingCall(self, f"desk-{next(_numbers)}-{os.getpid()}")
            self.calls.append(made)
            made.outbound = self.server
            made.remote_target = f"sip:{number}@{self.desk.domain}"
            made.remote, made.local = f"<{made.remote_target}>", f"<sip:{self.desk.number}@{self.desk.domain}>"
            made.invite((("Supported", "100rel, timer"), ("Allow", self.allow), *lines), has_offer=has_offer)
            return made

    def last_caller(self) -> str:
        """The From of the last INVITE, as a display would show it."""
        invites: list[Letter] = self.seen(b"INVITE")
        return invites[-1].header(b"from").decode() if invites else ""
