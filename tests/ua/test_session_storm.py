# SPDX-License-Identifier: Apache-2.0
"""Two user agents that do anything at any time on a wire that delays and loses: whatever crosses, both have ended in
the end, and both knew the same session while nothing was under way."""

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.ua.offer_answer import IDLE
from tests.ua.virtual_network import Network, Phone, join_two

SUPPORTED = (b"100rel", b"timer")
ACTIONS = ("alert", "reliable", "session", "answer", "update", "reinvite", "ask", "refresh", "hang_up", "info")


class Storm:
    """One call and what happens to it; `sessions` are numbered so that each is told from every other."""

    def __init__(self, network: Network, a: Phone, b: Phone) -> None:
        self.network, self.a, self.b = network, a, b
        self.count = 0
        self.patience = 0.0
        for phone in (a, b):
            phone.profile.supported = SUPPORTED
            phone.profile.session_expires_s = 120
            phone.user.script.update(offered=lambda call, now: None, offer_received=self.answer_later,
                                     offer_wanted=self.answer_later)

    def session(self) -> bytes:
        self.count += 1
        return b"session %d" % self.count

    def answer_later(self, handle, now: float) -> None:
        self.network.at(now - self.network.start + self.patience,
                        lambda: handle.answer_offer(self.session(), self.network.now))

    def act(self, who: int, action: str) -> None:
        """As far as the state of the call admits it; what it does not admit is not asked."""
        now = self.network.now
        calls = self.a.user.calls if who == 0 else self.b.user.calls
        for call in calls:
            if call.is_over:
                continue
            if action == "hang_up":
                call.hang_up(now)
            elif action in ("update", "reinvite", "ask"):
                call.change_session(b"" if action == "ask" else self.session(), now, action == "update")
            elif action == "refresh" and call.timer is not None and call.timer.seconds:
                call.refresh_session(now)
            elif who == 1 and call.is_early:
                self.ring(call, action, now)

    def ring(self, call, action: str, now: float) -> None:
        if action == "answer":
            call.answer(self.session(), now)
        elif action == "session" and (call.offer or call.supports_reliable):
            call.alert(183, now, self.session(), True)
        elif action in ("alert", "reliable"):
            call.alert(180, now, b"", action == "reliable")

    def check_sessions(self) -> None:
        mine, theirs = self.a.user.calls[0], self.b.user.calls[:1]
        if not theirs or not (mine.is_confirmed and theirs[0].is_confirmed):
            return
        ours, others = mine.exchange, theirs[0].exchange
        if ours.state is IDLE and others.state is IDLE:
            assert (ours.local, ours.remote) == (others.remote, others.local)


@settings(max_examples=150, deadline=None)
@given(offer=st.booleans(), patience=st.sampled_from([0.0, 0.3, 3.0]),
       doings=st.lists(st.tuples(st.floats(0, 6), st.integers(0, 1), st.sampled_from(ACTIONS)), max_size=12),
       losses=st.sets(st.integers(0, 40), max_size=12), slow=st.sets(st.integers(0, 200), max_size=30))
def test_whatever_crosses_both_sides_agree_and_both_end(offer, patience, doings, losses, slow):
    network, a, b = join_two(loss=lambda number, octets: number in losses)
    network.delay = lambda octets: 0.4 if len(network.sent) in slow else 0.01
    storm = Storm(network, a, b)
    storm.patience = patience
    a.user.calls.append(a.call(b, storm.session() if offer else b""))
    for at_s, who, action in doings:
        network.at(at_s, lambda who=who, action=action: storm.act(who, action))
    network.at(8, lambda: storm.act(1, "answer"))
    network.run(100)
    storm.check_sessions()
    for call in (*a.user.calls, *b.user.calls):
        call.hang_up(network.now)
    network.run(140)
    for phone in (a, b):
        assert phone.is_quiet
        assert phone.user.heard.count("released") == len(phone.user.calls)
