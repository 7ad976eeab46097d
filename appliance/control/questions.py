# SPDX-License-Identifier: Apache-2.0
"""The words of a request to the question they mean. Words come whole: abbreviations are the console's business."""

from collections.abc import Callable, Iterable
from itertools import chain, islice

from appliance.control.observed import Observed, RecordQuestion
from appliance.errors import OperatorError
from appliance.version import VERSION

RECORDS_SHOWN = 20
RECORDS_LIMIT = 10_000
"""In one answer; who wants more asks again with `after`."""

Result = object
"""What JSON can hold; an iterator is a list that is written in pieces."""


def answer_question(words: list[str], observed: Observed, now: float) -> Result:
    """The result of `show …` or `explain call N`. Raises OperatorError for words that mean nothing here."""
    if words[:2] == ["explain", "call"]:
        return _explain_call(words[2:], observed, now)
    if not words or words[0] != "show":
        raise OperatorError("command", " ".join(words), f"show {' | '.join(sorted(_SUBJECTS))}; explain call N")
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
    number = _read_number("show call", rest[:1])
    is_ladder = rest[1:2] == ["ladder"]
    _refuse_rest("show call N [ladder]", rest[2:] if is_ladder else rest[1:])
    return _require_call("show call", number, observed.ladder(number) if is_ladder else observed.call(number, now))


def _explain_call(rest: list[str], observed: Observed, now: float) -> Result:
    number = _read_number("explain call", rest[:1])
    _refuse_rest("explain call N", rest[1:])
    return _require_call("explain call", number, observed.explain_call(number, now))


def _read_number(command: str, words: list[str]) -> int:
    digits = words[0] if words else ""
    if not is_number(digits):
        raise OperatorError(command, digits, "a call's number, as `show calls all` lists it")
    return int(digits)


def _require_call(command: str, number: int, result: Result) -> Result:
    if result is None:
        allowed = "what `show calls all` or `show records` lists"
        raise OperatorError(command, f"{number} is no call that is known", allowed)
    return result


def _answer_records(rest: list[str], observed: Observed, now: float) -> Iterable[object]:
    """show records [N] [after N] [number X] [since T]"""
    question = RecordQuestion(RECORDS_SHOWN)
    words = list(rest)
    if words and is_number(words[0]):
        question = question._replace(limit=min(int(words.pop(0)), RECORDS_LIMIT))
    while words:
        name = words.pop(0)
        value = words.pop(0) if words else ""
        if name == "after" and is_number(value):
            question = question._replace(after=int(value))
        elif name == "number" and value:
            question = question._replace(party=value)
        elif name == "since" and value:
            question = question._replace(since=value)
        else:
            raise OperatorError("show records", f"{name} {value}".strip(),
                                "[how many] [after N] [number X] [since T]")
    rows = iter(observed.records(question, now))
    first = list(islice(rows, 1))       # what is wrong with the question is said instead of an answer
    return chain(first, rows)


def _answer_trunks(rest: list[str], observed: Observed, now: float) -> Iterable[object]:
    _refuse_rest("show trunks", rest)
    return iter(observed.trunks(now))


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


def is_number(word: str) -> bool:
    """Whether this may be the number of something."""
    return word.isascii() and word.isdigit() and len(word) < 10


def _refuse_rest(command: str, rest: list[str]) -> None:
    if rest:
        raise OperatorError(command, " ".join(rest), "nothing more")


_SUBJECTS: dict[str, Callable[[list[str], Observed, float], Result]] = {
    "alarms": _answer_alarms,
    "call": _answer_call,
    "calls": _answer_calls,
    "messages": _answer_messages,
    "presence": _answer_presence,
    "records": _answer_records,
    "registrations": _answer_registrations,
    "statistics": _answer_statistics,
    "subscriptions": _answer_subscriptions,
    "dns": _answer_dns,
    "tls": _answer_tls,
    "trunks": _answer_trunks,
    "version": _answer_version,
}
