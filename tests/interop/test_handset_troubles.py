# SPDX-License-Identifier: Apache-2.0
"""What the machine refuses a handset: pins, ports, the card. It costs that handset only what it must, the others
nothing; it is an alarm of the box while it lasts, and is tried again.
"""

import os
import signal
import socket

import pytest

from appliance.control.client import ControlClient
from tests.interop.handset import Handset, write_handset_configuration
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.network_keeper import NetworkStandIn
from tests.interop.server import Server

pytestmark = pytest.mark.ours
MANAGED = "set network managed true\nset network interface eth0 role lan\nset network lan address dhcp\n"
DESK = ("set handset desk extension 1001", "set handset desk device nowhere")


def ask(server: Server, *words: str) -> object:
    client = ControlClient(str(server.state), socket_name="handset.sock")
    try:
        return client.ask(list(words))
    finally:
        client.close()


def list_alarms(server: Server) -> dict[str, dict[str, str]]:
    client = ControlClient(str(server.state))
    try:
        return {alarm["name"]: alarm for alarm in client.ask(["show", "alarms"])}
    finally:
        client.close()


def is_registered(server: Server, name: str) -> bool:
    return bool(server.journal("handset_started")) and (server.state / "handset.sock").exists() and bool(
        ask(server, "show", "handset", name).get("registered"))


def test_a_card_that_is_not_there_is_an_alarm_until_the_handset_is_gone(new_server):
    with new_server(lines=DESK) as server:
        wait_until(lambda: "handset_desk_device" in list_alarms(server), PATIENCE_S, "the alarm")
        alarm = list_alarms(server)["handset_desk_device"]
        assert alarm["sentence"].startswith("handset desk has no sound: sound device nowhere")
        assert (alarm["kind"], alarm["subject"]) == ("handset_device", "desk")
        text = server.config.read_text()
        server.config.write_text(text.replace("device nowhere", "device null"))
        server.reload()
        wait_until(lambda: "handset_desk_device" not in list_alarms(server), PATIENCE_S, "the end of the alarm")
        cleared = wait_until(lambda: server.journal("alarm_cleared"), PATIENCE_S, "news of it")
        assert [one["alarm"] for one in cleared] == ["handset_desk_device"]


def test_pins_that_cannot_be_had_cost_nothing_but_themselves(new_server):
    lines = (*DESK, "set handset desk hook gpiochip99:17", "set handset desk ringer gpiochip99:22",
             "set handset desk lamp gpiochip99:255")
    with new_server(lines=lines) as server:
        wait_until(lambda: is_registered(server, "desk"), PATIENCE_S, "registration")
        pins = {"handset_desk_hook", "handset_desk_ringer", "handset_desk_lamp"}
        wait_until(lambda: pins <= list_alarms(server).keys(), PATIENCE_S, "the alarms")
        assert "hook: " in list_alarms(server)["handset_desk_hook"]["sentence"]
        assert ask(server, "handset", "desk", "dial", "1002")["state"] == "calling"
        assert len(server.journal("handset_pin_lost")) == 3     # tried again and again, said once


def test_a_port_that_is_taken_keeps_one_handset_waiting_for_it_and_the_others_go_on(new_server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{holder.getsockname()[1]}"
        lines = (*DESK, "set handset porch device null", f"set handset porch listen {place}",
                 "set handset roof device null", "set handset roof listen 192.0.2.99:5060")
        with new_server(lines=lines) as server:
            wait_until(lambda: is_registered(server, "desk"), PATIENCE_S, "registration")
            shown = {one["name"]: one for one in ask(server, "show", "handsets")}
            assert place.split(":")[1] in shown["porch"]["trouble"]
            assert "192.0.2.99" in shown["roof"]["trouble"]
            assert shown["desk"]["trouble"] == ""
            wait_until(lambda: {"handset_porch_down", "handset_roof_down"} <= list_alarms(server).keys(), PATIENCE_S,
                       "the alarms")
            holder.close()
            wait_until(lambda: ask(server, "show", "handset", "porch").get("address") == place, PATIENCE_S, "the port")
            wait_until(lambda: "handset_porch_down" not in list_alarms(server), PATIENCE_S, "the end of the alarm")
            assert "handset_roof_down" in list_alarms(server)


def test_a_call_for_help_that_fails_is_an_alarm_until_the_handset_talks_again(new_server):
    lines = (*DESK, "set emergency none", "set handset porch extension 1002", "set handset porch device null")
    with new_server(lines=lines, role="b2bua") as server:
        wait_until(lambda: is_registered(server, "desk") and is_registered(server, "porch"), PATIENCE_S, "registration")
        ask(server, "handset", "desk", "dial", "119")
        wait_until(lambda: "handset_desk_emergency" in list_alarms(server), PATIENCE_S, "the alarm")
        assert "desk" in list_alarms(server)["handset_desk_emergency"]["sentence"]
        assert ": 119 (" in list_alarms(server)["handset_desk_emergency"]["sentence"]
        ask(server, "handset", "desk", "hang-up")
        ask(server, "handset", "desk", "dial", "1002")
        wait_until(lambda: ask(server, "show", "handset", "porch")["state"] == "ringing", PATIENCE_S, "the bell")
        assert "handset_desk_emergency" in list_alarms(server)
        ask(server, "handset", "porch", "lift")
        wait_until(lambda: "handset_desk_emergency" not in list_alarms(server), PATIENCE_S, "the end of the alarm")


def test_a_handset_whose_process_dies_takes_its_alarms_along_and_the_next_one_brings_them_back(new_server):
    with new_server(lines=DESK) as server:
        wait_until(lambda: "handset_desk_device" in list_alarms(server), PATIENCE_S, "the alarm")
        os.kill(int(server.journal("handset_started")[-1]["pid"]), signal.SIGKILL)
        wait_until(lambda: server.journal("alarm_cleared"), PATIENCE_S, "the end of the alarm")
        wait_until(lambda: "handset_desk_device" in list_alarms(server), PATIENCE_S, "the alarm again")


def test_a_server_that_gets_its_address_later_is_found_then(new_server, tmp_path):
    with new_server() as server, NetworkStandIn(server.state) as network:
        network.tell(lan=None)
        config = write_handset_configuration(server.config, tmp_path)
        text = config.read_text().replace(f"office address {server.host}", "office interface lan")
        config.write_text(text + MANAGED)
        with Handset(config, server.state, tmp_path / "desk", None) as desk:
            assert not desk.show()["registered"]
            network.tell(lan=server.host)
            wait_until(lambda: desk.read_log().split().count("ready") == 2, PATIENCE_S, "another start")
            desk.wait_registered()
