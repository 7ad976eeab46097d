# SPDX-License-Identifier: Apache-2.0
"""`commit` in its forms: check, for good, on trial, and the word that keeps what is on trial."""

from appliance.console.configure.candidate import Ask, Candidate
from appliance.console.configure.findings import has_errors, render_check, render_commit, render_findings
from appliance.console.configure.trial import describe_moment, find_trial
from appliance.console.configure.verbs import CommitOrder
from appliance.console.messages.catalog import say
from appliance.console.output import Output
from appliance.errors import OperatorError

DONE, WRONG = 0, 2


def carry_out_commit(candidate: Candidate, order: CommitOrder, ask: Ask, output: Output) -> int:
    """The exit code; what came of it is printed. Raises as the service answers."""
    if order.is_check:
        checked = candidate.check()
        output.write_prose(render_check(checked).rstrip("\n"))
        return WRONG if has_errors(checked.get("findings", [])) else DONE
    has_changes = bool(candidate.compare())
    if not has_changes and not order.confirmed_minutes:
        if find_trial(ask(["status"])) is not None:
            return confirm_trial(ask, output)
        output.write_prose(say("nothing has changed: nothing to commit"))
        return DONE
    try:
        committed = candidate.commit(order.comment, order.confirmed_minutes)
    except OperatorError as error:
        raise OperatorError(error.path, error.said, error.allowed,
                            say("commit failed: everything is as it was")) from error
    findings = committed.get("findings", [])
    if has_errors(findings) or not committed.get("revision"):
        output.write_error(render_findings(findings) + say("commit failed: everything is as it was"))
        return WRONG
    output.write_prose(render_commit(committed).rstrip("\n"))
    if order.confirmed_minutes:
        output.write_prose(say("it is taken back at {moment} unless `confirm` or `commit` is typed before",
                               moment=describe_moment(committed.get("confirm_by", ""))))
    return DONE


def confirm_trial(ask: Ask, output: Output) -> int:
    """Keep what is on trial. Raises OperatorError where nothing is."""
    ask(["confirm"])
    output.write_prose(say("confirmed: it stays"))
    return DONE
