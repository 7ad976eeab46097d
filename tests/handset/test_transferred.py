# SPDX-License-Identifier: Apache-2.0
"""The other side transfers the telephone: REFER taken, Replaces honoured; who may, and what is heard meanwhile."""

import pytest

from appliance.handset.taken_transfer import read_number
from appliance.ua.replaces import Replaces
from appliance.ua.transfer import Transfer
from tests.handset.desk import HOST, SERVER, write_sdp
from tests.handset.test_handset import TALK, Office


class Asker:
    """Who sent the REFER: what it hears of it."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, bool]] = []
        self.refusals: list[int] = []

    def transfer_progress(self, transfer: Transfer, status: int, is_over: bool, now: float) -> None:
        self.heard.append((status, is_over))

    def transfer_refused(self, transfer: Transfer, status: int, now: float) -> None:
        self.refusals.append(status)


class TransferOffice(Office):
    def __init__(self) -> None:
        super().__init__()
        self.asker = Asker()

    def refer(self, call=None, target: bytes = b"sip:203@office.test", replaces: Replaces | None = None) -> None:
        (call or self.server.user.calls[0]).refer(target, replaces, self.asker, self.network.now)
        self.network.run(0.5)

    @property
    def invites(self):
        return self.network.messages("INVITE", self.desk)


@pytest.fixture
def office() -> TransferOffice:
    one = TransferOffice()
    one.talk()
    return one


def test_a_blind_transfer_calls_the_target_by_the_server_and_tells_the_transferor(office):
    desk, former = office.desk, office.desk.handset.line.active
    office.refer()
    assert (desk.state, desk.voice.tone, desk.voice.connected) == ("calling", "ringback", None)
    invite = office.invites[-1]
    assert invite.uri == b"sip:203@office.test"
    assert invite.header(b"Route") == b"<sip:10.0.0.1:5060;lr>"
    assert invite.header(b"Referred-By") == b"<sip:server@10.0.0.1:5060>"
    assert office.asker.heard[0] == (100, False)
    assert (180, False) in office.asker.heard
    office.pick_up(office.server)
    assert (desk.state, desk.voice.passes, desk.voice.tone) == ("talking", TALK, "")
    assert office.asker.heard[-1] == (200, True)
    assert desk.handset.line.active is not former
    assert not former.has_ended         # RFC 5589 6.1: the transferor ends it
    office.server.user.calls[0].hang_up(office.network.now)
    office.network.run(1)
    assert (desk.state, desk.voice.passes) == ("talking", TALK)
    assert former.has_ended


def test_a_transferor_that_does_not_leave_is_left(office):
    former = office.desk.handset.line.active
    office.refer()
    office.pick_up(office.server)
    office.network.run(6)
    assert former.has_ended
    assert office.desk.state == "talking"
    office.desk.do("hang_up")
    office.network.run(60)
    assert not office.desk.core.dialogs
    assert not any(port.is_open for port in office.desk.voice.ports)


def test_a_target_that_refuses_brings_the_transferor_back(office):
    desk, former = office.desk, office.desk.handset.line.active
    office.server.user.script["offered"] = lambda call, now: call.refuse(486, now)
    office.refer()
    assert (desk.state, desk.handset.line.active, desk.voice.passes) == ("talking", former, TALK)
    assert office.asker.heard[-1] == (486, True)
    assert desk.voice.connected[0] == former.port.port
    office.refer()      # and may try again
    assert office.asker.heard[-1] == (486, True)


def test_a_target_that_refuses_after_the_transferor_has_left_is_told_by_a_tone(office):
    office.refer()
    office.server.user.calls[0].hang_up(office.network.now)
    office.network.run(0.5)
    assert office.desk.state == "calling"
    office.server.user.calls[-1].refuse(404, office.network.now)
    office.network.run(0.5)
    assert (office.desk.state, office.desk.voice.tone) == ("busy", "unobtainable")


def test_an_attended_transfer_names_the_call_to_be_replaced(office):
    office.server.profile.supported = (b"replaces",)
    office.refer(replaces=Replaces(b"other-call", b"there", b"here"))
    invite = office.invites[-1]
    assert invite.header(b"Replaces") == b"other-call;to-tag=there;from-tag=here"
    assert invite.header(b"Require") == b"replaces"


def test_a_number_is_called_at_the_server(office):
    office.refer(target=b"tel:+81-3-1234-5678;phone-context=x")
    assert office.invites[-1].uri == b"sip:+81312345678@office.test"


def test_hanging_up_during_a_transfer_ends_both(office):
    office.refer()
    office.desk.do("hang_up")
    office.network.run(1)
    assert office.desk.state == "idle"
    assert office.asker.heard[-1] == (487, True)
    office.network.run(60)
    assert not office.desk.core.dialogs
    assert not any(port.is_open for port in office.desk.voice.ports)


def test_a_flash_during_a_transfer_goes_back(office):
    former = office.desk.handset.line.active
    office.refer()
    office.desk.do("flash")
    office.network.run(0.5)
    assert (office.desk.state, office.desk.handset.line.active) == ("talking", former)
    assert office.asker.heard[-1] == (487, True)
    assert office.network.messages("CANCEL", office.desk)


@pytest.mark.parametrize("target", [b"sip:110@office.test", b"tel:1-1-9", b"sip:%31%31%39@elsewhere.test",
                                    b"sip:118;phone-context=jp@office.test"])
def test_nobody_makes_it_call_for_help(office, target):
    invites = len(office.invites)
    office.refer(target=target)
    assert office.asker.refusals == [603]
    assert (office.desk.state, len(office.invites)) == ("talking", invites)


def test_nobody_is_taken_off_an_emergency_call():
    office = TransferOffice()
    office.desk.do("dial", "110")
    office.network.run(0.5)
    office.pick_up(office.server)
    office.refer()
    assert office.asker.refusals == [603]
    assert office.desk.state == "talking"


def test_who_calls_without_the_server_cannot_transfer():
    office = TransferOffice()
    call = office.peer.call(b"", write_sdp(office.peer.listener.address, 6000), b"sip:201@%s:5060" % HOST.encode())
    office.network.run(0.5)
    office.desk.do("lift")
    office.network.run(0.5)
    office.refer(call)
    assert office.asker.refusals == [603]
    assert office.desk.state == "talking"


def test_who_is_on_hold_cannot_transfer(office):
    office.desk.do("flash")
    office.network.run(0.5)
    office.refer()
    assert office.asker.refusals == [603]
    assert office.desk.state == "dial tone"


def test_a_refer_without_reports_is_acted_on_in_silence(office):
    draft = office.server.user.calls[0].dialog.draft_request(b"REFER")
    draft.contact = office.server.core.profile.contact
    draft.lines = b"Refer-To: <sip:203@office.test>\r\nRefer-Sub: false\r\nRequire: norefersub\r\n"
    office.server.agent.send_request(draft, Silence(), office.network.now, office.server.user.calls[0].dialog)
    office.network.run(0.5)
    assert office.network.messages("202 REFER", office.desk)[0].header(b"Refer-Sub") == b"false"
    assert office.desk.state == "calling"
    assert not office.network.messages("NOTIFY", office.desk)


class Silence:
    def provisional_received(self, request, response, now) -> None:
        pass

    def request_succeeded(self, request, response, now) -> None:
        pass

    def request_refused(self, request, status, response, now) -> None:
        raise AssertionError(status)


def replace(office: Office, phone, call):
    """An INVITE from `phone` that takes the place of the desk's other end in `call` (as that end knows it)."""
    dialog = call.dialog
    replaces = bytes(Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag))
    draft = phone.agent.draft_call(b"sip:201@%s:5060" % HOST.encode(), write_sdp(phone.listener.address, 6200))
    draft.lines += b"Replaces: %s\r\n" % replaces
    draft.required = (b"replaces",)
    placed = phone.agent.place_call(draft, phone.user, office.network.now)
    office.network.run(0.5)
    return placed


