# SPDX-License-Identifier: Apache-2.0
"""What holds for every message that a user agent sends, whether or not a transcript says so.

RFC 3261 8.1.1, 8.2.6.2, 9.1, 12.2.1.1, 13.2.2.4, 17.1.1.3.
"""

from collections.abc import Iterable

from tests.transcripts.letter import Letter
from tests.transcripts.pattern import MismatchError
from tests.transcripts.phone import Phone

NEEDED = ("Via", "From", "To", "Call-ID", "CSeq", "Content-Length")


def check_agent_laws(letter: Letter, receiver: Phone, phones: Iterable[Phone], hops: str = "70",
                     may_fork: bool = False) -> None:
    """Compare a message of the agent with what it answers or goes with. Raises MismatchError. hops: Max-Forwards of a
    request; may_fork: an INVITE may be answered under several To tags."""
    for name in NEEDED:
        if len(letter.lines(name)) != 1:
            raise MismatchError(f"{letter.start}: {len(letter.lines(name))} lines of {name}")
    if bool(letter.body) != (letter.first("Content-Length") != "0") or bool(letter.body) != bool(
            letter.first("Content-Type")):
        raise MismatchError(f"{letter.start}: body, Content-Length and Content-Type do not fit")
    if letter.is_request:
        _check_request(letter, receiver, hops)
    else:
        _check_response(letter, receiver, may_fork)


def _check_request(letter: Letter, receiver: Phone, hops: str) -> None:
    if letter.first("Max-Forwards") != hops or ";branch=z9hG4bK" not in letter.first("Via"):
        raise MismatchError(f"{letter.start}: Max-Forwards {letter.first('Max-Forwards')}, Via {letter.first('Via')}")
    if letter.first("CSeq").split()[1] != letter.method or ";tag=" not in letter.first("From"):
        raise MismatchError(f"{letter.start}: CSeq {letter.first('CSeq')}, From {letter.first('From')}")
    before = [known for known in receiver.received if known.is_request
              and known.first("Call-ID") == letter.first("Call-ID")]
    branches = {known.first("Via") for known in before}
    if letter.method in ("ACK", "CANCEL"):
        invites = [known for known in before if known.method == "INVITE" and known.cseq == letter.cseq]
        if not invites or invites[-1].first("From") != letter.first("From"):
            raise MismatchError(f"{letter.start}: no INVITE with this CSeq and From")
        is_own_transaction = letter.method == "ACK" and _final_status(letter, receiver) < 300
        if is_own_transaction == (letter.first("Via") in branches):
            raise MismatchError(f"{letter.start}: Via {letter.first('Via')} (13.2.2.4, 17.1.1.3, 9.1)")
        return
    ours = {known.first("From") if known.is_request else known.first("To") for known in receiver.received
            if known.first("Call-ID") == letter.first("Call-ID")}
    if ";tag=" in letter.first("To") and letter.first("From") not in ours:      # 12.2.1.1
        raise MismatchError(f"{letter.start}: From {letter.first('From')} is not that of a dialog with {receiver.name}")
    if letter.first("Via") in branches:
        raise MismatchError(f"{letter.start}: the branch of another request")
    if any(known.cseq >= letter.cseq for known in before):
        raise MismatchError(f"{letter.start}: CSeq {letter.cseq} does not count on")


def _final_status(letter: Letter, receiver: Phone) -> int:
    return next((known.status for known in reversed(receiver.sent) if not known.is_request and known.status >= 200
                 and known.first("CSeq") == f"{letter.cseq} INVITE"), 0)


def _check_response(letter: Letter, receiver: Phone, may_fork: bool) -> None:
    request = next((known for known in reversed(receiver.sent) if known.is_request
                    and all(known.first(name) == letter.first(name) for name in ("Call-ID", "CSeq", "From"))), None)
    if request is None:
        raise MismatchError(f"{letter.start}: {receiver.name} has asked nothing")
    if letter.first("Via").partition(";received")[0] != request.first("Via"):
        raise MismatchError(f"{letter.start}: Via {letter.first('Via')} instead of {request.first('Via')}")
    if letter.first("To").partition(";tag=")[0] != request.first("To").partition(";tag=")[0]:
        raise MismatchError(f"{letter.start}: To {letter.first('To')} for {request.first('To')}")
    if (";tag=" in letter.first("To")) != (letter.status > 100 or ";tag=" in request.first("To")):
        raise MismatchError(f"{letter.start}: To {letter.first('To')}")
    tags = {known.first("To") for known in receiver.received if not known.is_request and known.status > 100
            and known.first("Call-ID") == letter.first("Call-ID") and known.first("From") == letter.first("From")}
    if letter.status > 100 and tags - {letter.first("To")} and not may_fork:
        raise MismatchError(f"{letter.start}: another To tag than before")
