# SPDX-License-Identifier: Apache-2.0
"""Addresses with a name in them: looked up without waiting, and what is heard where that leads nowhere (RFC 3263)."""

import pytest

from appliance.sip.locating.records import ABSENT, FAILED, Answer, Outcome
from tests.handset.desk import Desk, write_sdp
from tests.handset.test_handset import PEER
from tests.ua.virtual_network import Network, Phone

AT_PEER = Answer(Outcome.FOUND, (PEER.encode(),))


class HeldResolver:
    """Answers when the test says so: `answers` by "NAME TYPE", anything else is absent."""

    def __init__(self, answers: dict | None = None) -> None:
        self.answers = answers or {}
        self.waiting: list = []
        self.asked: list[str] = []

    def ask(self, question, asker, now) -> None:
        self.asked.append(f"{question.name.decode()} {question.kind.name}")
        self.waiting.append((question, asker))

    def answer(self, now: float, otherwise=ABSENT) -> None:
        while self.waiting:
            question, asker = self.waiting.pop(0)
            key = f"{question.name.decode()} {question.kind.name}"
            asker.answer_received(question, self.answers.get(key, otherwise), now)


def open_desk(resolver) -> Desk:
    network = Network()
    peer = Phone(network, PEER, "x")
    peer.user.script["offered"] = lambda call, now: call.answer(write_sdp(PEER, 6000), now)
    return Desk(network, resolver=resolver)


def test_the_receiver_waits_in_silence_and_then_talks():
    resolver = HeldResolver({"some.host.test A": AT_PEER})
    desk = open_desk(resolver)
    desk.do("dial", "sip:x@some.host.test")
    assert (desk.state, desk.voice.tone, desk.network.labels()) == ("calling", "", [])
    assert resolver.asked
    resolver.answer(desk.network.now)
    desk.network.run(1)
    assert desk.state == "talking"
    assert desk.network.messages("INVITE", desk)[0].uri == b"sip:x@some.host.test"


@pytest.mark.parametrize(("answer", "tone", "status"), [(ABSENT, "unobtainable", 404), (FAILED, "congestion", 503)])
def test_a_name_that_leads_nowhere_has_its_tone(answer, tone, status):
    resolver = HeldResolver()
    desk = open_desk(resolver)
    desk.do("dial", "sip:x@some.host.test")
    resolver.answer(desk.network.now, answer)
    desk.network.run(1)
    assert (desk.state, desk.voice.tone) == ("busy", tone)
    assert desk.handset.line.last_status == status
    assert not any(port.is_open for port in desk.voice.ports)


def test_name_servers_that_say_nothing_are_not_waited_for_long():
    desk = open_desk(HeldResolver())
    desk.do("dial", "sip:x@some.host.test")
    desk.network.run(4)
    assert desk.state == "calling"
    desk.network.run(2)
    assert (desk.state, desk.voice.tone) == ("busy", "congestion")


def test_hanging_up_while_it_is_looked_up_leaves_nothing():
    resolver = HeldResolver({"some.host.test A": AT_PEER})
    desk = open_desk(resolver)
    desk.do("dial", "sip:x@some.host.test")
    desk.do("hang_up")
    resolver.answer(desk.network.now)
    desk.network.run(40)
    assert (desk.state, desk.network.labels()) == ("idle", [])
    assert not desk.core.dialogs
    assert not any(port.is_open for port in desk.voice.ports)


def test_what_wants_a_transport_that_it_does_not_have_is_congestion_without_a_packet():
    desk = open_desk(HeldResolver())
    desk.do("dial", f"sip:x@{PEER};transport=tcp")
    desk.network.run(1)
    assert (desk.state, desk.voice.tone, desk.network.labels()) == ("busy", "congestion", [])
