# SPDX-License-Identifier: Apache-2.0
"""Why calls between phones went as they did: each is played on the whole office, its trace is the evidence."""

import pytest

from tests.control.test_carried_calls import TracedOffice, talk
from tests.pbx.presence.test_engine_dialogs import leave, ring, take, with_session
from tests.pbx.proxy.virtual_office import A, C, answer, head
from tests.pbx.virtual_relay import SILENCE, speech

STRANGER = ("10.0.0.5", 5060)


@pytest.fixture
def office() -> TracedOffice:
    office = TracedOffice()
    office.register("202", C)
    return office


def explain(office: TracedOffice, number: int = 1) -> dict:
    return office.ask(f"explain call {number}")


def texts(explained: dict) -> str:
    return "\n".join(one["text"] for one in explained["evidence"])


def call(office: TracedOffice, callee: str, call_id: str = "talk", body: bytes = b"") -> list:
    """201 calls somebody; what the office sends."""
    octets = head("INVITE", f"sip:{callee}@192.168.1.1", A, f"i{call_id}", "201", callee, 1, call_id,
                  extra="Contact: <sip:201@192.168.1.11:5060>\r\n")
    office.send(A, with_session(octets, A[0]))
    return office.settle()


def acknowledge_failure(office: TracedOffice) -> None:
    office.send(A, head("ACK", "sip:202@192.168.1.1", A, "italk", "201", "202", 1, "talk", "x"))
    office.advance(1.0)


def hear(office: TracedOffice, caller, callee, seconds: float = 20.0) -> None:
    """A call whose media were these."""
    accepted = talk(office, seconds)
    office.relay.figures = (caller, callee)
    leave(office, accepted)


def test_nothing_is_wrong_with_a_good_call(office):
    hear(office, speech(1000), speech(1000))
    explained = explain(office)
    assert (explained["cause"], explained["sentence"], explained["remedy"], explained["also"]) == (
        "good", "nothing wrong", "", [])


def test_a_call_in_progress_is_not_explained_away(office):
    invite = ring(office)
    assert explain(office)["cause"] == "in_progress"
    take(office, invite)
    assert explain(office)["cause"] == "good"
    assert "goes on" in explain(office)["sentence"]


@pytest.mark.parametrize(("status", "cause", "said"), [
    (486, "busy", "202 is busy"), (600, "busy", "202 is busy"), (603, "declined", "202 declined the call"),
    (404, "number_unknown", "does not know the number"), (500, "phone_refused", "refused the call: 500")])
def test_what_the_phone_said(office, status, cause, said):
    invite = ring(office)
    office.advance(0.5)
    office.send(C, answer(invite, status))
    office.settle()
    acknowledge_failure(office)
    explained = explain(office)
    assert explained["cause"] == cause
    assert said in explained["sentence"]
    assert f"{status} X to INVITE came from 192.168.1.12:5060" in texts(explained)
    assert explained["evidence"][0]["at"].startswith("2023-11-14T22:13:20.500")


def test_nobody_answers(office):
    invite = ring(office)
    office.send(C, answer(invite, 180))
    office.settle()
    for message in office.advance(185.0):
        if message.is_request and message.method == b"CANCEL":
            office.send(C, answer(message, 200))
            office.send(C, answer(invite, 487))
    office.advance(1.0)
    acknowledge_failure(office)
    explained = explain(office)
    assert explained["cause"] == "no_answer"
    assert "nobody answered for 180 s" in explained["sentence"]
    assert "180 X to INVITE came from" in texts(explained)


@pytest.mark.parametrize("has_rung", [True, False])
def test_the_caller_gives_up(office, has_rung):
    invite = ring(office)
    if has_rung:
        office.send(C, answer(invite, 180))
    office.advance(7.0)
    office.send(A, head("CANCEL", "sip:202@192.168.1.1", A, "italk", "201", "202", 1, "talk"))
    for message in office.settle():
        if message.is_request and message.method == b"CANCEL":
            office.send(C, answer(message, 200))
            office.send(C, answer(invite, 487))
    office.advance(40.0)
    explained = explain(office)
    assert explained["cause"] == "cancelled"
    assert ("while it rang" if has_rung else "before anything rang") in explained["sentence"]


def test_there_is_no_such_number(office):
    call(office, "299")
    acknowledge_failure(office)
    explained = explain(office)
    assert explained["cause"] == "number_unknown"
    assert "no extension, no service and no route for 299" in explained["sentence"]
    assert "404 Not Found to INVITE sent to 192.168.1.11:5060" in texts(explained)