def test_an_invite_with_replaces_takes_the_place_of_the_other_side(office):
    desk, former = office.desk, office.desk.handset.line.active
    replace(office, office.server, office.server.user.calls[0])
    assert desk.handset.line.active is not former
    assert (desk.state, desk.voice.connected[1], desk.voice.passes) == ("talking", (SERVER, 6200), TALK)
    assert desk.handset.line.active.has_ended is False
    assert former.has_ended
    assert desk.voice.rings is False


def test_a_held_call_is_replaced_on_hold(office):
    desk, former = office.desk, office.desk.handset.line.active
    desk.do("flash")
    office.network.run(0.5)
    replace(office, office.server, office.server.user.calls[0])
    assert desk.handset.line.held not in (None, former)
    assert (desk.state, desk.voice.connected) == ("dial tone", None)
    assert b"a=sendonly" in office.server.user.sessions[-1]
    desk.do("flash")
    office.network.run(0.5)
    assert (desk.state, desk.voice.passes) == ("talking", TALK)


def test_a_call_that_still_rings_there_is_picked_up_by_somebody_else():
    office = TransferOffice()
    office.desk.do("dial", "202")
    office.network.run(0.5)
    assert office.desk.state == "calling"
    replace(office, office.server, office.server.user.calls[0])
    assert (office.desk.state, office.desk.voice.tone) == ("talking", "")
    assert office.network.messages("CANCEL", office.desk)


def test_replaces_from_anybody_but_the_server_is_refused(office):
    former = office.desk.handset.line.active
    replace(office, office.peer, office.server.user.calls[0])
    assert office.network.messages("603 INVITE", office.desk)
    assert (office.desk.handset.line.active, former.has_ended) == (former, False)


def test_replaces_of_a_dialog_that_is_none_is_refused(office):
    office.server.user.calls[0].dialog.call_id = b"nothing"
    replace(office, office.server, office.server.user.calls[0])
    assert office.network.messages("481 INVITE", office.desk)
    assert office.desk.state == "talking"


@pytest.mark.parametrize(("target", "number"), [
    (b"sip:203@office.test", "203"), (b"SIP:2%303@x", "203"), (b"sip:office.test", ""), (b"tel:+81-3(1)", "+8131"),
    (b"sips:1-1.9;x=y@h", "119"), (b"sip:@@", "")])
def test_a_number_is_read_out_of_what_is_to_be_called(target, number):
    assert read_number(target) == number


