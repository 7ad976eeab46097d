# SPDX-License-Identifier: Apache-2.0
"""Commits on a box that looks after its own network: netd takes part in them, and in the way back."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.config_desk import ConfigDesk
from tests.interop.namespaces import call_inside, run_ip
from tests.interop.netd import Box, require_dnsmasq
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.raw_sip import UdpPeer, build_request, register, transact

pytestmark = pytest.mark.ours
HOME, AWAY, PHONE = "192.168.1.1", "192.168.7.1", "192.168.1.50"
MOVE = (f"set network lan address {AWAY}/24", "set network dhcp range 192.168.7.100-192.168.7.199")


class OfficeBox(Box):
    """`denwaban run` with its first configuration, in a box of two interfaces; a phone on the LAN."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ["eth0", "eth1"])
        self.output = folder / "stdout"
        run_ip("-n", self.name, "link", "set", "lo", "up")
        run_ip("-n", self.peers["eth1"], "address", "add", f"{PHONE}/24", "dev", "eth0")

    def run(self) -> "OfficeBox":
        self.output.write_bytes(b"")
        environment = {name: value for name, value in os.environ.items() if name not in ("NOTIFY_SOCKET",)}
        with self.errors.open("ab") as errors, self.output.open("wb") as output:
            command = ["ip", "netns", "exec", self.name, self.program, "run", "--first-start-box", "--config",
                       self.config, "--state", self.state]
            self.process = subprocess.Popen(command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL,
                                            env=environment, start_new_session=True)
        wait_until(lambda: b"ready" in self.output.read_bytes().split(b"\n"), 60, "the line `ready`")
        return self

    def has_address(self, address: str, device: str = "eth1") -> bool:
        return address in [one["local"] for row in self.ip("address", "show", "dev", device)
                           for one in row["addr_info"]]

    def is_answered(self) -> bool:
        """Whether the office answers the phone on the LAN."""
        def ask() -> bool:
            with UdpPeer((HOME, 5060), PHONE) as peer:
                return transact(peer, build_request(peer, "OPTIONS", "sip:office.home.arpa"), 1) is not None
        return bool(call_inside(self.peers["eth1"], ask))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[OfficeBox]:
    require_dnsmasq()
    with OfficeBox(tmp_path) as box:
        yield box


def settle_in(desk: ConfigDesk) -> None:
    """The first commit of a box."""
    assert [one["id"] for one in desk.commit()["findings"]] == ["no-emergency"]
    desk.edit("set emergency none", "set extension 1001 secret alpha-1001")
    assert desk.commit("first")["revision"] == 2


def test_a_trial_of_another_address_heals_itself_and_the_phones_are_back(box):
    box.run()
    assert box.has_address(HOME)
    with ConfigDesk(box.state) as desk:
        settle_in(desk)
        call_inside(box.peers["eth1"], register_phone)
        desk.edit(*MOVE)
        plan = desk.ask("check")["plan"]["network"]
        assert any(AWAY in step for step in plan)
        desk.commit(confirmed_minutes=0.1)
        assert box.has_address(AWAY)
        assert not box.has_address(HOME)
    wait_until(lambda: box.has_address(HOME), PATIENCE_S, "the old address")
    wait_until(box.is_answered, PATIENCE_S, "the office to answer at the old address")
    assert not box.has_address(AWAY)
    with ConfigDesk(box.state) as desk:
        wait_until(lambda: desk.look("revisions")[0]["how"] == "confirmed-reverted", PATIENCE_S, "its history")
        assert [one["how"] for one in desk.look("revisions")[1:]] == ["commit-confirmed", "commit", "first-start"]


def test_a_trial_heals_itself_though_everything_was_killed(box):
    box.run()
    with ConfigDesk(box.state) as desk:
        settle_in(desk)
        desk.edit(*MOVE)
        desk.commit(confirmed_minutes=0.02)
    box.kill()
    time.sleep(1.5)         # its time passes while nobody is here
    assert box.has_address(AWAY)
    box.run()
    wait_until(lambda: box.has_address(HOME) and not box.has_address(AWAY), PATIENCE_S, "the old address")
    wait_until(box.is_answered, PATIENCE_S, "the office to answer at the old address")


def test_who_looks_after_the_network_may_change_while_it_runs(box):
    box.config.write_text("# denwaban-config 1\nset system domain office.test\n"
                          "set sip listener office address 127.0.0.1\nset emergency none\n")
    box.run()
    with ConfigDesk(box.state) as desk:
        desk.edit("set network managed true", "set network interface eth1 role lan",
                  f"set network lan address {HOME}/24")
        assert "network: does not run yet, takes this up when it starts" in desk.commit()["effects"]
        wait_until(lambda: box.has_address(HOME), 60, "the address")
        desk.edit("delete sip listener office address", "set sip listener office interface lan")
        desk.commit()
        wait_until(box.is_answered, PATIENCE_S, "the office on the LAN")
        desk.edit("delete network", "delete sip listener office interface", "set sip listener office address 127.0.0.1")
        desk.commit()
        wait_until(lambda: not box.has_address(HOME), PATIENCE_S, "the network to be left alone")


def register_phone() -> None:
    with UdpPeer((HOME, 5060), PHONE) as peer:
        register(peer, "1001", "alpha-1001", domain="office.home.arpa")
