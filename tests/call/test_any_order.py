# SPDX-License-Identifier: Apache-2.0
"""Whatever two sides say in whatever order, allowed or not: nothing breaks, and when both are gone nothing is left."""

import gc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.call.bridge import Bridge
from appliance.call.call import Call
from appliance.call.hunt import Hunt
from appliance.call.leg import Leg
from appliance.call.media_pair import MediaPair
from appliance.call.set_up import SetUp
from appliance.ua.early_dialog import EarlyDialog
from appliance.ua.invite_usage import InviteUsage
from tests.call.virtual_calls import CARRIER, SECOND_CARRIER, VirtualCalls
from tests.call.virtual_phone import PhoneCall

WATCHED = (Bridge, Call, Hunt, Leg, MediaPair, SetUp, EarlyDialog, InviteUsage)
STATUSES = [100, 180, 183, 199, 200, 202, 300, 302, 400, 401, 407, 408, 420, 481, 486, 487, 488, 491, 500, 503, 600,
            603]
BODIES = ["", "plain", "hold", "video", "silent", "fax", "nonsense", "other"]
RELIABLE = "Require: 100rel\r\nRSeq: {}\r\n"

sides = st.sampled_from(["caller", "called", "called", "other"])
bodies = st.sampled_from(BODIES)
steps = st.one_of(
    st.tuples(st.just("respond"), sides, st.sampled_from(STATUSES), bodies, st.sampled_from(["", "x", "y"])),
    st.tuples(st.just("reliable"), sides, st.sampled_from([180, 183]), bodies, st.integers(1, 4)),
    st.tuples(st.just("answer_all"), sides, st.sampled_from([200, 200, 488, 491, 487]), bodies),
    st.tuples(st.just("request"), sides, st.sampled_from(["INVITE", "INVITE", "UPDATE", "INFO", "OPTIONS", "PUBLISH"]),
              bodies),
    st.tuples(st.just("prack"), sides, bodies),
    st.tuples(st.just("ack"), sides, bodies),
    st.tuples(st.just("redirect"), sides, st.sampled_from(["201", "202", "203", "299", "0312345678"])),
    st.tuples(st.just("cancel"), sides),
    st.tuples(st.just("bye"), sides),
    st.tuples(st.just("again"), sides, st.integers(1, 5)),
    st.tuples(st.just("pass"), st.sampled_from([0.1, 0.6, 3.0, 5.0, 33.0, 100.0])),
)


class Theatre:
    """The sides and the steps that they take."""

    def __init__(self, office: VirtualCalls, mine: PhoneCall, *called) -> None:
        self.office = office
        self.mine = mine
        self.called = called
        self.sent: list[tuple[object, bytes]] = []
        for phone in {mine.phone, *called}:
            phone.send = self._record(phone)

    def _record(self, phone):
        def send(octets: str, body: bytes = b"") -> None:
            whole = octets.encode() + body
            self.sent.append((phone, whole))
            self.office.put(phone, whole)
        return send

    def side(self, name: str) -> PhoneCall | None:
        if name == "caller":
            return self.mine
        phone = self.called[-1 if name == "other" else 0]
        return phone.calls[-1] if phone.calls else None

    @property
    def everybody(self) -> list[PhoneCall]:
        """Every dialog of every side."""
        return [self.mine, *(call for phone in self.called for call in phone.calls if call is not self.mine)]

    def body(self, call: PhoneCall, kind: str) -> bytes:
        phone = call.phone
        return {"": b"", "plain": phone.describe(), "hold": phone.describe(direction="sendonly", version=2),
                "video": phone.describe("m=video 41000 RTP/AVP 96\r\n", version=3), "other": phone.describe(port=44000),
                "silent": phone.describe(address="0.0.0.0"), "nonsense": b"nonsense",
                "fax": phone.describe("m=image 41000 udptl t38\r\n")}[kind]

    def take(self, step: tuple) -> None:
        if step[0] == "pass":
            self.office.run(step[1])
            return
        call = self.side(step[1])
        if call is not None and (call.invite or call.invite_sent):
            getattr(self, step[0])(call, *step[2:])

    def respond(self, call: PhoneCall, status: int, kind: str, tag: str) -> None:
        if call.invite is not None:
            call.respond(status, None, self.body(call, kind), tag=tag and call.tag + tag)

    def reliable(self, call: PhoneCall, status: int, kind: str, rseq: int) -> None:
        if call.invite is not None:
            call.respond(status, None, self.body(call, kind), RELIABLE.format(rseq))

    def answer_all(self, call: PhoneCall, status: int, kind: str) -> None:
        for request in tuple(call.pending):
            call.respond(status, request, self.body(call, kind))

    def request(self, call: PhoneCall, method: str, kind: str) -> None:
        if ";tag=" not in call.remote:
            return      # outside every dialog it is no business of the engine's
        if method in ("INVITE", "UPDATE"):
            call.request(method, self.body(call, kind))
        else:
            call.request(method, b"Signal=1\r\n", "Content-Type: application/dtmf-relay\r\n")

    def prack(self, call: PhoneCall, kind: str) -> None:
        reliable = [message for message in call.heard if not message.is_request and message.header(b"RSeq")]
        if reliable:
            call.prack(reliable[-1], self.body(call, kind))

    def ack(self, call: PhoneCall, kind: str) -> None:
        call.acknowledge(self.body(call, kind))

    def redirect(self, call: PhoneCall, number: str) -> None:
        if call.invite is not None:
            call.respond(302, None, lines=f"Contact: <sip:{number}@{call.phone.domain}>\r\n")

    def cancel(self, call: PhoneCall) -> None:
        if call.invite_sent:
            call.cancel()

    def bye(self, call: PhoneCall) -> None:
        if ";tag=" in call.remote:
            call.bye()

    def again(self, call: PhoneCall, back: int) -> None:
        mine = [octets for phone, octets in self.sent if phone is call.phone]
        if len(mine) >= back:
            self.office.put(call.phone, mine[-back])

    def leave(self) -> None:
        """Both go: what they were asked is refused, what they have is ended."""
        for call in self.everybody:
            self.answer_all(call, 487, "")
        if self.mine.invite_sent:
            self.mine.cancel()
        for call in self.everybody:
            self.bye(call)
            self.answer_all(call, 487, "")
        self.office.run(70.0)
        for call in self.everybody:
            self.bye(call)


