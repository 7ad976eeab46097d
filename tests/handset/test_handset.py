# SPDX-License-Identifier: Apache-2.0
"""The telephone as a whole, on a virtual clock: hands on one side, user agents on the other."""

import pytest

from appliance.handset.states import TRANSITIONS, HandsetState
from appliance.ua.in_dialog_methods import TRANSFER_METHODS
from appliance.ua.inspection import Refusal
from tests.handset.desk import HOST, SERVER, Desk, Registrar, credentials, write_sdp
from tests.ua.virtual_network import Network, Phone

PEER = "10.0.0.2"
TALK = (True, True)
LISTENING = (False, True)


class Office:
    """A desk with an account, its server, and another telephone that calls it by address. The server is all phones."""

    def __init__(self, **plan) -> None:
        self.network = Network()
        self.server = Phone(self.network, SERVER, "server")
        self.registrar = Registrar(self.server)
        self.peer = Phone(self.network, PEER, "202")
        for phone in (self.server, self.peer):
            phone.core.methods += TRANSFER_METHODS
            self.let_ring(phone)
        self.desk = Desk(self.network, credentials(), **plan)
        self.desk.account.start(self.network.now)
        self.network.run(1.0)

    def let_ring(self, phone: Phone, status: int = 180, session: bytes = b"") -> None:
        phone.user.script["offered"] = lambda call, now: call.alert(status, now, session)
        phone.user.script["offer_received"] = lambda call, now: call.answer_offer(
            write_sdp(phone.listener.address, 6000, hold_answer(phone.user.sessions[-1])), now)

    def pick_up(self, phone: Phone) -> None:
        phone.user.calls[-1].answer(write_sdp(phone.listener.address, 6000), self.network.now)
        self.network.run(0.5)

    def ring_desk(self) -> None:
        self.peer.call(b"", write_sdp(PEER, 6000), b"sip:201@%s:5060" % HOST.encode())
        self.network.run(0.5)

    def talk(self) -> None:
        """The desk has called 202 and is answered."""
        self.desk.do("lift")
        self.desk.press("202")
        self.network.run(0.5)
        self.pick_up(self.server)
        assert self.desk.state == "talking"


def hold_answer(offer: bytes) -> str:
    return "recvonly" if b"a=sendonly" in offer else "sendrecv"


@pytest.fixture
def office() -> Office:
    return Office()


def test_it_registers_as_its_extension(office):
    assert office.desk.account.is_ready
    assert office.registrar.bindings[0].startswith(b"<sip:201@10.0.0.9:5060>")


def test_numbers_are_called_while_the_binding_is_refreshed_and_not_once_that_has_failed(office):
    desk, network = office.desk, office.network
    network.loss = lambda _number, octets: b"REGISTER" in octets[:10] or b" REGISTER\r\n" in octets
    count = len(network.messages("REGISTER", desk))
    while len(network.messages("REGISTER", desk)) == count:
        network.run(1)
    assert desk.account.is_ready
    desk.do("dial", "202")
    assert desk.state == "calling"
    desk.do("hang_up")
    network.run(40)
    assert not desk.account.is_ready
    desk.do("dial", "202")
    assert (desk.state, desk.voice.tone) == ("busy", "no line")


def test_a_call_from_dial_tone_to_the_end(office):
    desk = office.desk
    desk.do("lift")
    assert (desk.state, desk.voice.tone, desk.voice.listens) == ("dial tone", "dial", True)
    desk.do("press", "2")
    assert (desk.state, desk.voice.tone) == ("collecting", "")
    desk.press("02")
    office.network.run(0.5)
    assert (desk.state, desk.voice.tone, desk.voice.is_yielding) == ("calling", "ringback", True)
    assert office.server.user.calls
    office.pick_up(office.server)
    assert (desk.state, desk.voice.tone, desk.voice.is_lit) == ("talking", "", True)
    assert desk.voice.connected == (4000, (SERVER, 6000), 0, 101)
    assert desk.voice.passes == TALK
    desk.press("12#")
    assert desk.voice.keys == "12#"
    desk.do("hang_up")
    office.network.run(40)
    assert (desk.state, desk.voice.connected, desk.voice.is_lit) == ("idle", None, False)
    assert [port.is_open for port in desk.voice.ports] == [False]
    assert office.server.user.heard[-1] == "released"


