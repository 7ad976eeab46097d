# SPDX-License-Identifier: Apache-2.0
"""Rules for what was heard: silence from one side and why, none at all, and a bad line."""

from appliance.diagnosis.explain.evidence import Evidence
from appliance.diagnosis.explain.finding import Finding, Proof
from appliance.diagnosis.explain.refusals import name_leg
from appliance.diagnosis.explain.sessions import Voice, read_voice
from appliance.diagnosis.observed_call import ObservedLeg

TALK_S = 3.0            # a shorter call proves nothing; who hears nobody says hello twice and hangs up
ENOUGH_PACKETS = 50     # a second of speech
FEW_SHARE = 0.05        # of what the other side has sent in the same time
BAD_OPINION = 3.1       # below it, many listeners are dissatisfied (G.107 Annex B, R 60)


def explain_one_way(evidence: Evidence) -> Finding | None:
    """One leg was heard and the other was not: which, and why."""
    call = evidence.call
    talked = [leg for leg in call.legs if leg.answered_at]
    if not call.is_relayed or len(talked) != 2 or (call.ended_at and call.ended_at - call.answered_at < TALK_S):
        return None
    for mute, heard in (talked, talked[::-1]):
        if heard.packets_received < ENOUGH_PACKETS or mute.packets_received > heard.packets_received * FEW_SHARE:
            continue
        voice = find_voice(evidence, mute)
        reason, remedy = decide_silence(mute, voice)
        proofs = [Proof(0.0, f"{heard.packets_received} packets came from {name_leg(heard)}, "
                             f"{mute.packets_received} from {name_leg(mute)}")]
        if voice is not None:
            proofs.append(Proof(0.0, f"{name_leg(mute)} announced {voice.address} with {voice.codecs or 'no codec'}"))
        return Finding("one_way_audio", f"nothing was heard from {name_leg(mute)}: {reason}", tuple(proofs), remedy)
    return None


def decide_silence(leg: ObservedLeg, voice: Voice | None) -> tuple[str, str]:
    """Why nothing was heard of a leg, and what to do."""
    figures = leg.figures
    if voice is not None and voice.port == 0:
        return "it refused the sound (port 0)", "look at its codecs"
    if voice is not None and voice.is_held:
        return "it had put the call on hold", ""
    if figures is not None and figures.foreign and figures.stranger is not None:
        host, port = figures.stranger
        return (f"its packets came from {host}:{port}, not from the address that it announced",
                "let the phone announce its real address, or mark it as being behind a NAT")
    if figures is not None and figures.unmapped > figures.packets / 2:
        return "it sent a codec that was not agreed", "look at its codecs, or replace its firmware"
    if figures is not None and figures.malformed > figures.packets:
        return "what it sent is no RTP", "look whether it encrypts (SRTP) without saying so"
    if leg.packets_received == 0:
        return ("no packet came from it at all",
                "look for a firewall or a NAT between it and us; a phone that is mute on purpose still sends")
    return "only few packets came from it", "look at its network"


def find_voice(evidence: Evidence, leg: ObservedLeg) -> Voice | None:
    """What this leg said last of its sound."""
    voices = [read_voice(one.message) for one in evidence.of_leg(leg) if not one.is_sent]
    return next((voice for voice in reversed(voices) if voice is not None), None)


def explain_no_audio(evidence: Evidence) -> Finding | None:
    """Neither side was heard."""
    call = evidence.call
    talked = [leg for leg in call.legs if leg.answered_at]
    if not call.is_relayed or len(talked) != 2 or not call.ended_at or call.ended_at - call.answered_at < TALK_S \
            or any(leg.packets_received or leg.packets_sent for leg in talked):
        return None
    proofs, remedies = [], []
    for leg in talked:
        reason, remedy = decide_silence(leg, find_voice(evidence, leg))
        proofs.append(Proof(0.0, f"{name_leg(leg)}: {reason}"))
        if has_tried(leg) and remedy not in remedies:
            remedies.append(remedy)
    remedy = "; ".join(remedies) or (
        "look for a firewall that lets signalling through and media not: `media ports` has the range")
    return Finding("no_audio", "nothing was heard from either side", tuple(proofs), remedy)


def has_tried(leg: ObservedLeg) -> bool:
    """Whether something came from it that could not be passed on: then no firewall stands between it and us."""
    figures = leg.figures
    return figures is not None and bool(figures.foreign or figures.unmapped or figures.malformed)


def explain_bad_line(evidence: Evidence) -> Finding | None:
    """Sound that many would complain about."""
    bad = [leg for leg in evidence.call.legs if 0.0 < leg.opinion < BAD_OPINION]
    if not bad:
        return None
    leg = min(bad, key=lambda one: one.opinion)
    expected = leg.packets_received + max(leg.lost, 0)
    loss = 100.0 * max(leg.lost, 0) / expected if expected else 0.0
    return Finding("bad_line", f"what came from {name_leg(leg)} sounded badly",
                   (Proof(0.0, f"{loss:.1f} % of its packets were lost, jitter {leg.jitter_ms:.0f} ms, estimate "
                               f"{leg.opinion:.1f} of 4.5"),), "look at the network towards it")
