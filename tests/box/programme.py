# SPDX-License-Identifier: Apache-2.0
"""The box from the carton to a call that a wrong commit does not hurt: `play` yields a verdict for each step."""

import itertools
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.box.lan_host import fetch, resolve
from tests.box.operator_script import (
    DESK,
    DESK_SECRET,
    DOMAIN,
    EMPTY,
    LAN_ADDRESS,
    LAN_POOL,
    MISTAKE,
    NETWORK,
    OUTSIDE_LINE,
    TELEPHONES,
)
from tests.box.place import WEB_NAME, WEB_SERVER, Place, build_place
from tests.box.technician import CONFIGURATION, OPERATIONAL, Technician
from tests.demo.observation import voice_packets
from tests.demo.place import LINE_OF_B
from tests.demo.report import Verdict
from tests.interop.baresip import Baresip
from tests.interop.network import wait_until
from tests.interop.server import Server
from tests.interop.sound import likeness

WHAT_CAN_FAIL = (AssertionError, OSError, subprocess.SubprocessError)
CONFIRMED_S = 60
HEALED_LIMIT_S = CONFIRMED_S + 20
GAP_LIMIT_S = 0.2
HEARD = 0.9
TITLES = {1: "an empty box: addresses, translation, DHCP and an outside line, typed on the console",
          2: "a machine behind it gets its address and reaches a server outside",
          3: "a telephone gets its address, registers and calls outside",
          4: "a wrong `commit confirmed 1` heals itself while that call goes on"}


@dataclass
class Box:
    """The box at work and who is about it. call_began: in the time of the captures."""

    place: Place
    server: Server
    technician: Technician
    desk: Baresip | None = None
    phone_b: Baresip | None = None
    call_began: float = 0.0

    def set_up(self, verdict: Verdict) -> None:
        """The technician types; the kernel is asked what has become of it."""
        namespace = self.place.host["box"]
        before = interface_addresses(namespace)
        verdict.claim(not before, f"before, no interface has an address: {before or 'none'}")
        self.technician.configure([*NETWORK, *TELEPHONES, *OUTSIDE_LINE])
        said = self.technician.type("commit", CONFIGURATION, timeout_s=40)
        verdict.claim("commit complete" in said, f"the console: {said.strip().splitlines()[-3:]}")
        self.technician.type("exit", OPERATIONAL)
        outside = str(wait_until(lambda: next((one for device, one in interface_addresses(namespace).items()
                                               if device == "eth0"), None), 20, "an address from the provider"))
        verdict.claim(outside in self.place.provider.given(), f"eth0 has {outside}, which the provider gave")
        inside = LAN_ADDRESS in interface_addresses(namespace).values()
        verdict.claim(inside, f"the office's side has {LAN_ADDRESS}")
        verdict.claim(has_masquerade(namespace), "nft -j list ruleset: what leaves by eth0 is masqueraded")
        is_up = wait_until(lambda: trunk_state(self.server) == "up", 30, "the trunk registered with the carrier")
        verdict.claim(bool(is_up), f"show trunks: {trunk_state(self.server)}")

    def serve_machine(self, verdict: Verdict) -> None:
        """A PC that knows nothing."""
        lease = self.place.lease("pc")
        verdict.claim(LAN_POOL[0].split(".")[:3] == lease.address.split(".")[:3] and lease.router == LAN_ADDRESS
                      and lease.name_server == LAN_ADDRESS,
                      f"lease: {lease.address}/{lease.prefix}, router {lease.router}, names {lease.name_server}")
        pc = self.place.host["pc"]
        found = resolve(pc, lease.name_server, WEB_NAME)
        verdict.claim(found == WEB_SERVER, f"{WEB_NAME} is {found or 'not found'}")
        page = fetch(pc, WEB_SERVER)
        outside = interface_addresses(self.place.host["box"]).get("eth0", "")
        verdict.claim(page == f"you are {outside}\n", f"the page outside says: {page.strip() or 'nothing'}")

    def call_outside(self, verdict: Verdict) -> None:
        """The telephone calls B and the call stays up."""
        lease = self.place.lease("desk")
        verdict.claim(lease.router == LAN_ADDRESS, f"the telephone's lease: {lease.address}")
        self.phone_b = self.place.phone_b().__enter__()
        self.desk = self.place.desk_phone(DESK, DESK_SECRET, LAN_ADDRESS, DOMAIN).__enter__()
        self.phone_b.wait_registered()
        self.desk.wait_registered()
        self.call_began = time.time()
        self.desk.dial(LINE_OF_B.number)
        self.phone_b.wait("CALL_INCOMING")
        self.phone_b.answer()
        for phone in (self.desk, self.phone_b):
            phone.wait("CALL_ESTABLISHED")
        for point in ("desk", "phone-b"):
            wait_until(lambda point=point: len(voice_at(self.place, point, self.call_began)) >= 100, 20,
                       f"voice at {point}")
        said = self.server.show("show calls")
        verdict.claim(isinstance(said, list) and len(said) == 1, f"show calls: {len(said)} call")
        verdict.claim(True, "both telephones receive voice")

    def survive_mistake(self, verdict: Verdict) -> None:
        """Three slips, taken back by themselves after a minute; nobody in the call notices."""
        pc, namespace = self.place.host["pc"], self.place.host["box"]
        self.technician.configure(MISTAKE)
        began = time.monotonic()
        self.technician.type("commit confirmed 1", CONFIGURATION, timeout_s=40)
        cut_off = wait_until(lambda: not fetch(pc, WEB_SERVER, 1) and not has_masquerade(namespace), 20, "the mistake")
        verdict.claim(bool(cut_off), "the mistake is in force: the PC reaches nothing outside")
        wait_until(lambda: trunk_state(self.server) != "up", 20, "the carrier's refusal")
        verdict.claim(True, f"show trunks: {trunk_state(self.server)}")
        wait_until(lambda: fetch(pc, WEB_SERVER, 1), HEALED_LIMIT_S, "the box to heal itself")
        healed_s = time.monotonic() - began
        verdict.claim(CONFIRMED_S - 5 < healed_s < HEALED_LIMIT_S, f"healed by itself after {healed_s:.0f} s")
        wait_until(lambda: trunk_state(self.server) == "up", 30, "the trunk up again")
        verdict.claim(True, "show trunks: up")
        revisions = self.server.console("show revisions").stdout
        verdict.claim("revert" in revisions, "show revisions names what was taken back")
        more = {point: len(voice_at(self.place, point, self.call_began)) + 50 for point in ("desk", "phone-b")}
        for point, count in more.items():                          # a second of voice after all that
            wait_until(lambda point=point, count=count: len(voice_at(self.place, point, self.call_began)) >= count, 20,
                       f"voice at {point} after all that")
        self._judge_call(verdict)

    def _judge_call(self, verdict: Verdict) -> None:
        assert self.desk is not None
        assert self.phone_b is not None
        for point, speaker, who in (("desk", "phone-b", "the office hears B"),
                                    ("phone-b", "desk", "B hears the office")):
            packets = voice_at(self.place, point, self.call_began)
            gap = longest_gap_s(packets)
            own = longest_gap_s(voice_packets(self.place.capture.datagrams(speaker, self.call_began), is_sent=True))
            # a speaker whose own process had to wait is not the box's affair
            verdict.claim(gap < GAP_LIMIT_S + own, f"{who}: {len(packets)} packets, longest gap {gap * 1000:.0f} ms")
        self.desk.hang_up()
        self.phone_b.wait("CALL_CLOSED")
        for hearer, speaker, who in ((self.desk, "phone-b", "the office heard B"),
                                     (self.phone_b, "desk", "B heard the office")):
            score = likeness(self.place.voice(speaker), hearer.heard())
            verdict.claim(score >= HEARD, f"{who}: {score:.3f}")
            verdict.voices.append(f"{who}: {score:.3f}")

    def close(self) -> None:
        for phone in (self.desk, self.phone_b):
            if phone is not None:
                phone.__exit__(None, None, None)


