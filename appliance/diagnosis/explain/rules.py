# SPDX-License-Identifier: Apache-2.0
"""Which rules are asked in which order. The first that has its evidence explains the call; where none has, the answer
is "not known" with what is known: an explanation that is wrong costs more than none.
"""

from collections.abc import Callable
from typing import Final

from appliance.diagnosis.explain.endings import (
    explain_emergency,
    explain_lost_network,
    explain_missing_ack,
    explain_session_timer,
    explain_stop,
)
from appliance.diagnosis.explain.evidence import Evidence
from appliance.diagnosis.explain.finding import Explained, Finding, Proof
from appliance.diagnosis.explain.reachability import (
    explain_dns,
    explain_not_registered,
    explain_silent_phone,
    explain_trunks_down,
    explain_unreachable_trunk,
    explain_wrong_credentials,
)
from appliance.diagnosis.explain.refusals import (
    explain_busy,
    explain_cancelled,
    explain_channels,
    explain_codecs,
    explain_declined,
    explain_no_answer,
    explain_overload,
    explain_ports,
    explain_refusing_carrier,
    explain_rule,
    explain_unknown_number,
    name_leg,
)
from appliance.diagnosis.explain.sound import explain_bad_line, explain_no_audio, explain_one_way

Rule = Callable[[Evidence], Finding | None]

ENDINGS: Final[tuple[Rule, ...]] = (
    explain_emergency, explain_stop, explain_missing_ack, explain_session_timer, explain_lost_network)
"""Of calls that were answered."""
SOUND: Final[tuple[Rule, ...]] = (explain_one_way, explain_no_audio, explain_bad_line)
FAILURES: Final[tuple[Rule, ...]] = (
    explain_emergency, explain_stop, explain_cancelled, explain_ports, explain_channels, explain_wrong_credentials,
    explain_trunks_down, explain_codecs, explain_busy, explain_declined, explain_dns, explain_unreachable_trunk,
    explain_rule, explain_not_registered, explain_overload, explain_silent_phone, explain_no_answer,
    explain_unknown_number, explain_refusing_carrier)
"""Of calls that nobody answered, what is most particular first."""


def explain_call(evidence: Evidence) -> Explained:
    """Why the call went as it did."""
    call = evidence.call
    if call.answered_at:
        found = [one for one in (_ask(ENDINGS, evidence), _ask(SOUND, evidence)) if one is not None]
        if found:
            return Explained(call.number, found[0], tuple(found[1:]))
        return Explained(call.number, describe_good_call(evidence))
    if call.state != "ended":
        return Explained(call.number, Finding("in_progress", f"the call is {call.state}; nothing has gone wrong yet"))
    return Explained(call.number, _ask(FAILURES, evidence) or describe_unknown(evidence))


def _ask(rules: tuple[Rule, ...], evidence: Evidence) -> Finding | None:
    for rule in rules:
        finding = rule(evidence)
        if finding is not None:
            return finding
    return None


def describe_good_call(evidence: Evidence) -> Finding:
    """Nothing wrong."""
    call = evidence.call
    proofs = [Proof(call.started_at, f"{call.caller or 'somebody'} called {call.callee}"),
              Proof(call.answered_at, "answered")]
    if call.ended_at:
        proofs.append(Proof(call.ended_at, f"ended by the {call.ended_by}" if call.ended_by else "ended"))
    proofs += [Proof(0.0, f"{leg.packets_received} packets came from {name_leg(leg)}")
               for leg in call.legs if leg.packets_received or (call.is_relayed and leg.answered_at)]
    state = "nothing wrong" if call.ended_at else "nothing wrong so far: the call goes on"
    return Finding("good", state, tuple(proofs))


def describe_unknown(evidence: Evidence) -> Finding:
    """What is known, and no more than that."""
    call = evidence.call
    told = f"the caller was told {call.status}" if call.status else "no final response is known"
    proofs = [Proof(call.ended_at, told)]
    if call.reason:
        proofs.append(Proof(call.ended_at, f"noted: {call.reason}"))
    proofs += [Proof(leg.ended_at, f"{name_leg(leg)}: {leg.state} {leg.status or ''}".rstrip())
               for leg in evidence.tried]
    if not evidence.messages:
        proofs.append(Proof(0.0, "the trace no longer holds its messages"))
    return Finding("not_known", "not known: what is left of the call does not say why it failed", tuple(proofs),
                   f"look at `show call {call.number} ladder` soon after such a call")
