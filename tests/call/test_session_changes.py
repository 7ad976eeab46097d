# SPDX-License-Identifier: Apache-2.0
"""Changes of a session that stands: hold in every form, glare, refusals, what else goes from leg to leg."""

import pytest

from tests.call.virtual_calls import VirtualCalls
from tests.call.virtual_phone import PhoneCall, read_media

DTMF = "Content-Type: application/dtmf-relay\r\n"


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls()


@pytest.fixture
def talk(office) -> tuple[PhoneCall, PhoneCall]:
    return office.connect(office.phone("201"), office.phone("202"))


def end(office: VirtualCalls, call: PhoneCall) -> None:
    call.bye()
    office.check_clean()


def media(office: VirtualCalls) -> tuple:
    """Where the relay sends, and what is held."""
    return dict(office.relay.directed), set(office.relay.sessions)


@pytest.mark.parametrize(("offer", "answer", "is_held"), [
    ({"direction": "sendonly"}, {"direction": "recvonly"}, True),
    ({"direction": "inactive"}, {"direction": "inactive"}, True),
    ({"address": "0.0.0.0"}, {}, True),
    ({"address": "0.0.0.0", "direction": "sendonly"}, {"direction": "recvonly"}, True),
    ({"direction": "recvonly"}, {"direction": "sendonly"}, True),
    ({"direction": "sendrecv"}, {"direction": "sendrecv"}, False)])
@pytest.mark.parametrize("is_caller", [True, False])
def test_hold_passes_in_every_form_and_is_taken_back(office, talk, offer, answer, is_held, is_caller):
    holder, held = talk if is_caller else talk[::-1]
    holder.request("INVITE", holder.phone.describe(version=2, **offer))
    asked = held.got("INVITE")[-1]
    for direction in ("sendonly", "inactive", "recvonly"):
        assert (f"a={direction}".encode() in asked.body) == (offer.get("direction") == direction)
    assert (b"c=IN IP4 0.0.0.0" in asked.body) == ("address" in offer)
    held.answer(**answer)
    assert f"a={answer.get('direction', '')}".encode() in holder.last(200).body + b"a="
    assert held.got("ACK")
    holder.acknowledge()
    session, = office.relay.sessions
    assert office.relay.held.get(session, False) == is_held
    assert (office.relay.directed[session, 0 if is_caller else 1].rtp is None) == ("address" in offer)
    holder.request("INVITE", holder.phone.describe(version=3))
    held.answer(version=3)
    holder.acknowledge()
    assert not office.relay.held.get(session, False)
    assert office.relay.directed[session, 0 if is_caller else 1].rtp == (holder.phone.address[0], 40000)
    end(office, holder)


def test_both_hold(office, talk):
    mine, theirs = talk
    mine.request("INVITE", mine.phone.describe(direction="sendonly"))
    theirs.answer(direction="recvonly")
    mine.acknowledge()
    theirs.request("INVITE", theirs.phone.describe(direction="inactive", port=40002))
    mine.answer(mine.phone.describe(direction="inactive"))
    theirs.acknowledge()
    session, = office.relay.sessions
    assert office.relay.held[session]
    mine.request("INVITE", mine.phone.describe(direction="inactive", version=3))
    theirs.answer(direction="inactive")
    mine.acknowledge()
    assert office.relay.held[session]       # the other one still holds
    theirs.request("INVITE", theirs.phone.describe(port=40002, version=4))
    mine.answer(mine.phone.describe(version=5))
    theirs.acknowledge()
    assert not office.relay.held[session]
    end(office, mine)


def test_a_change_without_a_session_asks_the_other_side_to_offer(office, talk):
    """Pattern 2 of RFC 6337 in a re-INVITE, end to end."""
    mine, theirs = talk
    mine.request("INVITE")
    assert not theirs.got("INVITE")[-1].body
    theirs.answer(port=40100)
    assert mine.last(200).body
    assert len(theirs.got("ACK")) == 1
    mine.acknowledge(mine.phone.describe(port=40200))
    assert theirs.got("ACK")[-1].body
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtp == ("192.168.1.11", 40200)
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 40100)
    end(office, mine)


