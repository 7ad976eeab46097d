# SPDX-License-Identifier: Apache-2.0
"""Where the box stands: an empty machine with two network sockets, an office on one side, a provider and a carrier on
the other. Nobody in the office has an address before the box gives one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.box.lan_host import Lease, take_lease
from tests.box.provider import Provider
from tests.box.web_server import WebServer
from tests.demo.place import CARRIER, LINE_OF_B, OFFICE_LINE, PHONE_B, PhonePorts, carrier_account
from tests.interop.baresip import Account, Baresip
from tests.interop.capture import Capture
from tests.interop.public_carrier import PublicCarrier
from tests.interop.sound import write_babble
from tests.interop.wide_network import WideNetwork

PROVIDER, PROVIDER_ROUTER, POOL = "203.0.113.2", "203.0.113.1", ("203.0.113.100", "203.0.113.120")
WEB_SERVER, WEB_NAME, CARRIER_NAME = "198.51.100.30", "www.outside.test", "sip.carrier.test"
VOICE_S = 120.0


@dataclass
class Place:
    """The built network; `host` gives the namespace of a host by its name."""

    folder: Path
    network: WideNetwork
    capture: Capture
    provider: Provider
    host: dict[str, str]
    leases: dict[str, Lease] = field(default_factory=dict)

    def lease(self, name: str) -> Lease:
        """What the box gives that machine."""
        self.leases[name] = take_lease(self.host[name], self.folder / name)
        return self.leases[name]

    def desk_phone(self, number: str, secret: str, server: str, domain: str) -> Baresip:
        """A telephone at the address that the box gave it."""
        return self._phone("desk", self.leases["desk"].address, Account(number, secret, server, domain=domain))

    def phone_b(self) -> Baresip:
        return self._phone("phone-b", PHONE_B, carrier_account(LINE_OF_B))

    def _phone(self, name: str, address: str, account: Account) -> Baresip:
        return Baresip(PhonePorts(), self.folder / f"{name}-of-{account.user}", account, self.voice(name),
                       at=(self.host[name], address))

    def voice(self, name: str) -> Path:
        """What that phone says: nobody else says the same, and it lasts as long as the call."""
        path = self.folder / f"voice-{name}.wav"
        if not path.exists():
            write_babble(path, VOICE_S, seed=sum(name.encode()))
        return path


@contextmanager
def build_place(folder: Path) -> Iterator[Place]:
    """All hosts, the provider and the carrier running, the capture reading; everything is taken away again."""
    folder.mkdir(parents=True, exist_ok=True)
    with WideNetwork() as network:
        network.add_network("192.168.1")
        network.add_network("203.0.113", router=PROVIDER_ROUTER)
        network.add_network("198.51.100", router="198.51.100.254")
        host = {"box": network.add_host("box", eth0="203.0.113.", eth1="192.168.1."),
                "pc": network.add_host("pc", eth0="192.168.1."), "desk": network.add_host("desk", eth0="192.168.1."),
                "provider": network.add_host("provider", eth0=PROVIDER),
                "carrier": network.add_host("carrier", eth0=CARRIER),
                "phone-b": network.add_host("phone-b", eth0=PHONE_B), "web": network.add_host("web", eth0=WEB_SERVER)}
        for name in ("carrier", "phone-b", "web"):
            network.route(host[name], "198.51.100.254")
        network.route(host["provider"], PROVIDER_ROUTER)
        capture = Capture()
        for point, name in (("box-outside", "box"), ("desk", "desk"), ("phone-b", "phone-b")):
            capture.watch(point, host[name], "eth0")
        names = {WEB_NAME: WEB_SERVER, CARRIER_NAME: CARRIER}
        provider = Provider(folder / "provider", (host["provider"], PROVIDER), PROVIDER_ROUTER, POOL, names)
        carrier = PublicCarrier(folder / "carrier", (host["carrier"], CARRIER), (OFFICE_LINE, LINE_OF_B))
        with capture, provider, carrier, WebServer(host["web"], WEB_SERVER):
            yield Place(folder, network, capture, provider, host)
