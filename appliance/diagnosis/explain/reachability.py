# SPDX-License-Identifier: Apache-2.0
"""Rules for calls that found no way: wrong credentials, a name that leads nowhere, silence, a phone that is not there.

Each is pure and says its cause only where the evidence names it.
"""

from appliance.diagnosis.explain.evidence import Evidence, Seen, is_request, is_response, tell_all
from appliance.diagnosis.explain.finding import Finding, Proof
from appliance.diagnosis.observed_call import ObservedLeg
from appliance.vocabulary.trunk_state import TrunkFault, TrunkState

TRUNK_REMEDIES = {
    TrunkFault.CREDENTIALS: "compare `trunk {0} username` and `trunk {0} secret` with what the carrier has given you",
    TrunkFault.UNREACHABLE: "look at the way to the outside, and at `trunk {0} registrar` or `peer`",
    TrunkFault.DNS: "look at `show dns`, and at the name in `trunk {0} registrar`",
    TrunkFault.REFUSED: "ask the carrier; `show trunks` has its words",
    TrunkFault.OVERLOADED: "wait; the carrier has asked for patience",
    TrunkFault.NOT_OPEN: "look at `show interfaces`: the interface of its listener has no address yet",
    TrunkFault.FULL: "wait, or raise `trunk {0} channels` if the carrier gives more",
}
TRUNK_CAUSES = {
    TrunkFault.CREDENTIALS: ("wrong_credentials", "the carrier of trunk {0} does not accept our user name or password"),
    TrunkFault.UNREACHABLE: ("trunk_unreachable", "trunk {0} cannot be reached"),
    TrunkFault.DNS: ("dns_failed", "the name of trunk {0}'s server leads nowhere"),
    TrunkFault.REFUSED: ("carrier_refused", "the carrier of trunk {0} refuses to register us"),
    TrunkFault.OVERLOADED: ("carrier_refused", "the carrier of trunk {0} is overloaded"),
    TrunkFault.NOT_OPEN: ("trunk_unreachable", "the listener of trunk {0} is not open yet"),
    TrunkFault.FULL: ("channels_full", "every channel of trunk {0} is in use"),
}


def explain_wrong_credentials(evidence: Evidence) -> Finding | None:
    """What carried our proof was asked for it again."""
    for leg in evidence.tried:
        seen = evidence.of_leg(leg)
        rejected = [one for one in seen if not one.is_sent and is_response(one, b"INVITE")
                    and is_rejected_proof(one, seen)]
        if rejected and (leg.status in (401, 407) or leg.status >= 400):
            cause, sentence = TRUNK_CAUSES[TrunkFault.CREDENTIALS]
            return Finding(cause, sentence.format(leg.line), tell_all(rejected),
                           TRUNK_REMEDIES[TrunkFault.CREDENTIALS].format(leg.line))
    return None


def is_rejected_proof(answer: Seen, seen: list[Seen]) -> bool:
    """Whether this 401 or 407 answers a request that had credentials, and not for the age of its nonce."""
    if answer.message.status not in (401, 407):
        return False
    name = b"WWW-Authenticate" if answer.message.status == 401 else b"Proxy-Authenticate"
    if b"stale=true" in b" ".join(answer.message.headers(name)).lower().replace(b" ", b"").replace(b'"', b""):
        return False
    return any(one.message.is_request and one.message.cseq == answer.message.cseq
               and one.message.method == answer.message.method and one.message.has_credentials for one in seen)


def explain_trunks_down(evidence: Evidence) -> Finding | None:
    """Nothing was tried, since no trunk of the route was up; what was wrong with each stands in the reason."""
    call = evidence.call
    if call.status != 503 or evidence.tried or not call.reason.startswith("trunk "):
        return None
    named = [trunk for trunk in evidence.trunks.values() if f"trunk {trunk.name}:" in call.reason]
    proofs = (Proof(call.ended_at or call.started_at, call.reason), *map(tell_trunk, named))
    for trunk in named:
        for fault, words in ((trunk.fault, trunk.reason), (trunk.last_fault, trunk.last_failure)):
            if words and words in call.reason and fault in TRUNK_CAUSES:
                cause, sentence = TRUNK_CAUSES[fault]
                return Finding(cause, f"no trunk was up: {sentence.format(trunk.name)}", proofs,
                               TRUNK_REMEDIES[fault].format(trunk.name))
    return Finding("trunk_unreachable", f"no trunk was up: {call.reason}", proofs, "look at `show trunks`")


def tell_trunk(trunk: TrunkState) -> Proof:
    """How it stands now: nobody knows any more how it stood."""
    return Proof(0.0, f"trunk {trunk.name} is {trunk.state} now" + (f": {trunk.reason}" if trunk.reason else ""))