def play(folder: Path) -> Iterator[tuple[Verdict, str]]:
    """Each step's verdict and what was on the screen meanwhile. folder: where recordings and logs are left."""
    with build_place(folder) as place:
        server = empty_box(place)
        with server, Technician(server.state, folder / "technician") as technician:
            box = Box(place, server, technician)
            acts = (box.set_up, box.serve_machine, box.call_outside, box.survive_mistake)
            try:
                for step, act in enumerate(acts, 1):
                    yield play_step(Verdict(step, TITLES[step]), act, technician)
            finally:
                box.close()
                place.capture.write(folder)


def play_step(verdict: Verdict, act: Callable[[Verdict], None], technician: Technician) -> tuple[Verdict, str]:
    """What did not happen in time is a claim that has not held."""
    began = len(technician.transcript)
    try:
        act(verdict)
    except WHAT_CAN_FAIL as error:
        verdict.claim(False, str(error))
    screen = technician.transcript
    return verdict, screen[screen.rfind("\n", 0, began) + 1:] if len(screen) > began else ""


def empty_box(place: Place) -> Server:
    """`denwaban run` in the box's namespace: no address, no network, no telephone, only a name and somebody to ask."""
    server = Server(place.folder / "box", LAN_ADDRESS, namespace=place.host["box"])
    server.config.write_text(EMPTY)
    return server


def interface_addresses(namespace: str) -> dict[str, str]:
    """The first IPv4 address of each interface but lo."""
    listed = subprocess.run(["ip", "-n", namespace, "-j", "-4", "address"], capture_output=True, text=True, check=True)
    return {one["ifname"]: one["addr_info"][0]["local"] for one in json.loads(listed.stdout)
            if one.get("ifname") != "lo" and one.get("addr_info")}


def has_masquerade(namespace: str) -> bool:
    """Whether any rule masquerades, by nft's own words."""
    listed = subprocess.run(["ip", "netns", "exec", namespace, "nft", "-j", "list", "ruleset"], capture_output=True,
                            text=True, check=True)
    return '"masquerade"' in listed.stdout


def trunk_state(server: Server) -> str:
    """The state of the one trunk."""
    rows = server.show("show trunks")
    return rows[0]["state"] if isinstance(rows, list) and rows else "none"


def longest_gap_s(packets: list) -> float:
    """Between one packet and the next; without end where there are none."""
    return max((later.at - one.at for one, later in itertools.pairwise(packets)), default=float("inf"))


def voice_at(place: Place, point: str, since: float) -> list:
    """The RTP packets that have arrived there."""
    return voice_packets(place.capture.datagrams(point, since), is_sent=False)