def test_the_phone_is_not_registered(office):
    call(office, "203")
    acknowledge_failure(office)
    explained = explain(office)
    assert (explained["cause"], explained["sentence"]) == ("not_registered", "no phone of 203 is registered")
    assert "show registrations" in explained["remedy"]


def test_the_phone_is_not_registered_because_its_password_is_wrong(office):
    contact = "Contact: <sip:203@x>\r\n"
    office.send(STRANGER, head("REGISTER", "sip:192.168.1.1", STRANGER, "r1", "203", "203", 1, "reg", extra=contact))
    (challenge,) = office.settle()
    said = challenge.header(b"WWW-Authenticate").decode()
    nonce = said.partition('nonce="')[2].partition('"')[0]
    proof = (f'Authorization: Digest username="203", realm="192.168.1.1", nonce="{nonce}", uri="sip:192.168.1.1", '
             f'qop=auth, nc=00000001, cnonce="x", response="{"0" * 32}"\r\n')
    office.send(STRANGER, head("REGISTER", "sip:192.168.1.1", STRANGER, "r2", "203", "203", 2, "reg",
                               extra=contact + proof))
    assert [one.status for one in office.settle()] in ([401], [403])
    call(office, "203")
    acknowledge_failure(office)
    explained = explain(office)
    assert explained["cause"] == "wrong_credentials"
    assert "no phone of 203 is registered: wrong user name or password" in explained["sentence"]
    assert "to REGISTER sent to 10.0.0.5:5060" in texts(explained)


def test_a_first_challenge_is_no_wrong_password(office):
    office.send(STRANGER, head("REGISTER", "sip:192.168.1.1", STRANGER, "r1", "203", "203", 1, "reg",
                               extra="Contact: <sip:203@x>\r\n"))
    office.settle()
    call(office, "203")
    acknowledge_failure(office)
    assert explain(office)["cause"] == "not_registered"


