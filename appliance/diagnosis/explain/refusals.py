# SPDX-License-Identifier: Apache-2.0
"""Rules for calls that somebody refused or gave up: busy, declined, no answer, unknown, forbidden, no room or codec."""

from appliance.diagnosis.explain.evidence import Evidence, Seen, is_request, is_response, tell_all
from appliance.diagnosis.explain.finding import Finding, Proof
from appliance.diagnosis.explain.sessions import list_codecs
from appliance.diagnosis.observed_call import ObservedLeg


def name_leg(leg: ObservedLeg) -> str:
    """Who that was, for a sentence."""
    return f"trunk {leg.line}" if leg.is_trunk else f"extension {leg.number}"


def tell_end(evidence: Evidence, leg: ObservedLeg) -> tuple[Proof, ...]:
    """The final response on a leg."""
    final = [one for one in evidence.of_leg(leg) if not one.is_sent and is_response(one, b"INVITE")
             and one.message.status >= 300]
    return tell_all(final) if final else (Proof(leg.ended_at, f"{leg.status} from {name_leg(leg)}"),)


def tell_refusal(evidence: Evidence) -> tuple[Proof, ...]:
    """What the caller was told, with our words for it; nothing where neither is known."""
    call, final = evidence.call, evidence.final_to_caller()
    proofs = (final.tell(),) if final is not None else ()
    return (*proofs, Proof(call.ended_at, f"noted: {call.reason}")) if call.reason else proofs


def explain_busy(evidence: Evidence) -> Finding | None:
    """486 or 600."""
    if evidence.call.status not in (486, 600):
        return None
    legs = evidence.tried_with(486, 600)
    if not legs:
        return None
    return Finding("busy", f"{evidence.call.callee} is busy", tell_end(evidence, legs[0]))


def explain_declined(evidence: Evidence) -> Finding | None:
    """603, and no other phone was to ring after it."""
    legs = evidence.tried_with(603)
    if evidence.call.status != 603 or not legs:
        return None
    return Finding("declined", f"{evidence.call.callee} declined the call", tell_end(evidence, legs[0]))


def explain_unknown_number(evidence: Evidence) -> Finding | None:
    """404, 484, 604, 410: by us, or by the carrier."""
    call = evidence.call
    if call.status not in (404, 410, 484, 604):
        return None
    legs = evidence.tried_with(404, 410, 484, 604)
    number = call.dialled or call.callee
    if legs:
        return Finding("number_unknown", f"{name_leg(legs[0])} does not know the number {number}",
                       tell_end(evidence, legs[0]), "look whether the number was dialled as the other side wants it")
    if evidence.tried:
        return None
    final = evidence.final_to_caller()
    if final is not None and final.message.header(b"Warning"):
        return None
    proofs = tell_refusal(evidence) or (Proof(call.ended_at, f"{call.status}, and nobody was tried"),)
    if " has no did " in call.reason:
        return Finding("number_unknown", f"{number} was called from outside, and nobody has it: {call.reason}", proofs,
                       "give the number to an extension: `set trunk NAME did NUMBER to EXTENSION`")
    return Finding("number_unknown", f"there is no extension, no service and no route for {number}", proofs,
                   "look at the extensions and at `set route`: a prefix may be missing")


def explain_rule(evidence: Evidence) -> Finding | None:
    """403 from us: nobody was asked."""
    call = evidence.call
    if call.status != 403 or evidence.tried:
        return None
    proofs = tell_refusal(evidence)
    if not proofs and not call.reason:
        return None
    said = f": {call.reason}" if call.reason else ""
    return Finding("rejected_by_rule", f"a rule of the office forbids this call{said}", proofs,
                   "look at `extension N allow` and at the route's `allow`, if the call is to be permitted")


def explain_channels(evidence: Evidence) -> Finding | None:
    """Every line was taken."""
    call = evidence.call
    if not call.reason.startswith("no free channel") or call.answered_at:
        return None
    line = call.reason.rpartition(" ")[2]
    trunk = evidence.trunks.get(line)
    proofs = [Proof(call.ended_at, call.reason)]
    if trunk is not None:
        proofs.append(Proof(0.0, f"trunk {line} carries {trunk.channels_used} of {trunk.channels_limit} calls now"))
    return Finding("channels_full", f"every channel of trunk {line} was in use", tuple(proofs),
                   f"wait, raise `trunk {line} channels` if the carrier gives more, or add another trunk to the route")


def explain_cancelled(evidence: Evidence) -> Finding | None:
    """The caller hung up first."""
    call = evidence.call
    if call.answered_at or not (call.result == "cancelled" or call.status == 487):
        return None
    cancel = [one for one in evidence.with_caller if is_request(one, b"CANCEL") and not one.is_sent]
    rang = [leg for leg in evidence.tried if has_rung(evidence, leg)]
    waited_s = max(call.ended_at - call.started_at, 0.0)
    done = "while it rang" if rang else "before anything rang"
    return Finding("cancelled", f"the caller gave up {done}, after {waited_s:.0f} s", tell_all(cancel))


