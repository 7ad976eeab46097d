# SPDX-License-Identifier: Apache-2.0
"""Whatever two phones do, and whenever the call server dies under it: a call that has stood for a moment goes on, what
either side wants of it is done, and in the end it has one record."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.call.surviving_calls import SurvivingCalls
from tests.call.virtual_calls import CARRIER

SETTLED_S = 1.0
DIRECTIONS = {"sendonly": "recvonly", "inactive": "inactive", "sendrecv": "sendrecv"}
STEPS = st.lists(st.one_of(
    st.tuples(st.just("change"), st.sampled_from((0, 1)), st.sampled_from(sorted(DIRECTIONS))),
    st.tuples(st.just("press"), st.sampled_from((0, 1)), st.just("")),
    st.tuples(st.just("wait"), st.just(0), st.sampled_from(("0.1", "1", "700"))),
    st.tuples(st.just("crash"), st.just(0), st.sampled_from(("0.1", "30"))),
    st.tuples(st.just("relay"), st.just(0), st.just(""))), min_size=3, max_size=12)


class Storm:
    """sides: the call as the caller and the called side have it; direction: what each said last."""

    def __init__(self, has_trunk: bool) -> None:
        self.office = office = SurvivingCalls(CARRIER if has_trunk else "")
        caller = office.phone("201")
        called, number = (office.carrier(), "0312345678") if has_trunk else (office.phone("202"), "202")
        self.sides = office.connect(caller, called, number)
        self.version = 1
        self.directions = ["sendrecv", "sendrecv"]
        office.run(SETTLED_S)

    def play(self, step: str, side: int, more: str) -> None:
        getattr(self, step)(side, more)
        self.refresh()

    def _describe(self, side: int, direction: str) -> bytes:
        self.version += 1
        self.directions[side] = direction
        return self.sides[side].phone.describe(port=40000 + 2 * side, version=self.version, direction=direction)

    def change(self, side: int, direction: str) -> None:
        """A hold or its end, from this side."""
        one, other = self.sides[side], self.sides[1 - side]
        one.request("INVITE", self._describe(side, direction))
        asked = other.pending[-1]
        assert asked.method == b"INVITE"
        assert (b"a=" + direction.encode() in asked.body) == (direction != "sendrecv" or b"a=sendrecv" in asked.body)
        other.respond(200, asked, self._describe(1 - side, DIRECTIONS[direction]))
        assert one.last(200, "INVITE").cseq == one.invite_cseq
        one.acknowledge()

    def press(self, side: int, _more: str) -> None:
        """A key, which the other side hears of."""
        one, other = self.sides[side], self.sides[1 - side]
        one.request("INFO", b"Signal=1\r\n", "Content-Type: application/dtmf-relay\r\n")
        assert other.pending[-1].method == b"INFO"
        other.respond(200, other.pending[-1])
        assert one.last(200, "INFO")

    def wait(self, _side: int, seconds: str) -> None:
        """Session timers run; each refresh is answered."""
        left = float(seconds)
        while left > 0.0:
            self.office.run(min(left, 5.0))
            left -= 5.0
            self.refresh()

    def refresh(self) -> None:
        """Whatever we ask of the phones they do."""
        for side, one in enumerate(self.sides):
            for request in {message.cseq: message for message in one.pending}.values():
                assert request.method in (b"UPDATE", b"INVITE"), request.data
                body = self._describe(side, self.directions[side]) if request.body else b""
                one.respond(200, request, body)
            one.pending.clear()

    def crash(self, _side: int, away_s: str) -> None:
        """At least a moment after the last change."""
        self.office.run(SETTLED_S)
        heard = [len(one.heard) for one in self.sides]
        sessions = set(self.office.relay.sessions)
        assert self.office.crash(float(away_s)) == 1
        self.office.run(0.1)
        assert [len(one.heard) for one in self.sides] == heard
        assert set(self.office.relay.sessions) == sessions

    def relay(self, _side: int, _more: str) -> None:
        """Other ports, the same session."""
        before = set(self.office.relay.sessions)
        self.office.lose_relay()
        for _time in range(4):
            self.refresh()
            self.office.run(0.5)
        assert len(self.office.relay.sessions) == 1
        assert before.isdisjoint(self.office.relay.sessions)

    def end(self, side: int) -> None:
        self.sides[side].bye()
        assert self.sides[1 - side].has_left
        self.office.check_clean()
        assert not self.office.disk.rows
        (record,) = self.office.records.kept
        assert (record.number, record.result, record.ended_by) == (1, "answered", ("caller", "callee")[side])


@settings(deadline=None, max_examples=60)
@given(has_trunk=st.booleans(), steps=STEPS, ender=st.sampled_from((0, 1)))
def test_a_call_goes_on_whatever_dies_under_it(has_trunk, steps, ender):
    storm = Storm(has_trunk)
    for step in steps:
        storm.play(*step)
    storm.end(ender)
