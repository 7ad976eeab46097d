# SPDX-License-Identifier: Apache-2.0
"""`setup`: the wizard. Nothing is changed before the last question; ctrl-C leaves everything as it is."""

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.servers import CONFIGURATION

if TYPE_CHECKING:
    from appliance.console.configure.candidate import Candidate
    from appliance.console.session import Session
    from appliance.console.setup.plan import Card

DONE, WRONG = 0, 2
TRIAL_MINUTES = 10
LEASE_LIMIT_S, LOOK_AGAIN_S = 10.0, 0.5
"""How long the cards wait for the address that another router gives us."""


def act(session: "Session", _words: list[str]) -> int:
    """Asks, shows what would change, commits on trial, asks whether all is well. Raises OperatorError where nobody is
    there to answer."""
    from appliance.console.configure.candidate import Candidate
    from appliance.console.operate.configure import name_user
    candidate = Candidate(lambda words: session.servers.ask(CONFIGURATION, words), name_user())
    try:
        return _run_wizard(session, candidate)
    except (KeyboardInterrupt, EOFError):
        session.output.write_prose("\n" + say("Nothing was changed."))
        return DONE
    finally:
        session.servers.hang_up(CONFIGURATION)      # and the candidate with it


def _run_wizard(session: "Session", candidate: "Candidate") -> int:
    from appliance.config.first_start import make_secret
    from appliance.console.configure.findings import has_errors, render_findings
    from appliance.console.configure.paths import read_lines
    from appliance.console.setup.cards import render_cards
    from appliance.console.setup.dialogue import Dialogue
    from appliance.console.setup.plan import find_value, plan_setup
    said = read_lines(candidate.show([]))
    dialogue = Dialogue(session.interaction, session.output)
    session.output.write_prose(
        say("A few questions; enter takes what stands in [brackets], ctrl-C leaves all as it is."))
    answers = dialogue.ask_all(said, find_value(["system", "language"], said) or "en")
    plan = plan_setup(answers, said, lambda: make_secret(os.urandom))
    findings = candidate.edit(plan.lines)
    if has_errors(findings):
        session.output.write_error(render_findings(findings, has_lines=True).rstrip("\n"))
        return WRONG
    session.output.write_prose(say("This would change:"))
    session.output.write_lines([f"  {line}\n" for line in candidate.compare()])
    checked = candidate.check()
    if checked.get("findings"):
        session.output.write_prose(render_findings(checked["findings"]).rstrip("\n"))
    if has_errors(checked.get("findings", [])):
        session.output.write_prose(say("Nothing was changed."))
        return WRONG
    if not dialogue.ask_yes(say("Make it run"), is_proposed=True):
        session.output.write_prose(say("Nothing was changed."))
        return DONE
    code = _commit(session, candidate)
    if code == DONE:
        cards = render_cards(complete_cards(session, plan.cards))
        session.output.write_lines(cards.splitlines(keepends=True), is_whole=True)
    return code


def complete_cards(session: "Session", cards: "Sequence[Card]") -> "list[Card]":
    """With our address on the LAN where only its router knows it: a telephone there cannot look up our domain."""
    missing = [card for card in cards if not card.server]
    address = _find_lan_address(session) if missing else ""
    return [card if card.server else card._replace(server=address or say("see `show interfaces`")) for card in cards]


def _find_lan_address(session: "Session") -> str:
    from appliance.console.servers import NETWORK
    deadline = time.monotonic() + LEASE_LIMIT_S
    while True:
        sides = session.servers.look(NETWORK, ["addresses"])
        lan = sides.get("lan") if isinstance(sides, dict) else None
        if isinstance(lan, dict) and lan.get("address"):
            return str(lan["address"])
        if sides is None or time.monotonic() > deadline:
            return ""
        time.sleep(LOOK_AGAIN_S)


def _commit(session: "Session", candidate: "Candidate") -> int:
    """On trial first: whoever has cut off himself gets everything back by itself."""
    from appliance.console.configure.committing import carry_out_commit, confirm_trial
    from appliance.console.configure.verbs import CommitOrder
    from appliance.console.setup.dialogue import Dialogue

    def ask(words: Sequence[object]) -> object:
        return session.servers.ask(CONFIGURATION, words)
    order = CommitOrder(confirmed_minutes=TRIAL_MINUTES, comment="setup")
    code = carry_out_commit(candidate, order, ask, session.output)
    if code != DONE:
        return code
    try:
        is_kept = Dialogue(session.interaction, session.output).ask_yes(say("Keep it"), is_proposed=True)
    except (KeyboardInterrupt, EOFError):
        is_kept = False
    if is_kept:
        return confirm_trial(ask, session.output)
    session.output.write_prose(say("It is taken back by itself; `confirm` keeps it."))
    return DONE
