# SPDX-License-Identifier: Apache-2.0
"""sipsak against the server: ping, registration, a flood, and trashed messages while a call is up."""

import os

import pytest

from tests.interop.office import clear_bindings, party, register_sipp, require
from tests.interop.raw_sip import build_request, register, transact
from tests.interop.server import SECRETS
from tests.interop.sipp_script import Script
from tests.interop.sipsak import run_sipsak
from tests.interop.test_calls import call_until_answer, callee_answers

FLOOD = 1000


@pytest.fixture(autouse=True)
def _sipsak():
    require("sipsak")


def test_options_ping_is_answered_with_200(server, network):
    done = run_sipsak((server.host, server.port), "-vv", local_host=network.new_host())
    assert done.returncode == 0, done.stdout
    assert "SIP/2.0 200" in done.stdout


def test_registration_with_digest(server, network, udp):
    clear_bindings(server, network, "1003")
    done = run_sipsak((server.host, server.port), "-i", "-U", "-C", f"sip:1003@{udp.hostport.decode()}", "-x", "120",
                      "-u", "1003", "-a", SECRETS["1003"], "-v", user="1003", local_host=network.new_host())
    assert done.returncode == 0, done.stdout
    assert udp.hostport in register(udp, "1003", SECRETS["1003"], contact="<sip:1003@192.0.2.1>").octets


@pytest.mark.ours
def test_flood_is_taken_in_whole_and_service_goes_on(server, network, udp):
    before = server.show("show statistics")["messages_received"]["by_method"].get("OPTIONS", 0)
    done = run_sipsak((server.host, server.port), "-F", "-e", str(FLOOD), local_host=network.new_host())
    assert "flood end reached" in done.stdout
    answer = transact(udp, build_request(udp, "OPTIONS", "sip:office.test"))
    assert answer is not None
    assert answer.status == 200
    if os.geteuid() == 0:                                          # the receive buffer is as large as we ask for
        after = server.show("show statistics")["messages_received"]["by_method"]["OPTIONS"]
        assert after - before >= FLOOD - 1


def test_trashed_messages_do_not_disturb_a_call_that_is_up(server, network, new_sipp, udp):
    clear_bindings(server, network, "1002")
    called, calling = new_sipp(server), new_sipp(server)
    register_sipp(server, called, "1002")
    called.start(callee_answers(), party("1002", "1001")).wait_listening()
    caller: Script = call_until_answer("call under trash").pause(2000).in_dialog("BYE").receive(200)
    calling.start(caller, party("1001", "1002"))
    for trashed in ("5", "40", "400"):
        run_sipsak((server.host, server.port), "-R", "-t", trashed, "-Z", "20", local_host=network.new_host())
    calling.finish()
    called.finish()
    answer = transact(udp, build_request(udp, "OPTIONS", "sip:office.test"))
    assert answer is not None
    assert answer.status == 200
