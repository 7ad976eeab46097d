# SPDX-License-Identifier: Apache-2.0
"""Rules for calls that were answered and did not end as calls should: no ACK, no refresh, nobody there, line taken."""

from appliance.diagnosis.explain.evidence import Evidence, Seen, is_request, is_response, tell_all
from appliance.diagnosis.explain.finding import Finding, Proof
from appliance.diagnosis.explain.refusals import name_leg
from appliance.errors import PeerError
from appliance.sip.uri import SipUri

ACK_WAIT_S = 4.0
"""By then a 2xx has been sent four times (RFC 3261 13.3.1.4): who has heard one of them has sent his ACK."""


def explain_missing_ack(evidence: Evidence) -> Finding | None:
    """Our 200 went out again and again, and no ACK came (RFC 3261 13.3.1.4)."""
    seen = evidence.with_caller
    answers = [one for one in seen if one.is_sent and is_response(one, b"INVITE") and 200 <= one.message.status < 300]
    first = next(iter(answers), None)
    answers = [one for one in answers if first is not None and one.message.cseq == first.message.cseq]
    if first is None or answers[-1].at - first.at < ACK_WAIT_S:
        return None
    if any(not one.is_sent and is_request(one, b"ACK") and one.message.cseq == first.message.cseq for one in seen):
        return None
    leg = evidence.caller_leg
    name = name_leg(leg) if leg is not None else f"extension {evidence.call.caller}"
    contact = (first.message.contact_uri or b"").decode("utf-8", "replace")
    sent = f"the 200 was sent {len(answers)} times in {answers[-1].at - first.at:.0f} s"
    return Finding("ack_never_arrived", f"the ACK of {name} never arrived",
                   (*tell_all(answers), Proof(0.0, f"{sent}; its Contact is {contact or 'missing'}")),
                   _advise_ack(first))


def _advise_ack(answer: Seen) -> str:
    try:
        host = SipUri.parse(answer.message.contact_uri or b"").host.decode("ascii", "replace")
    except PeerError:
        host = ""
    return f"look whether {answer.peer} can reach {host or 'our Contact'}: a NAT or a firewall may stand between, or " \
        "it goes by a Record-Route that leads nowhere"


def explain_emergency(evidence: Evidence) -> Finding | None:
    """Its line was freed for an emergency call."""
    if "emergency" not in evidence.call.reason:
        return None
    return Finding("emergency_line_freed", "the call was ended to free its line for an emergency call",
                   (Proof(evidence.call.ended_at, evidence.call.reason),),
                   "more channels on the trunk keep this from happening")


def explain_stop(evidence: Evidence) -> Finding | None:
    """The server was stopped."""
    if "telephone system stop" not in evidence.call.reason:
        return None
    return Finding("server_stopped", "the telephone system was stopped",
                   (Proof(evidence.call.ended_at, evidence.call.reason),))


def explain_session_timer(evidence: Evidence) -> Finding | None:
    """A refresh of the session was due and did not come, or was not answered (RFC 4028 10)."""
    call = evidence.call
    byes = [one for one in evidence.messages if is_request(one, b"BYE")]
    expired = [leg for leg in call.legs if leg.reason == "expired"]
    if expired:
        proof = Proof(expired[0].ended_at or call.ended_at, f"the session with {name_leg(expired[0])} ran out")
        return _tell_timer(evidence, (proof, *tell_all(byes[:1])))
    if call.ended_by != "server" or not byes:
        return None
    unanswered = [one for one in evidence.messages if one.is_sent and one.at > call.answered_at
                  and one.message.is_request and one.message.method in (b"INVITE", b"UPDATE")
                  and one.message.header(b"Session-Expires") and not _is_answered(evidence, one)]
    if unanswered and unanswered[-1].at < byes[-1].at:
        return _tell_timer(evidence, tell_all(unanswered) + tell_all(byes[-1:]))
    lapsed = _find_lapsed(evidence, byes[-1])
    return None if lapsed is None else _tell_timer(evidence, (lapsed, *tell_all(byes[-1:])))


def _tell_timer(evidence: Evidence, proofs: tuple[Proof, ...]) -> Finding:
    talked_s = max(evidence.call.ended_at - evidence.call.answered_at, 0.0)
    return Finding("session_timer", f"the call was ended after {talked_s:.0f} s because nobody refreshed its session",
                   proofs, "the side that agreed to refresh the session has not: a bug of its, or no way to us")


def _is_answered(evidence: Evidence, request: Seen) -> bool:
    return any(not one.is_sent and not one.message.is_request and one.message.call_id == request.message.call_id
               and one.message.cseq == request.message.cseq and one.message.method == request.message.method
               for one in evidence.messages)


def _find_lapsed(evidence: Evidence, bye: Seen) -> Proof | None:
    """A BYE of ours at the end of an interval that the peer was to refresh, a third or 32 s before it (RFC 4028 10)."""
    if not bye.is_sent:
        return None
    agreed = [one for one in evidence.messages if one.message.call_id == bye.message.call_id
              and not one.message.is_request and one.message.status == 200 and one.message.header(b"Session-Expires")]
    if not agreed:
        return None
    value = agreed[-1].message.header(b"Session-Expires") or b""
    digits = value.partition(b";")[0].strip()
    if not digits.isdigit():
        return None
    interval_s, passed_s = int(digits), bye.at - agreed[-1].at
    if not interval_s - max(32.0, interval_s / 3) - 2.0 <= passed_s <= interval_s + 2.0:
        return None
    return Proof(agreed[-1].at, f"the session was to be refreshed within {interval_s} s; {passed_s:.0f} s passed")


def explain_lost_network(evidence: Evidence) -> Finding | None:
    """Media and signalling both fell silent on one side."""
    call = evidence.call
    if not call.answered_at:
        return None
    lost = [leg for leg in call.legs if leg.reason in ("network lost", "lost")]
    if "network lost" not in call.reason and not lost:
        return None
    who = name_leg(lost[0]) if lost else "one side"
    proofs: list[Proof] = []
    for leg in lost[:1]:
        unanswered = [one for one in evidence.of_leg(leg)
                      if one.is_sent and one.message.is_request and one.message.method != b"ACK"
                      and one.at > call.answered_at and not _is_answered(evidence, one)]
        proofs += tell_all(unanswered)
        if leg.figures is not None and leg.figures.packets:
            proofs.append(Proof(0.0, f"{leg.packets_received} packets had come from there before"))
    return Finding("network_lost", f"the network to {who} was lost during the call",
                   tuple(proofs) or (Proof(call.ended_at, call.reason or lost[0].reason),),
                   "look at the cable, the power and the wireless network on that side")