def test_it_rings_is_answered_and_hears_busy_when_the_other_leaves(office):
    desk = office.desk
    office.ring_desk()
    assert (desk.state, desk.voice.rings) == ("ringing", True)
    desk.do("lift")
    assert (desk.state, desk.voice.rings, desk.voice.passes) == ("talking", False, TALK)
    assert desk.voice.connected == (4000, (PEER, 6000), 0, 101)
    office.peer.user.calls = []
    office.network.run(1)
    assert "confirmed" in office.peer.user.heard


def test_the_far_end_hangs_up_then_busy_then_the_howler_then_silence(office):
    desk = office.desk
    office.talk()
    office.server.user.calls[-1].hang_up(office.network.now)
    office.network.run(1)
    assert (desk.state, desk.voice.tone) == ("busy", "busy")
    office.network.run(31)
    assert (desk.state, desk.voice.tone) == ("howler", "howler")
    office.network.run(61)
    assert (desk.state, desk.voice.tone) == ("howler", "")
    desk.do("hang_up")
    assert desk.state == "idle"


def test_a_forgotten_receiver_keeps_nothing_from_being_taken_up(office):
    office.talk()
    assert not office.desk.handset.is_quiet
    office.server.user.calls[-1].hang_up(office.network.now)
    office.network.run(1)
    assert not office.desk.handset.is_quiet
    office.network.run(31)
    assert (office.desk.state, office.desk.handset.is_quiet) == ("howler", True)


def test_a_forgotten_receiver_howls_once_whoever_was_held_has_left(office):
    desk = office.desk
    office.talk()
    desk.do("flash")
    desk.press("03")
    office.network.run(60)
    assert (desk.state, desk.handset.line.held is None) == ("busy", False)
    office.server.user.calls[0].hang_up(office.network.now)
    office.network.run(31)
    assert (desk.state, desk.voice.tone) == ("howler", "howler")


def test_a_call_that_is_given_up_while_it_rings_stops_the_bell(office):
    call = office.peer.call(b"", write_sdp(PEER, 6000), b"sip:201@%s:5060" % HOST.encode())
    office.network.run(0.5)
    assert office.desk.voice.rings
    call.hang_up(office.network.now)
    office.network.run(1)
    assert (office.desk.state, office.desk.voice.rings) == ("idle", False)
    assert not office.desk.voice.ports[0].is_open


@pytest.mark.parametrize(("status", "tone"), [
    (486, "busy"), (600, "busy"), (404, "unobtainable"), (484, "unobtainable"), (604, "unobtainable"),
    (403, "refused"), (603, "refused"), (480, "congestion"), (503, "congestion"), (500, "congestion")])
def test_each_class_of_failure_has_its_tone(office, status, tone):
    office.server.user.verdict = Refusal(status)
    office.desk.do("lift")
    office.desk.press("202")
    office.network.run(1)
    assert (office.desk.state, office.desk.voice.tone) == ("busy", tone)
    assert office.desk.handset.line.last_status == status


@pytest.mark.parametrize("keys", ["7", "*", "01*"])
def test_nonsense_is_unobtainable_at_once(office, keys):
    office.desk.do("lift")
    office.desk.press(keys)
    assert (office.desk.state, office.desk.voice.tone) == ("busy", "unobtainable")


def test_half_a_number_is_unobtainable_after_a_while(office):
    office.desk.do("lift")
    office.desk.press("03")
    office.network.run(3)
    assert office.desk.state == "collecting"
    office.network.run(2)
    assert (office.desk.state, office.desk.voice.tone) == ("busy", "unobtainable")


