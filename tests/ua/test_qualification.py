# SPDX-License-Identifier: Apache-2.0
"""OPTIONS as a question for life: RFC 3261 11."""

import pytest

from appliance.ua.qualification import Qualification
from tests.ua.test_requests import SECRETS, Server, challenge
from tests.ua.virtual_network import Network, Phone


class Watcher:
    def __init__(self) -> None:
        self.heard: list[tuple[str, float]] = []

    def peer_answered(self, now: float) -> None:
        self.heard.append(("answered", round(now - 1000.0)))

    def peer_silent(self, now: float) -> None:
        self.heard.append(("silent", round(now - 1000.0)))


def begin(*answers: tuple[int, bytes]):
    network = Network()
    a, b = Phone(network, "192.168.1.11", "201", secrets=SECRETS), Phone(network, "198.51.100.20", "2")
    b.agent.serve_method(b"OPTIONS", Server(*answers))
    watcher = Watcher()
    qualification = Qualification(a.core, b"sip:198.51.100.20", watcher, 60)
    qualification.start(network.now)
    return network, a, b, watcher, qualification


@pytest.mark.parametrize("status", [200, 404, 405, 481, 486, 500, 603])
def test_whoever_answers_is_there(status):
    network, _, _, watcher, qualification = begin((status, b""))
    network.run(185)
    assert watcher.heard == [("answered", 0), ("answered", 60), ("answered", 120), ("answered", 180)]
    assert qualification.status == status
    assert qualification.round_trip_s == pytest.approx(0.02, abs=0.01)
    options = network.messages("OPTIONS")[0]
    assert options.uri == b"sip:198.51.100.20"
    assert options.header(b"Accept") == b"application/sdp"
    assert options.contact_uri == b"sip:201@192.168.1.11:5060"


@pytest.mark.parametrize("status", [408, 503])
def test_who_says_that_nobody_is_there_is_not(status):
    network, _, _, watcher, qualification = begin((status, b""))
    network.run(20)
    assert watcher.heard == [("silent", 0), ("silent", 15)]
    assert qualification.round_trip_s == 0.0


def test_silence_is_noticed_and_so_is_the_return():
    network, _, b, watcher, _ = begin((200, b""))
    network.run(30)
    del network.phones[b.address]
    network.run(70)
    assert watcher.heard == [("answered", 0), ("silent", 92)]
    network.phones[b.address] = b
    network.run(20)
    assert watcher.heard[-1] == ("answered", 107)


def test_a_challenge_is_answered_or_proof_enough():
    network, _, _, watcher, _ = begin((401, challenge(b"one.test")), (200, b""))
    network.run(1)
    assert (watcher.heard, len(network.messages("OPTIONS"))) == ([("answered", 0)], 2)
    network, _, _, watcher, _ = begin((401, challenge(b"elsewhere.test")))
    network.run(1)
    assert watcher.heard == [("answered", 0)]


@pytest.mark.parametrize("at_s", [0.0, 30.0])
def test_stopped_it_says_and_asks_nothing(at_s):
    network, a, _, watcher, qualification = begin((200, b""))
    network.run(at_s)
    count = len(watcher.heard)
    qualification.stop()
    qualification.stop()
    network.run(200)
    assert len(watcher.heard) == count
    assert a.is_quiet
    qualification.start(network.now)
    network.run(1)
    assert len(watcher.heard) == count + 1


def test_it_can_be_asked_out_of_turn():
    network, _, _, watcher, qualification = begin((200, b""))
    qualification.ask_now(network.now)      # one is out already
    network.run(10)
    qualification.ask_now(network.now)
    network.run(61)
    assert watcher.heard == [("answered", 0), ("answered", 10), ("answered", 70)]
