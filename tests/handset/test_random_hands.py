# SPDX-License-Identifier: Apache-2.0
"""Whatever hands and callers do, in whatever order: every state can be left, and nothing is left behind."""

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.handset.states import HandsetState
from tests.handset.desk import SERVER, write_sdp
from tests.handset.test_handset import PEER, Office
from tests.handset.test_transferred import Asker, replace

HANDS = st.sampled_from(["lift", "hang_up", "flash", "key 2", "dial", "emergency", "ring", "give up", "answer", "leave",
                         "hold", "refer", "take the place", "wait 1", "wait 5", "wait 20", "wait 40"])

PAUSES_S = st.sampled_from([0.3, 0.3, 0.0, 0.005, 0.01, 0.02, 0.03])
"""Much, or before what was sent has come, is answered, or is acknowledged: datagrams take 10 ms."""


def do_one(office: Office, doing: str) -> None:
    desk, network = office.desk, office.network
    calls = [*office.server.user.calls, *office.peer.user.calls]
    if doing.startswith("wait"):
        network.run(float(doing.split()[1]))
    elif doing.startswith("key"):
        desk.do("press", doing[-1])
    elif doing == "dial":
        desk.do("dial", "202")
    elif doing == "emergency":
        desk.do("dial", "110")
    elif doing == "ring":
        office.ring_desk()
    elif doing == "answer":
        for call in office.server.user.calls:
            if call.state.name == "OFFERED":
                call.answer(write_sdp(SERVER, 6000), network.now)
    elif doing == "hold":
        for call in office.server.user.calls:
            if call.state.name == "CONFIRMED":
                call.change_session(write_sdp(SERVER, 6000, "sendonly"), network.now)
    elif doing == "refer":
        for call in office.server.user.calls:
            if call.state.name == "CONFIRMED":
                call.refer(b"sip:203@office.test", None, Asker(), network.now)
    elif doing == "take the place":
        for call in office.server.user.calls:
            if call.state.name in ("CONFIRMED", "OFFERED"):
                office.callers.append(replace(office, office.server, call))
                break
    elif doing == "leave":
        for call in calls:
            call.hang_up(network.now)
    elif doing == "give up":
        for call in office.callers:
            call.hang_up(network.now)
    else:
        desk.do(doing)
    network.run(desk.pause_s)


class BusyOffice(Office):
    def __init__(self) -> None:
        super().__init__()
        self.callers: list = []
        self.server.user.script["transfer_asked"] = lambda call, now: (
            self.server.user.referrals[-1].accept(now), self.server.user.referrals[-1].report(200, b"OK", now))

    def ring_desk(self) -> None:
        uri = b"sip:201@%s" % self.desk.listener.hostport
        self.callers.append(self.peer.call(b"", write_sdp(PEER, 6000), uri))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(HANDS, PAUSES_S), max_size=25))
def test_any_order_ends_on_the_hook_with_nothing_left(doings):
    office = BusyOffice()
    desk = office.desk
    for doing, desk.pause_s in doings:
        do_one(office, doing)
        voice, active = desk.voice, desk.handset.line.active
        assert voice.rings == (desk.state == "ringing")
        assert active is None or active.has_ended or desk.state in ("calling", "talking")
        if desk.state == "idle":
            assert (voice.tone, voice.connected) == ("", None)
            assert not desk.handset.line.is_lifted
    for call in [*office.server.user.calls, *office.callers]:
        call.hang_up(office.network.now)
    office.network.run(1)
    desk.pause_s = 0.2
    desk.do("lift")
    desk.do("hang_up")
    office.network.run(300)
    assert desk.handset.line.state is HandsetState.IDLE
    assert not desk.core.dialogs
    assert not any(port.is_open for port in desk.voice.ports)
