# SPDX-License-Identifier: Apache-2.0
"""Whatever comes, a user agent answers or discards it: no exception, and in the end nothing is left."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.native.sip_scanner import Message, ScanError
from tests.ua.virtual_network import Network, join_two

LINES = [b"Record-Route: <sip:x\r\n", b"Record-Route: <sip:[::1>;lr>\r\n", b"Contact: *\r\n", b"Contact: <>\r\n",
         b"Contact: \"x\r\n", b"Require: 100rel\r\n", b"RSeq: 1\r\n", b"Retry-After: -1\r\n", b"Expires: 1\r\n",
         b"Content-Type: text/plain\r\n", b"WWW-Authenticate: Digest\r\n", b"Min-Expires: 99999999999999999999\r\n",
         b"Content-Disposition: early-session\r\n", b"Authentication-Info: rspauth=\"x\r\n"]
STATUSES = [100, 180, 183, 199, 200, 202, 299, 300, 302, 401, 407, 408, 415, 416, 420, 421, 423, 481, 487, 491, 500,
            503, 600, 699]


def mangle(octets: bytes, chance: random.Random) -> bytes:
    """One change of a kind that broken and malicious peers make."""
    kind = chance.randrange(7)
    at = chance.randrange(len(octets))
    if kind == 0:
        return octets[:at] + bytes([chance.randrange(256)]) + octets[at + 1:]
    if kind == 1:
        return octets[:at] + octets[at + chance.randrange(1, 20):]
    if kind == 2:
        line = chance.choice(LINES)
        return octets.replace(b"\r\nFrom:", b"\r\n" + line + b"From:", 1)
    if kind == 3:
        lines = octets.split(b"\r\n")
        del lines[chance.randrange(1, len(lines))]
        return b"\r\n".join(lines)
    if kind == 4 and octets.startswith(b"SIP/2.0"):
        return re.sub(rb"^SIP/2.0 \d+", b"SIP/2.0 %d" % chance.choice(STATUSES), octets)
    if kind == 5:
        return re.sub(rb"CSeq: \d+", b"CSeq: %d" % chance.choice([0, 1, 2, 7, 2**31]), octets)
    return re.sub(rb"\r\n(Contact|Record-Route|Content-Type): [^\r]*", b"", octets)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), has_offer=st.booleans(), share=st.sampled_from([0.1, 0.3, 0.8]))
def test_mangled_messages_do_no_harm(seed, has_offer, share):
    chance = random.Random(seed)
    network, a, b = join_two()
    if not has_offer:
        b.user.script["offered"] = lambda call, now: call.answer(b"late offer", now)
    original = network.send

    def send(source, target, octets: bytes) -> None:
        if chance.random() < share:
            octets = mangle(octets, chance)
        try:
            Message(octets)
        except ScanError:
            return
        original(source, target, octets)
    network.send = send
    calls = [a.call(b, b"offer" if has_offer else b"")]
    network.at(2, lambda: calls[0].change_session(b"other", network.now))
    network.at(4, lambda: [call.change_session(b"third", network.now) for call in b.user.calls])
    for at_s in (8, 60, 100):
        network.at(at_s, lambda: [call.hang_up(network.now) for call in calls + b.user.calls])
    network.run(500)
    for phone in (a, b):
        assert phone.is_quiet, network.labels()


def test_a_body_that_may_be_ignored_is_no_offer():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.answer(b"our offer", now)
    draft = a.agent.draft_call(b"sip:2@198.51.100.20", b"picture")
    draft.content_type = b"image/png"
    draft.lines += b"Content-Disposition: icon;handling=optional\r\n"
    a.agent.place_call(draft, a.user, network.now)
    network.run(0.015)
    assert b.user.sessions == [b""]


def test_a_200_without_an_answer_is_acknowledged_and_ended():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.answer(b"", now)
    a.call(b)
    network.run(40)
    assert network.labels() == ["INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
    assert a.user.releases[0].cause.name == "BROKEN"


def test_an_ack_without_the_answer_ends_the_call():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.answer(b"late offer", now)
    a.user.script["offer_received"] = lambda call, now: call.hang_up(now)
    a.call(b, offer=b"")
    network.run(40)
    assert network.labels()[:4] == ["INVITE", "200 INVITE", "ACK", "BYE"]
    assert a.is_quiet
    assert b.is_quiet


@pytest.mark.parametrize("event", ["offered", "confirmed", "answer_received", "offer_received", "offer_wanted",
                                   "alerted 180"])
@pytest.mark.parametrize("has_offer", [True, False])
@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_user_may_hang_up_at_every_event(event, has_offer, who):
    network, a, b = join_two()

    def begin(call, now: float) -> None:
        call.alert(180, now)
        call.answer(b"session", now)
    b.user.script["offered"] = begin
    phone = a if who == "caller" else b
    before = phone.user.script.get(event)

    def leave(call, now: float) -> None:
        if event == "offered":
            before(call, now)
        call.hang_up(now)
    phone.user.script[event] = leave
    call = a.call(b, b"offer" if has_offer else b"")
    network.at(3, lambda: call.change_session(b"", network.now))
    network.at(9, lambda: [one.change_session(b"x", network.now) for one in b.user.calls])
    network.at(20, lambda: call.hang_up(network.now))
    network.run(100)
    assert a.user.heard.count("released") == b.user.heard.count("released") == 1
    assert a.user.heard[-1] == b.user.heard[-1] == "released"
    assert a.is_quiet
    assert b.is_quiet


def test_a_flood_of_forks_is_bounded():
    network = Network()
    network, a, b = join_two()
    b.user.script.clear()
    call = a.call(b)
    network.run(0.1)
    trying = network.messages("100 INVITE")[0].data.replace(b"100 Trying", b"180 Ringing")
    for number in range(200):
        a.receive(trying.replace(b"\r\nCall-ID", b";tag=%d\r\nCall-ID" % number), b.address, network.now)
    assert a.user.heard.count("alerted 180") == 200
    assert len(call._forks) <= 64