def test_dial_tone_does_not_last_for_ever(office):
    office.desk.do("lift")
    office.network.run(16)
    assert (office.desk.state, office.desk.voice.tone) == ("busy", "congestion")


def test_emergency_is_dialled_at_its_last_digit(office):
    office.desk.do("lift")
    office.desk.press("119")
    assert office.network.messages("INVITE", office.desk)[0].uri == b"sip:119@office.test"


def test_emergency_with_a_dead_server_is_told_by_a_tone_and_in_the_journal(office):
    desk = office.desk
    del office.network.phones[office.server.address]
    desk.do("lift")
    desk.press("110")
    office.network.run(4)
    assert desk.state == "calling"
    office.network.run(2)
    assert (desk.state, desk.voice.tone) == ("busy", "no line")
    assert "handset_emergency_failed" in desk.journal.events


def test_emergency_at_a_slow_server_is_waited_for(office):
    desk = office.desk
    office.server.user.script["offered"] = lambda call, now: None       # a 100, and nothing for long
    desk.do("lift")
    desk.press("110")
    office.network.run(25)
    assert desk.state == "calling"


def test_without_registration_emergency_is_tried_and_everything_else_has_no_line():
    network = Network()
    server = Phone(network, SERVER, "server")
    server.user.script["offered"] = lambda call, now: call.alert(180, now)
    desk = Desk(network, credentials())
    desk.do("lift")
    desk.press("202")
    assert (desk.state, desk.voice.tone) == ("busy", "no line")
    desk.do("hang_up")
    desk.do("lift")
    desk.press("110")
    network.run(1)
    assert (desk.state, desk.voice.tone) == ("calling", "ringback")


def test_an_emergency_call_lets_nobody_in(office):
    desk = office.desk
    desk.do("lift")
    desk.press("110")
    office.network.run(0.5)
    office.pick_up(office.server)
    office.ring_desk()
    assert office.network.messages("486 INVITE", desk)


def test_early_media_is_connected_to_listen_and_ringback_gives_way_to_it(office):
    office.let_ring(office.server, 183, write_sdp(SERVER, 6100))
    office.desk.do("lift")
    office.desk.press("202")
    office.network.run(1)
    voice = office.desk.voice
    assert voice.connected == (4000, (SERVER, 6100), 0, 101)
    assert (voice.passes, voice.tone, voice.is_yielding) == (LISTENING, "ringback", True)


def test_a_flash_holds_and_gives_a_second_dial_tone_another_comes_back(office):
    desk = office.desk
    office.talk()
    desk.do("flash")
    office.network.run(0.5)
    assert (desk.state, desk.voice.tone, desk.voice.connected) == ("dial tone", "second dial", None)
    assert b"a=sendonly" in office.server.user.sessions[-1]
    desk.do("flash")
    office.network.run(0.5)
    assert (desk.state, desk.voice.tone, desk.voice.passes) == ("talking", "", TALK)
    assert b"a=sendrecv" in office.server.user.sessions[-1]


def test_a_flash_toggles_between_two_calls(office):
    desk = office.desk
    office.talk()
    first = desk.handset.line.active
    desk.do("flash")
    desk.press("202")
    office.network.run(0.5)
    office.pick_up(office.server)
    second = desk.handset.line.active
    assert second is not first
    assert desk.handset.line.held is first
    desk.do("flash")
    office.network.run(1)
    assert (desk.handset.line.active, desk.handset.line.held) == (first, second)
    assert desk.voice.passes == TALK
    assert desk.voice.connected[0] == first.port.port


