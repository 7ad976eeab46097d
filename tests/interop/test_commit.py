# SPDX-License-Identifier: Apache-2.0
"""Commits on the running office: without touching what has not changed, and healing by themselves; a call that
goes on meanwhile notices nothing."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import Account, CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC
from tests.interop.config_desk import ConfigDesk, Refused, StandInPart
from tests.interop.gateway import DESKS, OFFICE_NUMBER, Gateway, route_lines, trunk_lines
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.raw_sip import UdpPeer, build_request, register, transact
from tests.interop.server import PROGRAM, SECRETS

pytestmark = pytest.mark.ours
MANY = [f"set extension {number} secret secret-word-{number}" for number in range(1000, 1500)]


class Place:
    """A gateway with five hundred extensions, a phone, a carrier, and a call between them that goes on."""

    def __init__(self, gateway: Gateway, carrier: CarrierEmulator, phone: DeskPhone) -> None:
        self.gateway, self.carrier, self.phone = gateway, carrier, phone
        carrier.wait_registered()
        wait_until(lambda: gateway.show("show trunks")[0]["state"] == "up", PATIENCE_S, "the trunk to be up")
        self.call = phone.dial("0312345678")
        assert self.call.wait_status() == 200
        self.registered = len(carrier.seen(b"REGISTER"))

    def check_untouched(self) -> None:
        """The trunk has not registered again, no phone was forgotten, the call still stands; then it ends as ever."""
        assert len(self.carrier.seen(b"REGISTER")) == self.registered
        assert [row["extension"] for row in self.gateway.show("show registrations")] == ["201"]
        assert [row["state"] for row in self.gateway.show("show calls")] == ["answered"]
        self.call.bye()
        self.gateway.wait_no_calls()
        assert not [one for one in self.gateway.journal() if "error" in one["event"]]


@pytest.fixture
def place(network, tmp_path) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        carrier = stack.enter_context(CarrierEmulator(replace(GENERIC, has_digest=False), network.new_host(),
                                                      account=Account(OFFICE_NUMBER)))
        lines = [*MANY, *trunk_lines("carrier", carrier), *route_lines("carrier")]
        gateway = stack.enter_context(Gateway(tmp_path / "gateway", network, lines))
        phone = stack.enter_context(DeskPhone(network.new_host(), (gateway.host, 5060), Desk("201", DESKS["201"])))
        phone.register()
        yield Place(gateway, carrier, phone)


class Pulse:
    """Asks the server again and again, and notes when it was answered."""

    def __init__(self, server: tuple[str, int], host: str) -> None:
        self.asked: list[tuple[float, float]] = []         # from when to when
        self._peer = UdpPeer(server, host)
        self._is_over = False
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._is_over:
            began = time.monotonic()
            assert transact(self._peer, build_request(self._peer, "OPTIONS", "sip:office.test"), 5) is not None
            self.asked.append((began, time.monotonic()))
            time.sleep(0.001)

    def count_within(self, began: float, ended: float) -> int:
        """Questions that were asked and answered meanwhile."""
        return sum(began < asked and answered < ended for asked, answered in self.asked)

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()
        self._peer.close()


def test_one_extension_among_five_hundred_is_committed_at_once_and_touches_nobody_else(place, network):
    gateway = place.gateway
    answered = 0
    with ConfigDesk(gateway.state) as desk, Pulse((gateway.host, 5060), network.new_host()) as pulse:
        for number in range(1500, 1510):
            desk.edit(f"set extension {number} secret secret-word-{number}")
            began = time.monotonic()
            done = desk.commit()
            ended = time.monotonic()
            assert done["effects"] == [f"extension {number} added", "0 calls affected"]
            with UdpPeer((gateway.host, 5060), network.new_host()) as phone:
                register(phone, str(number), f"secret-word-{number}")
                register(phone, str(number), f"secret-word-{number}", expires_s=0)
            answered += pulse.count_within(began, ended)
    assert answered >= 30       # three a commit: SIP goes on meanwhile; how long who waits, `make bench` measures
    place.check_untouched()


def test_a_wrong_commit_heals_itself_though_the_operator_is_gone_and_the_call_goes_on(place, network):
    gateway, before = place.gateway, place.gateway.config.read_text()
    with ConfigDesk(gateway.state) as desk:
        desk.edit("delete route outside", "delete extension 202", "set extension 1000 name Nobody")
        done = desk.commit(confirmed_minutes=0.05)
        assert "0312345678: trunk carrier (0312345678) -> nobody" in done["effects"]
    with UdpPeer((gateway.host, 5060), network.new_host()) as phone:
        with pytest.raises(AssertionError):
            register(phone, "202", DESKS["202"])
        wait_until(lambda: gateway.journal("configuration_taken_back"), PATIENCE_S, "the old configuration again")
        register(phone, "202", DESKS["202"])
        register(phone, "202", DESKS["202"], expires_s=0)
    assert gateway.config.read_text() == before
    second = place.phone.dial("0312345678")
    assert second.wait_status() == 200
    second.bye()
    place.check_untouched()


def test_a_commit_is_refused_with_everything_that_is_wrong_and_nothing_changes(place):
    gateway, before = place.gateway, place.gateway.config.read_text()
    with ConfigDesk(gateway.state) as desk:
        wrong = "".join(f"set extension {number} role king\n" for number in range(2000, 3000))
        assert len(desk.ask("load", before + wrong)) == 1000
        done = desk.commit()
        assert done["revision"] is None
        assert len([one for one in done["findings"] if one["id"] == "wrong-value"]) == 1000
        desk.ask("discard")
        desk.edit("delete emergency")
        refused = [one["id"] for one in desk.commit()["findings"] if one["severity"] == "error"]
        assert refused == ["no-emergency"]
    assert gateway.config.read_text() == before
    place.check_untouched()


def test_a_file_edited_by_hand_and_a_commit_follow_one_another(new_server):
    with new_server(lines=["set emergency none"]) as server, ConfigDesk(server.state) as desk:
        server.config.write_text(server.config.read_text() + "# by hand\nset extension 1100 secret hand-1100\n")
        server.reload()
        wait_until(lambda: len(desk.look("revisions")) == 2, PATIENCE_S, "the revision of the reload")
        assert [one["how"] for one in desk.look("revisions")] == ["reload", "first-start"]
        desk.edit("set extension 1101 secret desk-1101")       # begun before the file changed
        desk.commit()
        text = server.config.read_text()
        assert "# by hand\nset extension 1100 secret hand-1100\nset extension 1101 secret desk-1101\n" in text
        assert server.tail().count("secret desk-1101") == 0      # no secret in the journal


def test_services_of_their_own_take_up_a_commit_and_go_on_without_configd(new_server, network, tmp_path):
    server = new_server(lines=["set emergency none"])
    command = ["--config", server.config, "--state", server.state]
    with contextlib.ExitStack() as stack:
        daemons = {}

        def start(part: str) -> None:
            output = stack.enter_context((tmp_path / f"{part}-{len(daemons)}").open("w+b"))
            daemons[part] = subprocess.Popen([PROGRAM, part, *command], stdout=output, stderr=subprocess.STDOUT,
                                             stdin=subprocess.DEVNULL, start_new_session=True)
            stack.callback(daemons[part].wait, PATIENCE_S)
            stack.callback(daemons[part].terminate)
            wait_until(lambda: b"ready" in (tmp_path / output.name).read_bytes().split(b"\n"), PATIENCE_S, part)
        start("configd")
        with ConfigDesk(server.state) as desk:      # nobody is there yet to take it up
            desk.edit("set extension 1100 secret early-1100")
            assert "calls: does not run yet, takes this up when it starts" in desk.commit()["effects"]
        start("callserver")
        with UdpPeer((server.host, server.port), network.new_host()) as phone:
            register(phone, "1100", "early-1100")
            with ConfigDesk(server.state) as desk:
                desk.edit("set extension 1101 secret late-1101")
                assert desk.commit()["revision"] == 3
            register(phone, "1101", "late-1101")
            daemons["configd"].kill()
            daemons["configd"].wait()
            register(phone, "1001", SECRETS["1001"])
            server.config.write_text(server.config.read_text() + "set extension 1102 secret found-1102\n")
            start("configd")        # everybody takes up what the file says
            register(phone, "1102", "found-1102")


def test_what_the_network_refuses_changes_nothing_anywhere(new_server):
    server = new_server(lines=["set emergency none"])
    part = StandInPart(server.state, "net.sock", "")
    part.refuses = "no such device eth7"
    with server, ConfigDesk(server.state) as desk:
        before = server.config.read_text()
        desk.edit("set network managed true", "set network interface eth7 role lan", "set network lan address dhcp",
                  "set extension 1100 secret never-1100")
        with pytest.raises(Refused) as refused:
            desk.commit()
        assert refused.value.error["path"] == "network: step 3 of 5"
        assert refused.value.error["said"] == "no such device eth7"
        assert "everything is as it was" in refused.value.error["remedy"]
        assert server.config.read_text() == before
        assert server.journal("configuration_loaded") == []
    part.close()
