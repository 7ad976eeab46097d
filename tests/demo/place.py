# SPDX-License-Identifier: Apache-2.0
"""The place of the chapter's figures 6, 8 and 9: who stands where, and the points at which packets are watched."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.baresip import Account, Baresip
from tests.interop.capture import Capture
from tests.interop.public_carrier import REALM, PublicCarrier, Subscriber
from tests.interop.sound import write_babble
from tests.interop.wide_network import WideNetwork

PHONE_A, PHONE_C = "192.168.1.11", "192.168.1.12"
GATEWAY_INSIDE, GATEWAY_OUTSIDE = "192.168.1.1", "203.0.113.5"
NAT_INSIDE, NAT_OUTSIDE = "192.168.1.254", "203.0.113.9"
CARRIER, PHONE_B = "198.51.100.1", "198.51.100.20"
OFFICE_LINE = Subscriber("05011112222", "gw-user", "gw-secret")
LINE_OF_B = Subscriber("05033334444", "user-b", "secret-b")
VOICE_S = 4.0


class PhonePorts:
    """The ports of a phone that has a host for itself: control, SIP, RTP."""

    def __init__(self) -> None:
        self._ports = iter((4444, 5060, 16000))

    def port(self) -> int:
        return next(self._ports)


@dataclass
class Place:
    """The built network; `host` gives the namespace of a host by its name."""

    folder: Path
    network: WideNetwork
    capture: Capture
    host: dict[str, str]

    def phone(self, name: str, address: str, account: Account) -> Baresip:
        """A telephone on that host that speaks a voice of its own; not started."""
        return Baresip(PhonePorts(), self.folder / f"{name}-of-{account.user}", account, self.voice(name),
                       at=(self.host[name], address))

    def voice(self, name: str) -> Path:
        """What that phone says: nobody else says the same."""
        path = self.folder / f"voice-{name}.wav"
        if not path.exists():
            write_babble(path, VOICE_S, seed=sum(name.encode()))
        return path

    def phone_b(self) -> Baresip:
        return self.phone("phone-b", PHONE_B, carrier_account(LINE_OF_B))


def carrier_account(line: Subscriber) -> Account:
    return Account(line.number, line.secret, CARRIER, domain=REALM, username=line.username)


@contextmanager
def build_place(folder: Path) -> Iterator[Place]:
    """All hosts of the figures, the carrier running, the capture reading; everything is taken away again."""
    folder.mkdir(parents=True, exist_ok=True)
    with WideNetwork() as network:
        network.add_network("192.168.1")
        network.add_network("203.0.113", router="203.0.113.1")
        network.add_network("198.51.100", router="198.51.100.254")
        host = {"phone-a": network.add_host("phone-a", eth0=PHONE_A),
                "phone-c": network.add_host("phone-c", eth0=PHONE_C),
                "nat": network.add_host("nat", lan=NAT_INSIDE, wan=NAT_OUTSIDE),
                "gateway": network.add_host("gateway", lan=GATEWAY_INSIDE, wan=GATEWAY_OUTSIDE),
                "carrier": network.add_host("carrier", eth0=CARRIER),
                "phone-b": network.add_host("phone-b", eth0=PHONE_B)}
        for name in ("nat", "gateway"):
            network.route(host[name], "203.0.113.1")
        for name in ("carrier", "phone-b"):
            network.route(host[name], "198.51.100.254")
        network.route(host["phone-a"], NAT_INSIDE)
        network.translate(host["nat"], "wan")
        capture = Capture()
        for point, name, device in (("phone-a", "phone-a", "eth0"), ("phone-b", "phone-b", "eth0"),
                                    ("nat-outside", "nat", "wan"), ("gateway-outside", "gateway", "wan"),
                                    ("gateway-inside", "gateway", "lan")):
            capture.watch(point, host[name], device)
        with capture, PublicCarrier(folder / "carrier", (host["carrier"], CARRIER), (OFFICE_LINE, LINE_OF_B)):
            yield Place(folder, network, capture, host)