@pytest.mark.parametrize("body", [b"", b"nonsense"])
def test_an_offer_that_was_asked_for_and_is_none(office, talk, body):
    mine, theirs = talk
    mine.request("INVITE")
    theirs.answer(body)
    assert mine.last().status >= 400 or "BYE" in mine.labels
    office.run(1.0)
    if not mine.got("BYE"):
        mine.request("INVITE", mine.phone.describe(version=3))
        assert len(theirs.got("INVITE")) == 3       # nothing is left hanging
        theirs.answer()
        mine.acknowledge()
        mine.bye()
    office.check_clean()


def test_an_answer_to_what_was_asked_for_that_cannot_be_read_ends_the_call(office, talk):
    mine, theirs = talk
    mine.request("INVITE")
    theirs.answer(port=40100)
    mine.acknowledge(b"nonsense")
    assert "BYE" in mine.labels
    assert "BYE" in theirs.labels
    office.check_clean()


@pytest.mark.parametrize("status", [488, 603, 500, 415])
def test_a_refused_change_leaves_the_media_as_they_were(office, talk, status):
    """14.1."""
    mine, theirs = talk
    before = media(office)
    mine.request("INVITE", mine.phone.describe("m=video 41000 RTP/AVP 96\r\n", port=45000, direction="sendonly"))
    assert len(read_media(theirs.got("INVITE")[-1])) == 2
    theirs.respond(status)
    assert mine.last().status == status
    assert theirs.labels[-1] == "ACK"
    directed, sessions = media(office)
    assert sessions == before[1]
    assert {key: directed[key] for key in before[0]} == before[0]
    assert not any(office.relay.held.values())
    mine.request("INVITE", mine.phone.describe(version=4))
    assert len(read_media(theirs.got("INVITE")[-1])) == 1
    theirs.answer()
    mine.acknowledge()
    end(office, mine)


def test_a_change_that_names_no_medium_of_ours_is_488_and_changes_nothing(office, talk):
    mine, theirs = talk
    before = media(office)
    mine.request("INVITE", mine.phone.describe().replace(b"RTP/AVP 0 8", b"UDP/UNKNOWN x"))
    assert mine.last().status == 488
    assert len(theirs.got("INVITE")) == 1
    assert media(office) == before
    end(office, mine)


def test_a_change_for_which_there_are_no_ports_is_503_and_changes_nothing(office, talk):
    mine, theirs = talk
    before = media(office)
    office.relay.ports_left = 1
    mine.request("INVITE", mine.phone.describe("m=video 41000 RTP/AVP 96\r\n", port=45000))
    assert mine.last().status == 503
    assert len(theirs.got("INVITE")) == 1
    assert media(office) == before
    end(office, mine)


def test_an_answer_that_cannot_be_read_leaves_the_media_as_they_were(office, talk):
    mine, theirs = talk
    before = media(office)
    mine.request("INVITE", mine.phone.describe(port=45000))
    theirs.answer(b"nonsense")
    assert mine.last().status >= 400
    assert theirs.labels[-1] == "ACK"
    assert media(office) == before
    end(office, mine)


def test_a_change_that_is_withdrawn(office, talk):
    """9.2: CANCEL of a re-INVITE; the call goes on."""
    mine, theirs = talk
    before = media(office)
    mine.request("INVITE", mine.phone.describe(port=45000))
    mine.cancel()
    assert mine.last().status == 487
    theirs.answer()
    assert len(theirs.got("ACK")) == 2
    mine.request("INVITE", mine.phone.describe(version=3))
    if len(theirs.got("INVITE")) == 3:
        theirs.answer()
    mine.acknowledge()
    assert media(office)[0][next(iter(before[1])), 0].rtp == ("192.168.1.11", 40000)
    end(office, mine)


