# SPDX-License-Identifier: Apache-2.0
"""Peers that say anything at any time around the set-up of a call: nothing of it is an error of ours, and nothing is
left."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.ua.strangers import call_a_stranger, join_reliable, request, response

TAGS = st.sampled_from([b"one", b"two", b"three"])
BODIES = st.sampled_from([b"", b"session 1", b"session 2"])
RSEQS = st.sampled_from([0, 1, 2, 3, 2 ** 31, 2 ** 32 - 1])
STATUSES = st.sampled_from([100, 180, 183, 199, 200, 200, 302, 486])
RESPONSES = st.tuples(st.just("response"), STATUSES, TAGS, RSEQS, BODIES)
REQUESTS = st.tuples(st.sampled_from([b"UPDATE", b"INVITE", b"BYE", b"PRACK", b"INFO", b"OPTIONS", b"REFER"]), TAGS,
                     st.integers(1, 9), BODIES)
OWN = st.sampled_from(["answer", "refuse", "update", "reinvite", "hang_up"])


def act(call, verb: str, now: float) -> None:
    if verb == "answer":
        call.answer_offer(b"mine", now)
    elif verb == "refuse":
        call.refuse_offer(488, now)
    elif verb == "hang_up":
        call.hang_up(now)
    else:
        call.change_session(b"mine too", now, verb == "update")


@settings(max_examples=200, deadline=None)
@given(offer=st.sampled_from([b"", b"offer"]), doings=st.lists(st.one_of(RESPONSES, REQUESTS, OWN), max_size=14))
@example(offer=b"", doings=[("response", 180, b"one", 0, b""), ("response", 180, b"two", 0, b""),
                            (b"BYE", b"one", 1, b""), ("response", 200, b"one", 0, b"")])   # overtaken by its BYE
def test_a_callee_that_says_anything(offer, doings):
    network, a, b, call, invite = call_a_stranger(offer)
    a.user.script.clear()
    for number, doing in enumerate(doings):
        if isinstance(doing, str):
            act(call, doing, network.now)
        elif doing[0] == "response":
            _kind, status, tag, rseq, body = doing
            a.receive(response(invite, status, tag, rseq, body), b.address, network.now)
        else:
            method, tag, cseq, body = doing
            a.receive(request(method, invite, tag, cseq * 100 + number, b"RAck: 1 1 INVITE\r\n", body), b.address,
                      network.now)
        network.run(0.2)
    call.hang_up(network.now)
    network.run(400)
    assert a.is_quiet
    assert a.user.heard.count("released") == 1


CALLER = st.tuples(st.sampled_from([b"PRACK", b"UPDATE", b"INVITE", b"BYE", b"CANCEL", b"ACK", b"INFO"]),
                   st.integers(0, 2), st.integers(-1, 1), BODIES)
CALLEE = st.tuples(st.sampled_from(["alert", "reliable", "session"]), st.integers(0, 2))


@settings(max_examples=200, deadline=None)
@given(offer=st.sampled_from([b"", b"offer"]), doings=st.lists(st.one_of(CALLER, CALLEE, OWN), max_size=14),
       ends_by=st.sampled_from(["answer", "refuse"]))
def test_a_caller_that_says_anything(offer, doings, ends_by):
    network, a, b = join_reliable()
    a.call(b, offer)
    network.run(0.1)
    del network.phones[a.address]
    invite, call = network.messages("INVITE")[0], b.user.calls[0]
    for number, doing in enumerate(doings):
        if isinstance(doing, str):
            act(call, doing, network.now)
        elif isinstance(doing[0], str):
            ring(call, doing[0], doing[1], network.now)
        else:
            say(network, a, b, invite, number, doing)
        network.run(0.2)
    if call.is_early:
        if ends_by == "answer":
            call.answer(b"mine", network.now)
        else:
            call.refuse(486, network.now)
    call.hang_up(network.now)
    network.run(200)
    assert b.is_quiet
    assert b.user.heard.count("released") == 1


def ring(call, kind: str, branch: int, now: float) -> None:
    if not call.is_early:
        return
    if kind == "session":
        call.alert(183, now, b"mine", True, branch)
    else:
        call.alert(180, now, b"", kind == "reliable", branch)


def say(network, a, b, invite, number: int, doing: tuple[bytes, int, int, bytes]) -> None:
    """A request in one of the dialogs that the callee has opened."""
    method, which, shift, body = doing
    rung = network.messages("180 INVITE", b) + network.messages("183 INVITE", b) + network.messages("200 INVITE", b)
    if not rung:
        return
    last = rung[which % len(rung)]
    rseq = int(last.header(b"RSeq") or 0) + shift
    cseq = invite.cseq if method in (b"CANCEL", b"ACK") else 10 + number
    to = invite.to_value if method == b"CANCEL" else last.to_value
    branch = invite.branch if method == b"CANCEL" else b"z9hG4bKsay%d" % number
    kind = b"Content-Type: application/sdp\r\n" if body else b""
    octets = (b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.11:5060;branch=%s\r\nMax-Forwards: 70\r\n"
              b"From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:201@192.168.1.11>\r\n"
              b"RAck: %d %d INVITE\r\n%sContent-Length: %d\r\n\r\n%s") % (
                  method, invite.uri, branch, invite.from_value, to, invite.call_id, cseq, method, rseq, invite.cseq,
                  kind, len(body), body)
    b.receive(octets, a.address, network.now)