def play(office: VirtualCalls, theatre: Theatre, acts: list[tuple]) -> None:
    for act in acts:
        theatre.take(act)
    theatre.leave()
    office.run(300.0)
    office.check_clean(records=office.engine.total)
    office.engine.ended.clear()
    office.records.kept.clear()


def count_left() -> dict[str, int]:
    gc.collect()
    left: dict[str, int] = {}
    for one in gc.get_objects():
        if isinstance(one, WATCHED):
            left[type(one).__name__] = left.get(type(one).__name__, 0) + 1
    return left


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left():
    """Over all the performances of this file: no object that belongs to a call lives on."""
    gc.collect()
    before = count_left()
    yield
    assert {name: number for name, number in count_left().items() if number > before.get(name, 0)} == {}


MANY = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@MANY
@given(first=bodies, knows=st.sampled_from(["", "100rel", "100rel, timer"]), acts=st.lists(steps, max_size=14))
def test_two_phones_may_do_what_they_like(first, knows, acts):
    office = VirtualCalls()
    alice, bob = office.phone("201"), office.phone("202")
    alice.supported = bob.supported = knows
    theatre = Theatre(office, PhoneCall(alice, "call-x"), bob)
    alice.calls.append(theatre.mine)
    theatre.mine.begin("202", theatre.body(theatre.mine, first), "", "")
    play(office, theatre, acts)


@MANY
@given(first=bodies, acts=st.lists(steps, max_size=14))
def test_a_carrier_may_do_what_it_likes(first, acts):
    office = VirtualCalls(CARRIER)
    alice, carrier = office.phone("201"), office.carrier()
    theatre = Theatre(office, PhoneCall(carrier, "call-x"), alice)
    carrier.calls.append(theatre.mine)
    theatre.mine.begin("05011112222", theatre.body(theatre.mine, first), "", "")
    play(office, theatre, acts)


@MANY
@given(first=bodies, acts=st.lists(steps, max_size=14))
def test_a_carrier_that_is_called_may_do_what_it_likes(first, acts):
    office = VirtualCalls(CARRIER)
    alice, carrier = office.phone("201"), office.carrier()
    theatre = Theatre(office, PhoneCall(alice, "call-x"), carrier)
    alice.calls.append(theatre.mine)
    theatre.mine.begin("0312345678", theatre.body(theatre.mine, first), "", "")
    play(office, theatre, acts)


@MANY
@given(first=bodies, acts=st.lists(steps, max_size=20))
def test_a_group_of_phones_may_do_what_it_likes(first, acts):
    office = VirtualCalls()
    alice, desk = office.phone("201"), office.phone("202", name="desk")
    hall, carol = office.phone("202", "192.168.1.22", name="hall"), office.phone("203")
    alice.supported = desk.supported = "100rel"
    theatre = Theatre(office, PhoneCall(alice, "call-x"), desk, carol, hall)
    alice.calls.append(theatre.mine)
    theatre.mine.begin("202", theatre.body(theatre.mine, first), "", "")
    play(office, theatre, acts)


@MANY
@given(first=bodies, acts=st.lists(steps, max_size=20))
def test_two_carriers_one_after_the_other_may_do_what_they_like(first, acts):
    office = VirtualCalls(CARRIER + SECOND_CARRIER)
    alice, carrier, spare = office.phone("201"), office.carrier(), office.carrier("spare", "198.51.100.2")
    theatre = Theatre(office, PhoneCall(alice, "call-x"), carrier, spare)
    alice.calls.append(theatre.mine)
    theatre.mine.begin("0312345678", theatre.body(theatre.mine, first), "", "")
    play(office, theatre, acts)


@MANY
@given(acts=st.lists(steps, min_size=2, max_size=14), change=bodies)
def test_a_call_that_stands_may_be_changed_in_any_way(acts, change):
    office = VirtualCalls()
    alice, bob = office.phone("201"), office.phone("202")
    mine, _theirs = office.connect(alice, bob)
    theatre = Theatre(office, mine, bob)
    theatre.request(mine, "INVITE", change)
    play(office, theatre, acts)