def test_changes_cross(office, talk):
    """RFC 5407 3.3.1, RFC 3261 14.2: 491 on both sides, then one after the other."""
    mine, theirs = talk
    mine.request("INVITE", mine.phone.describe(port=41000))
    theirs.request("INVITE", theirs.phone.describe(port=42000))
    assert theirs.last().status == 491
    theirs.respond(491, theirs.got("INVITE")[-1])
    assert mine.last().status != 491        # we try again ourselves
    theirs.request("INVITE", theirs.phone.describe(port=42000))     # within 2 s, before us
    assert theirs.last().status == 491
    office.run(4.1)
    asked = theirs.got("INVITE")[-1]
    assert len(theirs.got("INVITE")) == 3
    theirs.respond(200, asked, theirs.phone.describe(port=40002))
    assert mine.last().status == 200
    mine.acknowledge()
    theirs.request("INVITE", theirs.phone.describe(port=42000))
    mine.answer(mine.phone.describe(port=41000))
    theirs.acknowledge()
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtp == ("192.168.1.11", 41000)
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 42000)
    end(office, mine)


def test_a_change_that_crossed_another_and_is_refused_leaves_nothing_behind(office, talk):
    mine, theirs = talk
    before = media(office)
    mine.request("INVITE", mine.phone.describe("m=video 41000 RTP/AVP 96", port=45000))
    theirs.respond(491, theirs.got("INVITE")[-1])
    theirs.request("INVITE", theirs.phone.describe("m=image 0 udptl t38", port=42000))     # before we try again
    assert theirs.last().status == 491
    office.run(4.1)
    theirs.respond(488, theirs.got("INVITE")[-1])
    assert mine.last().status == 488
    directed, sessions = media(office)
    assert sessions == before[1]
    assert {key: directed[key] for key in before[0]} == before[0]
    end(office, mine)


def test_a_change_of_the_caller_before_the_called_side_has_its_ack(office):
    """RFC 5407 3.1.4: the call does not stand for us yet."""
    alice, bob = office.phone("201"), office.phone("202")
    mine = alice.invite("202")
    bob.ringing.answer()
    bob.ringing.request("INVITE", bob.describe(port=42000))
    assert bob.ringing.last().status == 491
    mine.acknowledge()
    bob.ringing.request("INVITE", bob.describe(port=42000))
    mine.answer(alice.describe())
    assert bob.ringing.last().status == 200
    bob.ringing.acknowledge()
    end(office, mine)


def test_update_passes_as_update(office, talk):
    mine, theirs = talk
    for call in talk:
        call.phone.supported = "timer"
    mine.request("UPDATE", mine.phone.describe(port=41000))
    update = theirs.got("UPDATE")
    asked = update[0] if update else theirs.got("INVITE")[-1]
    theirs.respond(200, asked, theirs.phone.describe(port=40002))
    assert mine.last(200, "UPDATE").body
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtp == ("192.168.1.11", 41000)
    end(office, mine)


def test_update_without_a_session_is_our_own_affair(office, talk):
    mine, theirs = talk
    heard = len(theirs.heard)
    mine.request("UPDATE")
    assert mine.last(200, "UPDATE")
    assert len(theirs.heard) == heard
    end(office, mine)


def test_update_that_nobody_answers_is_refused_in_time(office, talk):
    """RFC 3311 5.2."""
    mine, _theirs = talk
    before = media(office)
    mine.request("UPDATE", mine.phone.describe(port=41000))
    office.run(31.0)
    assert mine.last(0, "UPDATE").status == 504
    office.run(5.0)
    if "BYE" not in mine.labels:
        assert media(office) == before
        mine.bye()
    office.check_clean()


def test_a_change_that_nobody_answers_ends_the_call(office, talk):
    """RFC 5057: 408 inside a dialog; the caller's request is answered before it goes."""
    mine, theirs = talk
    theirs.phone.answers_bye = False
    mine.request("INVITE", mine.phone.describe(port=41000))
    office.run(33.0)
    assert mine.last().status in (408, 487)
    assert "BYE" in mine.labels
    office.check_clean()
    assert office.records.kept[0].reason == "lost"