def test_hanging_up_with_two_calls_joins_them(office):
    desk = office.desk
    office.server.user.script["transfer_asked"] = lambda call, now: (
        office.server.user.referrals[-1].accept(now), office.server.user.referrals[-1].report(200, b"OK", now))
    office.talk()
    desk.do("flash")
    desk.press("202")
    office.network.run(0.5)
    office.pick_up(office.server)
    second = desk.handset.line.active.usage.dialog
    wanted = b"Replaces=%s" % second.call_id
    desk.do("hang_up")
    office.network.run(1)
    refer = office.network.messages("REFER", desk)[0]
    assert wanted in refer.header(b"Refer-To")
    assert second.remote_tag in refer.header(b"Refer-To")
    assert (desk.state, desk.handset.line.active, desk.handset.line.held) == ("idle", None, None)
    office.network.run(40)
    assert not desk.core.dialogs
    assert not any(port.is_open for port in desk.voice.ports)


def test_a_transfer_that_is_refused_rings_back(office):
    desk = office.desk
    office.server.user.script["transfer_asked"] = lambda call, now: office.server.user.referrals[-1].refuse(603, now)
    office.talk()
    first = desk.handset.line.active
    desk.do("flash")
    desk.press("202")
    office.network.run(0.5)
    office.pick_up(office.server)
    desk.do("hang_up")
    office.network.run(1)
    assert (desk.state, desk.voice.rings, desk.handset.line.held) == ("ringing", True, first)
    desk.do("lift")
    office.network.run(1)
    assert (desk.state, desk.handset.line.active, desk.voice.passes) == ("talking", first, TALK)


def test_hanging_up_while_the_second_rings_transfers_to_its_number(office):
    desk = office.desk
    office.server.user.script["transfer_asked"] = lambda call, now: (
        office.server.user.referrals[-1].accept(now), office.server.user.referrals[-1].report(200, b"OK", now))
    office.talk()
    desk.do("flash")
    desk.press("201")
    office.network.run(0.5)
    desk.do("hang_up")
    office.network.run(1)
    assert office.network.messages("REFER", desk)[0].header(b"Refer-To") == b"<sip:201@office.test>"
    assert office.network.messages("CANCEL", desk)
    assert desk.state == "idle"


def test_hanging_up_on_a_held_call_rings_back(office):
    desk = office.desk
    office.talk()
    desk.do("flash")
    desk.do("hang_up")
    assert (desk.state, desk.voice.rings) == ("ringing", True)
    desk.do("lift")
    office.network.run(1)
    assert (desk.state, desk.voice.passes) == ("talking", TALK)


def test_a_held_call_stays_silent_when_nothing_is_dialled(office):
    desk = office.desk
    office.talk()
    desk.do("flash")
    office.network.run(16)
    assert (desk.state, desk.voice.tone) == ("held", "")
    desk.do("flash")
    office.network.run(1)
    assert desk.state == "talking"


def test_who_is_held_and_leaves_is_told_by_a_tone(office):
    desk = office.desk
    office.talk()
    desk.do("flash")
    office.network.run(16)
    office.server.user.calls[-1].hang_up(office.network.now)
    office.network.run(1)
    assert (desk.state, desk.voice.tone) == ("busy", "busy")


def test_a_second_call_waits_with_a_tone_and_a_third_is_refused(office):
    desk = office.desk
    office.talk()
    office.ring_desk()
    assert (desk.state, desk.voice.tone) == ("talking", "call waiting")
    office.ring_desk()
    assert len(office.network.messages("486 INVITE", desk)) == 1
    desk.do("flash")
    office.network.run(1)
    assert (desk.state, desk.voice.tone, desk.voice.connected[1]) == ("talking", "", (PEER, 6000))
    desk.do("flash")
    office.network.run(1)
    assert desk.voice.connected[1] == (SERVER, 6000)


def test_hanging_up_while_somebody_waits_rings_for_them(office):
    desk = office.desk
    office.talk()
    office.ring_desk()
    desk.do("hang_up")
    office.network.run(1)
    assert (desk.state, desk.voice.rings) == ("ringing", True)
    desk.do("lift")
    assert desk.voice.connected[1] == (PEER, 6000)


