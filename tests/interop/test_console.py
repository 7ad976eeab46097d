# SPDX-License-Identifier: Apache-2.0
"""What the console says, against what the peers did."""

import subprocess
import time

import pytest

from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.office import clear_bindings, party, register_sipp
from tests.interop.raw_sip import UdpPeer, build_request, register, transact
from tests.interop.server import PROGRAM, SECRETS
from tests.interop.sipp_script import Script
from tests.interop.test_calls import call_until_answer, callee_answers

pytestmark = pytest.mark.ours


@pytest.fixture(autouse=True)
def nobody_is_registered(server, network):
    clear_bindings(server, network, "1002", "1003")


def test_registrations_are_those_of_the_phones(server, network, udp, tcp):
    register(udp, "1002", SECRETS["1002"], expires_s=120, lines=("User-Agent: desk-phone/2.1",),
             contact=f"<sip:1002@{udp.hostport.decode()}>;q=0.7")
    register(tcp, "1003", SECRETS["1003"], expires_s=600)
    found = {entry["extension"]: entry for entry in server.show("show registrations")}
    desk, stream = found["1002"], found["1003"]
    assert desk["source"] == udp.hostport.decode()
    assert (desk["transport"].lower(), stream["transport"].lower()) == ("udp", "tcp")
    assert (desk["q"], desk["user_agent"], desk["listener"]) == (0.7, "desk-phone/2.1", "office")
    assert f"sip:1002@{udp.hostport.decode()}" in desk["contact"]
    assert 110 <= desk["expires_s"] <= 120
    assert 590 <= stream["expires_s"] <= 600
    register(udp, "1002", SECRETS["1002"], contact="*", expires_s=0)
    assert "1002" not in {entry["extension"] for entry in server.show("show registrations")}


def test_call_is_listed_while_it_lasts_and_its_ladder_has_every_message(server, new_sipp):
    called, calling = new_sipp(server), new_sipp(server)
    register_sipp(server, called, "1002")
    called.start(callee_answers(), party("1002", "1001")).wait_listening()
    script: Script = call_until_answer("observed").pause(2500).in_dialog("BYE").receive(200)
    calling.start(script, party("1001", "1002"))
    calls = wait_until(lambda: [call for call in server.show("show calls") if call["state"] == "answered"], 5, "a call")
    (call,) = calls
    assert "1001" in call["caller"]
    assert "1002" in call["callee"]
    assert [leg["state"] for leg in call["legs"]] == ["answered"]
    calling.finish()
    called.finish()
    assert server.show("show calls") == []
    ended = server.show(f"show call {call['number']}")
    assert (ended["state"], ended["status"]) == ("ended", 200)
    assert 1 <= ended["duration_s"] < PATIENCE_S
    ladder = subprocess.run([PROGRAM, "console", "--state", server.state, "-c", f"show call {call['number']} ladder"],
                            capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout
    assert ladder.count("BYE") >= 2                                # in and out again
    for word in ("INVITE", "100", "180", "200", "ACK", "407"):
        assert word in ladder, ladder
    assert SECRETS["1001"] not in ladder


def test_statistics_count_what_was_sent(server, udp):
    before = server.show("show statistics")
    for _ in range(10):
        assert transact(udp, build_request(udp, "OPTIONS", "sip:office.test")) is not None
    udp.send(b"\x00\x01\x02 no SIP at all \r\n\r\n")
    def count_discarded() -> int:
        return sum(server.show("show statistics")["discarded_by_reason"].values())
    wait_until(lambda: count_discarded() > sum(before["discarded_by_reason"].values()), PATIENCE_S, "a count")
    after = server.show("show statistics")
    options = [counts["messages_received"]["by_method"].get("OPTIONS", 0) for counts in (before, after)]
    assert options[1] - options[0] == 10
    sent = [counts["messages_sent"]["by_class"].get("2xx", 0) for counts in (before, after)]
    assert sent[1] - sent[0] == 10
    discarded = [sum(counts["discarded_by_reason"].values()) for counts in (before, after)]
    assert discarded[1] - discarded[0] == 1
    assert 10e6 < after["resident_octets"] < 100e6


def test_unknown_command_exits_2_and_says_what_is_allowed(server):
    done = server.console("show nonsense")
    assert done.returncode == 2
    assert "registrations" in done.stdout + done.stderr


def test_console_without_a_server_exits_1(tmp_path):
    done = subprocess.run([PROGRAM, "console", "--state", tmp_path, "-c", "show calls"], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_expired_bindings_leave_the_list_on_time(new_server, network):
    with (new_server(lines=["set sip registrar min-expires 1"]) as server,
          UdpPeer((server.host, server.port), network.new_host()) as phone):
        began = time.monotonic()
        register(phone, "1001", SECRETS["1001"], expires_s=2)
        wait_until(lambda: server.show("show registrations") == [], 6, "the binding to end")
        assert time.monotonic() - began > 1.9