def test_video_is_added_refused_and_removed(office, talk):
    mine, theirs = talk
    video = "m=video {} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f\r\n"
    mine.request("INVITE", mine.phone.describe(video.format(41000), version=2))
    asked = theirs.got("INVITE")[-1]
    assert [kind for kind, _port in read_media(asked)] == ["audio", "video"]
    assert b"profile-level-id=42e01f" in asked.body
    theirs.answer(theirs.phone.describe(video.format(0), port=40002))
    assert read_media(mine.last(200))[1] == ("video", 0)
    mine.acknowledge()
    mine.request("INVITE", mine.phone.describe(video.format(41000), version=3))
    theirs.answer(theirs.phone.describe(video.format(41002), port=40002))
    mine.acknowledge()
    assert read_media(mine.last(200))[1][1]
    assert len(office.relay.sessions) == 2
    second = sorted(office.relay.sessions)[1]
    assert office.relay.directed[second, 0].rtp == ("192.168.1.11", 41000)
    assert office.relay.directed[second, 1].rtp == ("192.168.1.12", 41002)
    mine.request("INVITE", mine.phone.describe(video.format(0), version=4))
    assert read_media(theirs.got("INVITE")[-1])[1] == ("video", 0)
    theirs.answer(theirs.phone.describe(video.format(0), port=40002))
    mine.acknowledge()
    assert office.relay.directed[second, 0].rtp is None
    end(office, mine)


def test_the_called_side_adds_video(office, talk):
    mine, theirs = talk
    video = "m=video 41000 RTP/AVP 96\r\n"
    theirs.request("INVITE", theirs.phone.describe(video, port=40002))
    mine.answer(mine.phone.describe(video))
    theirs.acknowledge()
    assert len(read_media(theirs.last(200))) == 2
    assert len(office.relay.sessions) == 2
    end(office, mine)


def test_a_phone_that_drops_a_media_line_does_not_confuse_the_other(office):
    """RFC 3264 8 forbids it; what the other side sees still has both lines."""
    alice, bob = office.phone("201"), office.phone("202")
    mine = alice.invite("202", alice.describe("m=video 41000 RTP/AVP 96\r\n"))
    bob.ringing.answer(bob.describe("m=video 41002 RTP/AVP 96\r\n", port=40002))
    mine.acknowledge()
    mine.request("INVITE", alice.describe(version=2))
    assert [port > 0 for _kind, port in read_media(bob.ringing.got("INVITE")[-1])] == [True, False]
    bob.ringing.answer(bob.describe("m=video 0 RTP/AVP 96\r\n", port=40002))
    assert [kind for kind, _port in read_media(mine.last(200))] == ["audio"]
    mine.acknowledge()
    end(office, mine)


def test_the_origin_counts_what_is_said_on_each_leg(office, talk):
    """RFC 3264 8: the same session id, the version one more when something has changed."""
    mine, theirs = talk
    said = [theirs.invite.body]
    for direction in ("sendonly", "", ""):
        mine.request("INVITE", mine.phone.describe(direction=direction))
        said.append(theirs.got("INVITE")[-1].body)
        theirs.answer()
        mine.acknowledge()
    origins = [body.split(b"\r\n")[1].split(b" ") for body in said]
    assert len({origin[1] for origin in origins}) == 1
    assert [int(origin[2]) for origin in origins] == [1, 2, 3, 3]
    end(office, mine)


def test_info_goes_both_ways(office, talk):
    for sender, receiver in (talk, talk[::-1]):
        sender.request("INFO", b"Signal=5\r\nDuration=160\r\n", DTMF)
        info = receiver.got("INFO")[0]
        assert info.body == b"Signal=5\r\nDuration=160\r\n"
        assert sender.last(0, "INFO") is None
        receiver.respond(200, info)
        assert sender.last(200, "INFO")
    end(office, talk[0])


def test_a_refused_info_is_refused(office, talk):
    mine, theirs = talk
    mine.request("INFO", b"x", "Content-Type: text/plain\r\n")
    theirs.respond(415, theirs.got("INFO")[0])
    assert mine.last(0, "INFO").status == 415
    end(office, mine)


def test_a_method_that_we_do_not_carry_is_405(office, talk):
    mine, theirs = talk
    heard = len(theirs.heard)
    mine.request("PUBLISH")
    assert mine.last(0, "PUBLISH").status in (405, 501)
    assert len(theirs.heard) == heard
    end(office, mine)