def explain_unreachable_trunk(evidence: Evidence) -> Finding | None:
    """An INVITE went to a trunk, and nothing at all came back."""
    for leg in evidence.tried:
        if not leg.is_trunk or leg.answered_at or not is_silent(evidence, leg) or evidence.call.status == 487:
            continue
        trunk = evidence.trunks.get(leg.line)
        sent = [one for one in evidence.of_leg(leg) if is_request(one, b"INVITE")]
        proofs = tell_all(sent) + ((tell_trunk(trunk),) if trunk is not None else ())
        if not sent and trunk is not None and trunk.fault is TrunkFault.DNS:
            cause, sentence = TRUNK_CAUSES[TrunkFault.DNS]
            return Finding(cause, sentence.format(leg.line), proofs, TRUNK_REMEDIES[TrunkFault.DNS].format(leg.line))
        if (sent and len(evidence.tried) == 1) or leg.status in (0, 408, 503):
            return Finding("trunk_unreachable", f"trunk {leg.line} did not answer at all", proofs,
                           TRUNK_REMEDIES[TrunkFault.UNREACHABLE].format(leg.line))
    return None


def is_silent(evidence: Evidence, leg: ObservedLeg) -> bool:
    """Whether the trace holds what we sent there, and nothing that came back; without a trace, by the final status that
    we made up ourselves (RFC 3261 8.1.3.1: 408 for silence, 503 for no transport)."""
    seen = evidence.of_leg(leg)
    if seen:
        return not any(not one.is_sent for one in seen)
    return leg.reason in ("lost", "silent") and leg.status in (0, 408, 503)


def explain_dns(evidence: Evidence) -> Finding | None:
    """We said why nobody could be asked (RFC 3261 20.43), or have noted it: of another domain, or of where a phone of
    ours wants to be reached."""
    call, final = evidence.call, evidence.final_to_caller()
    warning = (final.message.header(b"Warning") or b"").decode("utf-8", "replace") if final is not None else ""
    noted = "" if evidence.tried else call.reason
    said = next((text for text in (warning.partition('"')[2].rstrip('"'), noted)
                 if any(words in text for words in DNS_WARNINGS)), "")
    if not said:
        return None
    proofs = () if final is None else (final.tell(),)
    where, remedy = "what was dialled", "look at `show dns`, and at the address dialled"
    if "@" not in call.callee and call.status == 480:
        where = f"the phone of {call.callee}"
        remedy = "look at `show dns`, and at the Contact or Path in `show registrations`"
    return Finding("dns_failed", f"no server was found for {where}: {said}",
                   (*proofs, Proof(call.ended_at if final is None else final.at, f"Warning: {said}")), remedy)


DNS_WARNINGS = ("no such domain", "no name server answers")
"""What proxy and call engine say of a name that leads nowhere (sip.locating.search.WARNINGS)."""


def explain_silent_phone(evidence: Evidence) -> Finding | None:
    """A phone that is registered and does not answer on the network."""
    for leg in evidence.tried:
        seen = evidence.of_leg(leg)
        sent = [one for one in seen if one.is_sent and is_request(one, b"INVITE")]
        if leg.is_trunk or leg.answered_at or len(sent) < 2 or any(not one.is_sent for one in seen) \
                or evidence.call.status not in (408, 480):
            continue
        return Finding("phone_unreachable", f"the phone of {leg.number} at {sent[0].peer} does not answer",
                       tell_all(sent), "look whether it has power and network; it counts as registered for a while")
    return None


def explain_not_registered(evidence: Evidence) -> Finding | None:
    """480 from us without a leg: there was no phone to ring."""
    call = evidence.call
    final = evidence.final_to_caller()
    if call.status != 480 or evidence.tried or (call.reason and "registered" not in call.reason):
        return None
    proofs = (final.tell(),) if final is not None else (Proof(call.ended_at, "480 without any phone tried"),)
    refused = find_refused_registration(evidence)
    if refused:
        return Finding("wrong_credentials", f"no phone of {call.callee} is registered: wrong user name or password",
                       proofs + tell_all(refused), f"compare the phone's password with `extension {call.callee}`'s")
    return Finding("not_registered", f"no phone of {call.callee} is registered", proofs,
                   f"look at `show registrations`, and at the phone of {call.callee}: server, user name, password")


def find_refused_registration(evidence: Evidence) -> list[Seen]:
    """Refusals of a phone's proof, where no registration of it has succeeded since."""
    refused: list[Seen] = []
    for one in evidence.registrations:
        if one.at > (evidence.call.ended_at or one.at):
            break
        if one.is_sent and is_response(one, b"REGISTER"):
            if 200 <= one.message.status < 300:
                refused = []
            elif one.message.status == 403 or is_rejected_proof(one, evidence.registrations):
                refused.append(one)
    return refused