def test_no_common_codec_names_both_sets(office):
    invite = ring(office)
    body = b"v=0\r\no=- 1 1 IN IP4 192.168.1.12\r\ns=-\r\nc=IN IP4 192.168.1.12\r\nt=0 0\r\nm=audio 0 RTP/AVP 9 18\r\n"
    refusal = answer(invite, 488).replace(
        b"Content-Length: 0\r\n\r\n",
        b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    office.send(C, refusal)
    office.settle()
    acknowledge_failure(office)
    explained = explain(office)
    assert explained["cause"] == "no_common_codec"
    assert "PCMU; it takes G722, G729" in explained["sentence"]


def test_no_common_codec_of_a_phone_that_says_nothing_else(office):
    invite = ring(office)
    office.send(C, answer(invite, 488, extra='Warning: 305 x "Incompatible media format"\r\n'))
    office.settle()
    acknowledge_failure(office)
    explained = explain(office)
    assert explained["cause"] == "no_common_codec"
    assert "(PCMU)" in explained["sentence"]
    assert "Incompatible media format" in texts(explained)


def test_the_ack_never_arrives(office):
    invite = ring(office)
    octets = answer(invite, 200, "callee", "Contact: <sip:202@192.168.1.12:5060>\r\n")
    office.send(C, with_session(octets, C[0]))
    for message in office.advance(40.0):
        if message.is_request and message.method == b"BYE":
            office.send((message.uri_hostport.decode().partition(":")[0], 5060), answer(message, 200))
    office.advance(40.0)
    explained = explain(office)
    assert explained["cause"] == "ack_never_arrived"
    assert "the ACK of extension 201 never arrived" in explained["sentence"]
    assert "the 200 was sent" in texts(explained)
    assert "192.168.1.11:5060 can reach 192.168.1.1" in explained["remedy"]


@pytest.mark.parametrize(("figures", "reason"), [
    (SILENCE, "no packet came from it at all"),
    (SILENCE._replace(foreign=900, stranger=("10.9.9.9", 4000)), "its packets came from 10.9.9.9:4000"),
    (SILENCE._replace(packets=10, expected=10, received=10), "only few packets"),
    (SILENCE._replace(malformed=800), "what it sent is no RTP"),
    (SILENCE._replace(packets=20, unmapped=800), "a codec that was not agreed")])
def test_one_side_is_not_heard_and_why(office, figures, reason):
    hear(office, speech(1000), figures)
    explained = explain(office)
    assert explained["cause"] == "one_way_audio"
    assert "nothing was heard from extension 202" in explained["sentence"]
    assert reason in explained["sentence"]
    assert "extension 202 announced 192.168.1.12:40000" in texts(explained)


def test_the_caller_is_not_heard(office):
    hear(office, SILENCE, speech(1000))
    assert "nothing was heard from extension 201" in explain(office)["sentence"]


def test_who_holds_is_not_heard_and_that_is_no_fault_of_the_network(office):
    accepted = talk(office, 1.0)
    octets = head("INVITE", accepted.contact_uri.decode(), A, "hold", "201", "202", 2, "talk", accepted.to_tag.decode(),
                  extra="Contact: <sip:201@192.168.1.11:5060>\r\n")
    office.send(A, with_session(octets, A[0], "sendonly"))
    (reinvite,) = [one for one in office.settle() if one.is_request and one.method == b"INVITE"]
    octets = answer(reinvite, 200, extra="Contact: <sip:202@192.168.1.12:5060>\r\n")
    office.send(C, with_session(octets, C[0], "recvonly"))
    office.advance(30.0)
    office.relay.figures = (SILENCE, speech(1000))
    leave(office, accepted, 3)
    assert "it had put the call on hold" in explain(office)["sentence"]


def test_a_short_call_proves_nothing_about_sound(office):
    hear(office, speech(100), SILENCE, seconds=2.0)
    explained = explain(office)
    assert explained["cause"] == "good"
    assert "0 packets came from extension 202" in texts(explained)


def test_who_heard_nobody_says_hello_twice_and_hangs_up(office):
    hear(office, speech(150), SILENCE, seconds=4.0)
    assert explain(office)["cause"] == "one_way_audio"


def test_nobody_is_heard(office):
    hear(office, SILENCE, SILENCE)
    explained = explain(office)
    assert explained["cause"] == "no_audio"
    assert "firewall" in explained["remedy"]


def test_nobody_is_heard_since_both_announce_other_addresses_than_they_speak_from(office):
    elsewhere = SILENCE._replace(foreign=200, stranger=("192.168.1.99", 4000))
    hear(office, elsewhere, elsewhere, seconds=4.0)
    explained = explain(office)
    assert explained["cause"] == "no_audio"
    assert explained["remedy"] == "let the phone announce its real address, or mark it as being behind a NAT"


def test_a_bad_line(office):
    hear(office, speech(800, lost=200, jitter_ms=60.0), speech(1000))
    explained = explain(office)
    assert explained["cause"] == "bad_line"
    assert "extension 201" in explained["sentence"]
    assert "20.0 % of its packets were lost, jitter 60 ms" in texts(explained)


def test_the_phone_does_not_answer_on_the_network(office):
    call(office, "202")
    office.advance(40.0)
    acknowledge_failure(office)
    explained = explain(office)
    assert explained["cause"] == "phone_unreachable"
    assert "192.168.1.12:5060 does not answer" in explained["sentence"]


def test_the_name_that_was_dialled_leads_nowhere(office):
    office.send(A, head("INVITE", "sip:bob@nowhere.test", A, "italk", "201", "bob", 1, "talk",
                        extra="Contact: <sip:201@192.168.1.11:5060>\r\n"))
    office.advance(10.0)
    acknowledge_failure(office)
    explained = explain(office)
    assert explained["cause"] == "dns_failed"
    assert "nowhere.test: no name server answers" in explained["sentence"]


def test_the_name_at_which_a_phone_wants_to_be_reached_leads_nowhere(office):
    office.send(A, head("REGISTER", "sip:192.168.1.1", A, "reg203", "203", "203", 1, "reg203",
                        extra="Contact: <sip:203@192.168.1.13>\r\nSupported: path\r\n"
                              "Path: <sip:edge.nowhere.test;lr>\r\n"))
    office.take()
    call(office, "203")
    office.advance(10.0)
    acknowledge_failure(office)
    explained = explain(office)
    assert explained["cause"] == "dns_failed"
    assert "edge.nowhere.test: no name server answers" in explained["sentence"]


def test_the_server_stops(office):
    accepted = talk(office)
    office.office.calls.shut_down(office.now)
    for message in office.settle():
        if message.is_request and message.method == b"BYE":
            office.send(A if message.to_user == b"201" else C, answer(message, 200))
    office.advance(40.0)
    office.relay.tell(office.now)
    assert accepted.status == 200
    assert explain(office)["cause"] == "server_stopped"


def test_the_network_to_a_phone_is_lost_during_the_call(office):
    talk(office)
    (session,) = office.relay.sessions
    office.relay.user.leg_silent(session, 1, speech(500), office.now)
    for message in office.advance(30.0):
        if message.is_request and message.method == b"BYE" and message.call_id == b"talk":
            office.send(A, answer(message, 200))
    office.advance(40.0)
    office.relay.figures = (speech(2000), speech(500))
    office.relay.tell(office.now)
    explained = explain(office)
    assert explained["cause"] == "network_lost"
    assert "extension 202" in explained["sentence"]
    assert "OPTIONS sent to 192.168.1.12:5060" in texts(explained)