def has_rung(evidence: Evidence, leg: ObservedLeg) -> bool:
    """Whether its phone said that it rings."""
    return any(not one.is_sent and is_response(one, b"INVITE") and 180 <= one.message.status < 200
               for one in evidence.of_leg(leg))


def explain_no_answer(evidence: Evidence) -> Finding | None:
    """It rang, and nobody came."""
    call = evidence.call
    rang = [leg for leg in evidence.tried if has_rung(evidence, leg)]
    if call.answered_at or call.status not in (408, 480) or (not rang and call.reason != "no answer"):
        return None
    ringing = [one for leg in rang for one in evidence.of_leg(leg)
               if not one.is_sent and is_response(one, b"INVITE") and 180 <= one.message.status < 200]
    final = evidence.final_to_caller()
    proofs = tell_all(ringing[:1]) + tell_refusal(evidence) or (Proof(call.ended_at, f"noted: {call.reason}"),)
    waited_s = max((final.at if final is not None else call.ended_at) - call.started_at, 0.0)
    return Finding("no_answer", f"{call.callee} rang, and nobody answered for {waited_s:.0f} s", proofs)


def explain_ports(evidence: Evidence) -> Finding | None:
    """The relay had none left (call.media_pair says so)."""
    if NO_PORT not in evidence.call.reason:
        return None
    final = evidence.final_to_caller()
    return Finding("no_media_ports", "no port was left for the voice of this call",
                   (final.tell(),) if final is not None else (),
                   "look at `show calls`, and how many ports are configured: a voice call needs four")


def explain_overload(evidence: Evidence) -> Finding | None:
    """503 of ours with Retry-After (RFC 3261 21.5.4)."""
    final = evidence.final_to_caller()
    if final is None or final.message.status != 503 or evidence.tried or not final.message.header(b"Retry-After"):
        return None
    if evidence.call.reason:
        return Finding("overloaded", f"the call was turned away: {evidence.call.reason}", (final.tell(),),
                       "wait a moment; look at `show statistics`: who calls so often?")
    return Finding("overloaded", "the telephone system had more calls than it can carry and turned this one away",
                   (final.tell(),), "look at `show statistics`: who sends so many calls?")


def explain_codecs(evidence: Evidence) -> Finding | None:
    """488, 606 or 415: no common codec, or none that we carry; both sets are shown."""
    final = evidence.final_to_caller()
    if evidence.call.status not in (415, 488, 606) or evidence.call.answered_at:
        return None
    for leg in evidence.tried_with(415, 488, 606):
        seen = evidence.of_leg(leg)
        answers = [one for one in seen if not one.is_sent and one.message.status in (415, 488, 606)]
        offers = [one for one in seen if one.is_sent and is_request(one, b"INVITE") and one.message.body]
        if answers:
            theirs = list_codecs(answers[-1].message)
            return _tell_codecs(name_leg(leg), offers, answers[-1], theirs)
    if final is None or evidence.tried:
        return None
    offers = [one for one in evidence.with_caller
              if not one.is_sent and is_request(one, b"INVITE") and one.message.body]
    said = (final.message.header(b"Warning") or b"").decode("utf-8", "replace") or "no words"
    proofs = tuple([Proof(one.at, f"offered: {list_codecs(one.message) or 'no codec that we can read'}")
                    for one in offers[:1]])
    return Finding("no_common_codec", "the caller offered no codec that can be carried",
                   (*proofs, Proof(final.at, f"{final.message.status} sent: {said}")),
                   "allow the caller's phone one of PCMU, PCMA, G722")


def _tell_codecs(who: str, offers: list[Seen], answer: Seen, theirs: str) -> Finding:
    ours = list_codecs(offers[0].message) if offers else ""
    warning = (answer.message.header(b"Warning") or b"").decode("utf-8", "replace")
    proofs = [Proof(offers[0].at, f"offered to {who}: {ours or 'nothing'}")] if offers else []
    proofs.append(Proof(answer.at, f"{answer.message.status} from {who}: "
                                   + (f"it takes {theirs}" if theirs else warning or "it does not say what it takes")))
    sets = "; ".join(part for part in (ours, theirs and f"it takes {theirs}") if part)
    return Finding("no_common_codec", f"{who} takes none of the codecs offered" + (f" ({sets})" if sets else ""),
                   tuple(proofs), "set one codec that both have, PCMU or PCMA, in the phone")


def explain_refusing_carrier(evidence: Evidence) -> Finding | None:
    """Any other final response of a trunk: its status and its words."""
    if evidence.call.answered_at:
        return None
    for leg in reversed(evidence.tried):
        final = [one for one in evidence.of_leg(leg) if not one.is_sent and is_response(one, b"INVITE")
                 and one.message.status >= 300 and one.message.status not in (401, 407, 487)]
        if final:
            message = final[-1].message
            words = message.reason_phrase.decode("utf-8", "replace")
            who = "carrier" if leg.is_trunk else "phone"
            return Finding(f"{who}_refused", f"{name_leg(leg)} refused the call: {message.status} {words}",
                           tell_all(final))
    return None


NO_PORT = "no port for media"
