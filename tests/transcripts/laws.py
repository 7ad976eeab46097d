# SPDX-License-Identifier: Apache-2.0
"""What holds for every message that a proxy sends, whether or not a transcript says so.

RFC 3261 8.2.6.2, 9.1, 16.6, 16.7, 17.1.1.3.
"""

from collections.abc import Iterable

from tests.transcripts.letter import Letter
from tests.transcripts.pattern import MismatchError, split_commas
from tests.transcripts.phone import Phone

CHANGED_ON_THE_WAY = frozenset({"via", "route", "record-route", "max-forwards", "max-breadth", "proxy-authorization",
                                "content-length"})
OF_ITS_OWN = frozenset({"MESSAGE"})
"""Methods of requests that the server makes itself."""


def check_laws(letter: Letter, receiver: Phone, phones: Iterable[Phone]) -> None:
    """Compare a message of the server with what it answers or forwards. Raises MismatchError."""
    others = [sent for phone in phones for sent in phone.sent]
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        if not letter.lines(name):
            raise MismatchError(f"{letter.start}: {name} is missing")
    if letter.is_request:
        _check_request(letter, receiver, others)
    else:
        _check_response(letter, receiver, others)


def _check_request(letter: Letter, receiver: Phone, sent: list[Letter]) -> None:
    invite = next((known for known in reversed(receiver.received)
                   if known.is_request and known.method == "INVITE" and known.cseq == letter.cseq
                   and known.first("Call-ID") == letter.first("Call-ID")), None)
    is_hop_by_hop = letter.method == "CANCEL" or (letter.method == "ACK" and invite is not None
                                                  and _branch(invite) == _branch(letter))
    if is_hop_by_hop:
        _check_same_hop(letter, invite, receiver)
        return
    for origin in reversed(sent):
        if origin.is_request and _is_same(("Call-ID", "CSeq", "From"), origin, letter):
            _check_copy(letter, origin)
            return
    if letter.method == "NOTIFY":
        _check_notify(letter, receiver)
        return
    if letter.method in OF_ITS_OWN:
        _check_own_request(letter, others=[known.first("Call-ID") for known in sent])
        return
    raise MismatchError(f"{letter.start}: nobody has sent such a request to the server")


def _check_notify(letter: Letter, receiver: Phone) -> None:
    """RFC 6665 4.2.2, RFC 3261 12.2.1.1: in the dialog of a SUBSCRIBE of its receiver, in order."""
    call_id = letter.first("Call-ID")
    subscribe = next((known for known in receiver.sent if known.is_request and known.method == "SUBSCRIBE"
                      and known.first("Call-ID") == call_id), None)
    if subscribe is None:
        raise MismatchError(f"{letter.start}: {receiver.name} has not subscribed in this dialog")
    if len(_values(letter, "Via")) != 1 or letter.first("Max-Forwards") != "70":
        raise MismatchError(f"{letter.start}: not a request of its own: {letter.lines('Via')}")
    if letter.first("To") != subscribe.first("From"):
        raise MismatchError(f"{letter.start}: To {letter.first('To')!r} for {subscribe.first('From')!r}")
    if letter.first("From").partition(";tag=")[0] != subscribe.first("To").partition(";tag=")[0]:
        raise MismatchError(f"{letter.start}: From {letter.first('From')!r} for {subscribe.first('To')!r}")
    earlier = [known.cseq for known in receiver.received if known.method == "NOTIFY" and known.is_request
               and known.first("Call-ID") == call_id]
    if letter.cseq <= max(earlier, default=0):
        raise MismatchError(f"{letter.start}: CSeq {letter.cseq} after {earlier}")
    for name in ("Event", "Subscription-State", "Contact"):
        if len(letter.lines(name)) != 1:
            raise MismatchError(f"{letter.start}: {name} {letter.lines(name)}")


def _check_own_request(letter: Letter, others: list[str | None]) -> None:
    """8.1.1: the server as user agent client, outside any dialog of somebody else."""
    if len(_values(letter, "Via")) != 1 or letter.first("Max-Forwards") != "70":
        raise MismatchError(f"{letter.start}: neither a copy nor a request of its own: {letter.lines('Via')}")
    if letter.first("Call-ID") in others:
        raise MismatchError(f"{letter.start}: Call-ID of another request")
    if ";tag=" not in (letter.first("From") or "") or letter.first("CSeq") != f"{letter.cseq} {letter.method}":
        raise MismatchError(f"{letter.start}: From {letter.first('From')!r}, CSeq {letter.first('CSeq')!r}")


