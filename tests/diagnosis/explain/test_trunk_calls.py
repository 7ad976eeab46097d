# SPDX-License-Identifier: Apache-2.0
"""Why calls through a trunk went as they did, from their traces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.vocabulary.trunk_state import TrunkFault, TrunkState
from tests.diagnosis.explain.wire import PCMU, Wire


@pytest.fixture
def wire() -> Wire:
    """201 has dialled an outside number."""
    wire = Wire()
    wire.inside(0.0, "INVITE", body=PCMU)
    wire.inside(0.0, "100 Trying", True)
    return wire


def texts(explained) -> str:
    return "\n".join(one.text for one in explained.finding.evidence)


def test_the_carrier_does_not_accept_our_password(wire):
    challenge = 'Proxy-Authenticate: Digest realm="x", nonce="n"\r\n'
    wire.outside(0.0, "INVITE", body=PCMU)
    wire.outside(0.1, "407 Proxy Authentication Required", False, lines=challenge)
    wire.outside(0.1, "INVITE", cseq=2, lines='Proxy-Authorization: Digest username="gw"\r\n', body=PCMU)
    wire.outside(0.2, "407 Proxy Authentication Required", False, cseq=2, lines=challenge)
    explained = wire.explain(403, 407)
    assert explained.finding.cause == "wrong_credentials"
    assert "trunk carrier" in explained.finding.sentence
    assert "trunk carrier secret" in explained.finding.remedy


def test_a_nonce_that_was_too_old_is_no_wrong_password(wire):
    wire.outside(0.1, "INVITE", lines='Proxy-Authorization: Digest username="gw"\r\n', body=PCMU)
    wire.outside(0.2, "407 Proxy Authentication Required", False,
                 lines='Proxy-Authenticate: Digest realm="x", nonce="n", stale=TRUE\r\n')
    wire.outside(0.3, "INVITE", cseq=2, lines='Proxy-Authorization: Digest username="gw"\r\n', body=PCMU)
    wire.outside(0.4, "486 Busy Here", False, cseq=2)
    assert wire.explain(486).finding.cause == "busy"


def test_a_challenge_that_was_answered_well_is_not_the_cause(wire):
    wire.outside(0.0, "INVITE", body=PCMU)
    wire.outside(0.1, "407 Proxy Authentication Required", False,
                 lines='Proxy-Authenticate: Digest realm="x", nonce="n"\r\n')
    wire.outside(0.1, "INVITE", cseq=2, lines='Proxy-Authorization: Digest username="gw"\r\n', body=PCMU)
    wire.outside(0.2, "404 Not Found", False, cseq=2)
    explained = wire.explain(404)
    assert explained.finding.cause == "number_unknown"
    assert "trunk carrier does not know the number 05033334444" in explained.finding.sentence


def test_the_trunk_does_not_answer_at_all(wire):
    for at in (0.0, 0.5, 1.5, 3.5):
        wire.outside(at, "INVITE", body=PCMU)
    explained = wire.explain(408, leg_reason="lost")
    assert explained.finding.cause == "trunk_unreachable"
    assert "trunk carrier did not answer at all" in explained.finding.sentence
    assert "INVITE sent to 198.51.100.1:5060" in texts(explained)


def test_a_trunk_that_answered_was_reachable(wire):
    wire.outside(0.0, "INVITE", body=PCMU)
    wire.outside(0.1, "100 Trying", False)
    wire.outside(8.0, "503 Service Unavailable", False)
    explained = wire.explain(503)
    assert explained.finding.cause == "carrier_refused"
    assert "503 Service Unavailable" in explained.finding.sentence


def test_a_caller_who_gives_up_a_silent_trunk_says_nothing_of_it(wire):
    wire.outside(0.0, "INVITE", body=PCMU)
    wire.inside(2.0, "CANCEL")
    assert wire.explain(487, 0, result="cancelled", leg_reason="we_left").finding.cause == "cancelled"


@pytest.mark.parametrize(("fault", "words", "cause"), [
    (TrunkFault.CREDENTIALS, "403 to our REGISTER", "wrong_credentials"),
    (TrunkFault.UNREACHABLE, "no answer from 198.51.100.1:5060", "trunk_unreachable"),
    (TrunkFault.DNS, "no such name: carrier.test", "dns_failed"),
    (TrunkFault.REFUSED, "500 to our REGISTER", "carrier_refused")])
def test_no_trunk_was_up_and_why(wire, fault, words, cause):
    wire.trunks["carrier"] = TrunkState("carrier", True, "down", "wan", fault=fault, reason=words)
    wire.inside(0.0, "503 Service Unavailable", True)
    explained = wire.explain(503, is_tried=False, reason=f"trunk carrier: {words}")
    assert explained.finding.cause == cause
    assert "no trunk was up" in explained.finding.sentence
    assert words in texts(explained)


def test_a_trunk_that_has_come_up_since_is_not_blamed_for_something_else(wire):
    wire.trunks["carrier"] = TrunkState("carrier", True, "up", "wan", last_fault=TrunkFault.REFUSED,
                                        last_failure="500 to our REGISTER")
    explained = wire.explain(503, is_tried=False, reason="trunk carrier: no answer from 198.51.100.1:5060")
    assert explained.finding.cause == "trunk_unreachable"
    assert "trunk carrier is up now" in texts(explained)


def test_the_name_of_the_trunk_leads_nowhere_while_calling(wire):
    wire.trunks["carrier"] = TrunkState("carrier", False, "down", "wan", fault=TrunkFault.DNS, reason="no such name")
    explained = wire.explain(503, leg_reason="lost")
    assert explained.finding.cause == "dns_failed"


def test_a_trunk_whose_interface_has_no_address_waits_for_it(wire):
    wire.trunks["carrier"] = TrunkState("carrier", False, "down", "wan", fault=TrunkFault.NOT_OPEN,
                                        reason="its listener has no address yet")
    explained = wire.explain(503, is_tried=False, reason="trunk carrier: its listener has no address yet")
    assert "not open yet" in explained.finding.sentence
    assert "interface" in explained.finding.remedy


def test_a_rule_forbids_the_call(wire):
    wire.inside(0.0, "403 Forbidden", True)
    explained = wire.explain(403, is_tried=False, reason="international calls are closed on route outside",
                             result="blocked")
    assert explained.finding.cause == "rejected_by_rule"
    assert "international calls are closed" in explained.finding.sentence


def test_a_403_of_the_carrier_is_no_rule_of_ours(wire):
    wire.outside(0.0, "INVITE", body=PCMU)
    wire.outside(0.1, "403 Account Suspended", False)
    explained = wire.explain(403, result="blocked")
    assert explained.finding.cause == "carrier_refused"
    assert "403 Account Suspended" in explained.finding.sentence


def test_every_channel_is_in_use(wire):
    wire.trunks["carrier"] = TrunkState("carrier", True, "up", "wan", channels_used=4, channels_limit=4)
    explained = wire.explain(503, is_tried=False, reason="no free channel on carrier")
    assert explained.finding.cause == "channels_full"
    assert "carries 4 of 4 calls now" in texts(explained)


def test_the_number_that_was_called_from_outside_is_nobodys(wire):
    explained = wire.explain(404, is_tried=False, reason="trunk carrier has no did 05011119999")
    assert explained.finding.cause == "number_unknown"
    assert "did NUMBER to EXTENSION" in explained.finding.remedy


def test_the_carrier_takes_none_of_our_codecs(wire):
    wire.outside(0.0, "INVITE", body="m=audio 40000 RTP/AVP 9 18\r\n")
    wire.outside(0.1, "488 Not Acceptable Here", False, body="m=audio 0 RTP/AVP 0\r\n")
    explained = wire.explain(488)
    assert explained.finding.cause == "no_common_codec"
    assert "G722, G729; it takes PCMU" in explained.finding.sentence


def test_we_carry_none_of_the_callers_codecs(wire):
    wire.entries.clear()
    wire.inside(0.0, "INVITE", body="m=audio 0 RTP/AVP 0\r\n")
    wire.inside(0.0, "488 Not Acceptable Here", True, lines='Warning: 304 x "nothing that we carry"\r\n')
    explained = wire.explain(488, is_tried=False)
    assert explained.finding.cause == "no_common_codec"
    assert "nothing that we carry" in texts(explained)


def test_overload(wire):
    wire.inside(0.0, "503 Service Unavailable", True, lines="Retry-After: 10\r\n")
    assert wire.explain(503, is_tried=False).finding.cause == "overloaded"
    said = wire.explain(503, is_tried=False, reason="more calls a second than the carrier takes").finding
    assert "more calls a second than the carrier takes" in said.sentence


def test_no_port_was_left_for_the_voice(wire):
    wire.inside(0.0, "503 Service Unavailable", True, lines="Retry-After: 10\r\n")
    for is_tried in (True, False):
        assert wire.explain(503, is_tried=is_tried, reason="no port for media").finding.cause == "no_media_ports"


def test_the_line_was_freed_for_an_emergency_call(wire):
    explained = wire.explain(200, answered_s=5.0, reason="its line was needed for an emergency call", ended_by="server")
    assert explained.finding.cause == "emergency_line_freed"


def test_nobody_refreshed_the_session(wire):
    expires = "Session-Expires: 300;refresher=uas\r\n"
    wire.outside(0.0, "INVITE", body=PCMU, lines="Session-Expires: 300\r\n")
    wire.outside(2.0, "200 OK", False, lines=expires, body=PCMU)
    wire.outside(270.0, "BYE", cseq=2, lines='Reason: SIP;cause=408\r\n')
    wire.outside(270.1, "200 OK", False, cseq=2, method="BYE")
    explained = wire.explain(200, answered_s=2.0, ended_s=270.1, ended_by="server", leg_reason="we_left")
    assert explained.finding.cause == "session_timer"
    assert "refreshed within 300 s; 268 s passed" in texts(explained)


def test_a_refresh_that_nobody_answered(wire):
    wire.outside(2.0, "200 OK", False, lines="Session-Expires: 300;refresher=uac\r\n", body=PCMU)
    wire.outside(152.0, "UPDATE", cseq=2, lines="Session-Expires: 300;refresher=uac\r\n")
    wire.outside(152.5, "UPDATE", cseq=2, lines="Session-Expires: 300;refresher=uac\r\n")
    wire.outside(184.0, "BYE", cseq=3)
    explained = wire.explain(200, answered_s=2.0, ended_s=184.1, ended_by="server", leg_reason="we_left")
    assert explained.finding.cause == "session_timer"
    assert "UPDATE sent to 198.51.100.1:5060" in texts(explained)


def test_the_engine_says_that_a_session_ran_out(wire):
    wire.outside(2.0, "200 OK", False, body=PCMU)
    wire.outside(270.0, "BYE", cseq=2)
    explained = wire.explain(200, answered_s=2.0, ended_s=270.1, ended_by="server", leg_reason="expired")
    assert explained.finding.cause == "session_timer"


def test_a_bye_in_the_middle_of_a_session_is_no_session_timer(wire):
    wire.outside(2.0, "200 OK", False, lines="Session-Expires: 1800;refresher=uas\r\n", body=PCMU)
    wire.outside(100.0, "BYE", cseq=2)
    explained = wire.explain(200, answered_s=2.0, ended_s=100.1, ended_by="server", leg_reason="we_left")
    assert explained.finding.cause != "session_timer"


def test_what_the_evidence_does_not_say_is_not_known(wire):
    explained = wire.explain(500, is_tried=False)
    assert explained.finding.cause == "not_known"
    assert "the caller was told 500" in texts(explained)
    wire.entries.clear()
    assert "no longer holds" in texts(wire.explain(580, is_tried=False))


STATUSES = st.sampled_from([0, 200, 302, 400, 401, 403, 404, 407, 408, 480, 481, 486, 487, 488, 500, 503, 600, 603])
WORDS = st.sampled_from(["", "lost", "expired", "refused", "no free channel on carrier", "trunk carrier: down", "x"])
STEP = st.tuples(st.booleans(), st.booleans(), st.sampled_from(
    ["INVITE", "BYE", "CANCEL", "ACK", "UPDATE", "100 Trying", "180 Ringing", "200 OK", "407 Proxy", "486 Busy"]),
    st.sampled_from(["", "Session-Expires: x\r\n", "Session-Expires: 90\r\n", "Contact: <sip:a@b>\r\n",
                     "Retry-After: 5\r\n", "Contact: nonsense<\r\n"]), st.sampled_from(["", PCMU, "m=audio\r\n"]))


@settings(max_examples=200, deadline=None)
@given(STATUSES, STATUSES, WORDS, WORDS, st.floats(0, 60), st.booleans(), st.lists(STEP, max_size=12))
def test_whatever_happened_something_is_said_of_it_and_a_cause_needs_evidence(
        status, leg_status, reason, leg_reason, answered_s, is_tried, steps):
    wire = Wire()
    for at, (is_inside, is_sent, what, lines, body) in enumerate(steps):
        (wire.inside if is_inside else wire.outside)(float(at), what, is_sent, lines=lines, body=body)
    explained = wire.explain(status, leg_status, is_tried, answered_s, 90.0, reason=reason, leg_reason=leg_reason)
    assert explained.finding.sentence
    assert explained.finding.cause == "no_audio" or explained.finding.evidence or status == 487
    assert explained.finding.cause not in {one.cause for one in explained.also}


def test_from_a_record_alone_what_is_certain_is_said(wire):
    wire.entries.clear()
    assert wire.explain(486).finding.cause == "busy"
    assert wire.explain(480, is_tried=False, reason="phone not registered").finding.cause == "not_registered"
    assert wire.explain(480, 480).finding.cause == "not_known"
