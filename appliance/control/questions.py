# SPDX-License-Identifier: Apache-2.0
"""The words of a request to the question they mean. Words come whole: abbreviations are the console's business."""

from collections.abc import Callable, Iterable

from appliance.control.observed import Observed
from appliance.errors import OperatorError
from appliance.version import VERSION

Result = object
"""What JSON can hold; an iterator is a list that is written in pieces."""


def answer_question(words: list[str], observed: Observed, now: float) -> Result:
    """The result of `show …`. Raises OperatorError for words that mean nothing here."""
    if not words or words[0] != "show":
        raise OperatorError("command", " ".join(words), "show " + " | ".join(sorted(_SUBJECTS)))
    subject = words[1] if len(words) > 1 else ""
    answer = _SUBJECTS.get(subject)
    if answer is None:
        raise OperatorError("show", subject, "show " + " | ".join(sorted(_SUBJECTS)))
    return answer(words[2:], observed, now)


def _answer_registrations(rest: list[str], observed: Observed, now: float) -> Iterable[object]:
    _refuse_rest("show registrations", rest)
    return iter(observed.registrations(now))


def _answer_calls(rest: list[str], observed: Observed, now: float) -> Iterable[object]:
    is_ended_included = rest[:1] == ["all"]
    _refuse_rest("show calls [all]", rest[1:] if is_ended_included else rest)
    return iter(observed.calls(now, is_ended_included))


def _answer_call(rest: list[str], observed: Observed, now: float) -> Result:
    digits = rest[0] if rest else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise OperatorError("show call", digits, "a call's number, as `show calls all` lists it")
    is_ladder = rest[1:2] == ["ladder"]
    _refuse_rest("show call N [ladder]", rest[2:] if is_ladder else rest[1:])
    result = observed.ladder(int(digits)) if is_ladder else observed.call(int(digits), now)
    if result is None:
        raise OperatorError("show call", digits, "no such call: `show calls all` lists what is known")
    return result


def _answer_trunks(rest: list[str], observed: Observed, now: float) -> Iterable[object]:
    _refuse_rest("show trunks", rest)
    return iter(())     # the gateway, which has them, is not built yet


def _answer_messages(rest: list[str], observed: Observed, now: float) -> Iterable[object]:
    _refuse_rest("show messages", rest)
    return iter(observed.messages(now))


def _answer_subscriptions(rest: list[str], observed: Observed, now: float) -> Iterable[object]:
    _refuse_rest("show subscriptions", rest)
    return iter(observed.subscriptions(now))


def _answer_presence(rest: list[str], observed: Observed, now: float) -> Iterable[object]:
    _refuse_rest("show presence", rest)
    return iter(observed.presence(now))


def _answer_statistics(rest: list[str], observed: Observed, now: float) -> Result:
    _refuse_rest("show statistics", rest)
    return observed.statistics(now)


def _answer_dns(rest: list[str], observed: Observed, now: float) -> Result:
    _refuse_rest("show dns", rest)
    return observed.dns(now)


def _answer_tls(rest: list[str], observed: Observed, now: float) -> Result:
    _refuse_rest("show tls", rest)
    return observed.tls(now)


def _answer_alarms(rest: list[str], observed: Observed, now: float) -> Iterable[object]:
    _refuse_rest("show alarms", rest)
    return iter(observed.alarms(now))


def _answer_version(rest: list[str], observed: Observed, now: float) -> Result:
    _refuse_rest("show version", rest)
    return {"version": VERSION}


def _refuse_rest(command: str, rest: list[str]) -> None:
    if rest:
        raise OperatorError(command, " ".join(rest), "nothing more")


_SUBJECTS: dict[str, Callable[[list[str], Observed, float], Result]] = {
    "alarms": _answer_alarms,
    "call": _answer_call,
    "calls": _answer_calls,
    "messages": _answer_messages,
    "presence": _answer_presence,
    "registrations": _answer_registrations,
    "statistics": _answer_statistics,
    "subscriptions": _answer_subscriptions,
    "dns": _answer_dns,
    "tls": _answer_tls,
    "trunks": _answer_trunks,
    "version": _answer_version,
}