def _check_same_hop(letter: Letter, invite: Letter | None, receiver: Phone) -> None:
    """9.1 and 17.1.1.3: the INVITE's Request-URI, branch, From, Call-ID, Route; one Via."""
    if invite is None:
        raise MismatchError(f"{letter.start}: without an INVITE before it")
    if _values(letter, "Via") != _values(invite, "Via")[:1]:
        raise MismatchError(f"{letter.start}: Via {letter.lines('Via')}, the INVITE had {invite.first('Via')!r}")
    if letter.start.split(" ")[1] != invite.start.split(" ")[1] or letter.lines("Route") != invite.lines("Route"):
        raise MismatchError(f"{letter.start}: another way than {invite.start} {invite.lines('Route')}")
    if not _is_same(("From",), letter, invite):
        raise MismatchError(f"{letter.start}: From differs from the INVITE's")
    to = invite.first("To")
    if letter.method == "ACK":
        to = next(known.first("To") for known in reversed(receiver.sent)
                  if known.status >= 300 and _is_same(("Call-ID",), known, letter))
    if letter.first("To") != to:
        raise MismatchError(f"{letter.start}: To {letter.first('To')!r} instead of {to!r}")


def _check_copy(letter: Letter, origin: Letter) -> None:
    """16.6: one Via more, one Max-Forwards less, nothing else touched but routes and our own credentials."""
    vias, before = _values(letter, "Via"), _values(origin, "Via")
    if len(vias) != len(before) + 1 or not vias[1].startswith(before[0].replace(";rport", "").partition(";branch")[0]):
        raise MismatchError(f"{letter.start}: Via {vias} on top of {before}")
    _check_stamped(vias[1:], before)
    forwards = int(origin.first("Max-Forwards") or "71") - 1
    if letter.first("Max-Forwards") != str(forwards):
        raise MismatchError(f"{letter.start}: Max-Forwards {letter.first('Max-Forwards')} instead of {forwards}")
    _check_untouched(letter, origin)


def _check_response(letter: Letter, receiver: Phone, sent: list[Letter]) -> None:
    request = next((known for known in reversed(receiver.sent)
                    if known.is_request and _is_same(("Call-ID", "CSeq", "From"), known, letter)), None)
    if request is None:
        raise MismatchError(f"{letter.start}: {receiver.name} has asked nothing")
    _check_stamped(_values(letter, "Via"), _values(request, "Via"))
    if letter.first("To").partition(";tag=")[0] != request.first("To").partition(";tag=")[0]:
        raise MismatchError(f"{letter.start}: To {letter.first('To')!r} for {request.first('To')!r}")
    if letter.status == 100 and ";tag=" in letter.first("To") and ";tag=" not in request.first("To"):
        raise MismatchError("100 Trying with a To tag")  # 8.2.6.2
    if letter.status > 100 and ";tag=" not in letter.first("To"):
        raise MismatchError(f"{letter.start}: no To tag")
    for origin in reversed(sent):
        if origin.start == letter.start and _is_same(("Call-ID", "CSeq", "To"), origin, letter):
            if _values(origin, "Via")[1:] != _values(letter, "Via"):  # 16.7 step 3
                raise MismatchError(f"{letter.start}: Via {letter.lines('Via')} out of {origin.lines('Via')}")
            if letter.lines("Record-Route") != origin.lines("Record-Route"):
                raise MismatchError(f"{letter.start}: Record-Route changed")
            _check_untouched(letter, origin)
            return


def _check_stamped(vias: list[str], before: list[str]) -> None:
    """The same Via values; the top one may carry received and rport now (18.2.1, RFC 3581 4)."""
    if len(vias) != len(before) or vias[1:] != before[1:]:
        raise MismatchError(f"Via {vias} instead of {before}")
    plain = ";".join(part for part in vias[0].split(";") if not part.startswith(("received=", "rport=")))
    if plain != before[0].replace(";rport", ""):
        raise MismatchError(f"Via {vias[0]!r} instead of {before[0]!r}")


def _check_untouched(letter: Letter, origin: Letter) -> None:
    def rest(one: Letter) -> list[tuple[str, str]]:
        return [(name, value) for name, value in one.fields if name.lower() not in CHANGED_ON_THE_WAY]
    if rest(letter) != rest(origin):
        raise MismatchError(f"{letter.start}: header fields changed\n  in:  {rest(origin)}\n  out: {rest(letter)}")
    if letter.body != origin.body:
        raise MismatchError(f"{letter.start}: the body changed on the way")


def _values(letter: Letter, name: str) -> list[str]:
    return [value for line in letter.lines(name) for value in split_commas(line)]


def _branch(letter: Letter) -> str:
    return letter.first("Via").partition(";branch=")[2].partition(";")[0]


def _is_same(names: tuple[str, ...], one: Letter, other: Letter) -> bool:
    return all(one.first(name) == other.first(name) for name in names)