def test_being_held_stops_the_microphone_and_being_taken_back_starts_it(office):
    desk = office.desk
    office.talk()
    call = office.server.user.calls[-1]
    call.change_session(write_sdp(SERVER, 6000, "sendonly"), office.network.now)
    office.network.run(1)
    assert desk.voice.passes == LISTENING
    call.change_session(write_sdp(SERVER, 6000, "sendrecv"), office.network.now)
    office.network.run(1)
    assert desk.voice.passes == TALK


def test_an_offer_with_nothing_for_a_telephone_is_refused_and_does_not_ring(office):
    office.peer.call(b"", write_sdp(PEER, 6000, formats="18"), b"sip:201@%s:5060" % HOST.encode())
    office.network.run(1)
    assert office.network.messages("488 INVITE", office.desk)[0].header(b"Warning").startswith(b"305 ")
    assert (office.desk.state, office.desk.voice.rings) == ("idle", False)
    assert not any(port.is_open for port in office.desk.voice.ports)


def test_a_caller_without_an_offer_gets_ours(office):
    office.peer.user.script["offer_received"] = lambda call, now: call.answer_offer(write_sdp(PEER, 6000), now)
    office.peer.call(b"", b"", b"sip:201@%s:5060" % HOST.encode())
    office.network.run(0.5)
    office.desk.do("lift")
    office.network.run(1)
    assert office.desk.voice.connected == (4000, (PEER, 6000), 0, 101)
    assert office.desk.voice.passes == TALK


def test_a_hotline_calls_when_the_receiver_is_lifted():
    office = Office(hotline="202")
    office.desk.do("lift")
    office.network.run(1)
    assert (office.desk.state, office.desk.handset.line.dialled) == ("calling", "202")


def test_a_warm_line_waits_for_a_digit():
    office = Office(hotline="202", hotline_delay_s=5)
    office.desk.do("lift")
    office.network.run(4)
    assert office.desk.state == "dial tone"
    office.network.run(2)
    assert office.desk.handset.line.dialled == "202"
    office.desk.do("hang_up")
    office.desk.do("lift")
    office.desk.press("2")
    office.network.run(5)
    assert office.desk.handset.line.dialled == "2"


def test_an_address_is_called_without_any_server():
    network = Network()
    peer = Phone(network, PEER, "x")
    peer.user.script["offered"] = lambda call, now: call.answer(write_sdp(PEER, 6000), now)
    desk = Desk(network)
    desk.do("dial", f"sip:x@{PEER}")
    network.run(1)
    assert (desk.state, desk.voice.passes) == ("talking", TALK)
    desk.do("hang_up")
    network.run(1)
    assert network.labels() == ["INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
    desk.do("lift")
    desk.press("110")
    assert desk.voice.tone == "no line"


def test_sips_without_tls_is_refused_with_a_tone_and_no_packet():
    network = Network()
    Phone(network, PEER, "x")
    desk = Desk(network)
    desk.do("dial", f"sips:x@{PEER}")
    network.run(1)
    assert desk.state == "busy"
    assert network.labels() == []


def test_without_a_port_for_voice_nobody_is_called_and_who_calls_hears_500(office):
    office.desk.voice.is_broken = True
    office.ring_desk()
    assert office.network.messages("500 INVITE", office.desk)
    office.desk.do("lift")
    office.desk.press("202")
    assert office.desk.voice.tone == "no line"


def test_an_invite_that_leads_to_no_dialog_takes_no_port(office):
    draft = office.peer.agent.draft_call(b"sip:201@%s:5060" % HOST.encode(), write_sdp(PEER, 6000))
    draft.contact = lambda flow: b"<tel:110>"
    office.peer.agent.place_call(draft, office.peer.user, office.network.now)
    office.network.run(1)
    assert office.network.messages("400 INVITE", office.desk)
    assert (office.desk.state, office.desk.voice.ports) == ("idle", [])


def test_every_state_can_be_left_by_hanging_up():
    assert all(HandsetState.IDLE in TRANSITIONS[state] for state in HandsetState if state is not HandsetState.IDLE)