def test_options_inside_the_call_are_answered_by_us(office, talk):
    mine, theirs = talk
    heard = len(theirs.heard)
    mine.request("OPTIONS")
    assert mine.last(200, "OPTIONS")
    assert len(theirs.heard) == heard
    end(office, mine)


def test_bye_crosses_a_change(office, talk):
    """RFC 5407 3.2.2."""
    mine, theirs = talk
    mine.request("INVITE", mine.phone.describe(port=41000))
    theirs.bye()
    assert mine.last().status == 487
    assert "BYE" in mine.labels
    theirs.respond(487, theirs.got("INVITE")[-1])
    office.check_clean()


def test_bye_crosses_the_answer_to_a_change(office, talk):
    """RFC 5407 3.2.3: the 200 gets its ACK all the same."""
    mine, theirs = talk
    mine.request("INVITE", mine.phone.describe(port=41000))
    mine.bye()
    assert "BYE" in theirs.labels
    theirs.answer()
    assert theirs.labels[-1] == "ACK"
    office.check_clean()


def test_a_bye_says_why_and_the_other_side_hears_it(office, talk):
    mine, theirs = talk
    mine.bye('Reason: Q.850;cause=16;text="at 192.168.1.11"\r\n')
    assert theirs.got("BYE")[0].header(b"Reason") == b"Q.850;cause=16"
    office.check_clean()


def test_a_session_that_nobody_refreshes_ends_on_both_legs(office):
    """RFC 4028 10: the phone was to refresh and does not."""
    alice, bob = office.phone("201"), office.phone("202")
    bob.supported = "timer"
    mine = alice.invite("202", lines="Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n")
    bob.ringing.answer(lines="Require: timer\r\nSession-Expires: 90;refresher=uac\r\n")
    mine.acknowledge()
    assert mine.last(200).header(b"Session-Expires").startswith(b"90;refresher=uac")
    office.run(40.0)
    while (open_ := [one for one in bob.ringing.pending if one.method in (b"UPDATE", b"INVITE")]):
        bob.ringing.respond(200, open_[0], lines="Session-Expires: 90;refresher=uac\r\n")
        office.run(1.0)
    office.run(60.0)
    assert "BYE" in mine.labels
    assert "BYE" in bob.ringing.labels
    assert b"408" in mine.got("BYE")[0].header(b"Reason")
    assert b"408" in bob.ringing.got("BYE")[0].header(b"Reason")
    office.check_clean()
    record = office.records.kept[0]
    assert record.legs[0].reason == "expired"
    assert record.ended_by == "server"
    assert record.reason == "expired"


def test_a_session_is_refreshed_on_each_leg_by_itself(office):
    """A refresh on one leg is nothing to the other one."""
    alice, bob = office.phone("201"), office.phone("202")
    mine = alice.invite("202", lines="Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n")
    bob.ringing.answer()
    mine.acknowledge()
    heard = len(bob.ringing.heard)
    office.run(45.0)
    mine.request("UPDATE", lines="Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n")
    assert mine.last(200, "UPDATE").header(b"Session-Expires")
    assert len(bob.ringing.heard) == heard
    office.run(45.0)
    assert "BYE" not in mine.labels
    end(office, mine)


def test_a_session_interval_that_is_too_short_is_422(office):
    alice, _bob = office.phone("201"), office.phone("202")
    mine = alice.invite("202", lines="Supported: timer\r\nSession-Expires: 30\r\n")
    assert mine.last().status == 422
    assert mine.last(422).header(b"Min-SE") == b"90"
    office.check_clean(records=0)


def test_a_called_phone_that_wants_a_longer_interval_gets_it(office):
    """422 is an affair between us and the phone (RFC 4028 7.4)."""
    alice, bob = office.phone("201"), office.phone("202")
    mine = alice.invite("202")
    bob.ringing.respond(422, lines="Min-SE: 3600\r\n")
    again = bob.ringing.got("INVITE")[-1]
    assert len(bob.ringing.got("INVITE")) == 2
    assert again.header(b"Min-SE") == b"3600"
    bob.ringing.respond(200, again, bob.describe(port=40002))
    mine.acknowledge()
    assert mine.statuses[-1] == 200
    end(office, mine)
