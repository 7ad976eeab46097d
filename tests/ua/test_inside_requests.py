# SPDX-License-Identifier: Apache-2.0
"""INFO, MESSAGE and OPTIONS inside a call: RFC 6086, RFC 3428, RFC 3261 11; what their failures end: RFC 5057."""

import pytest

from appliance.ua.call_events import Cause
from tests.ua.test_requests import Hearer
from tests.ua.virtual_network import join_two

SIGNAL = b"Signal=5\r\nDuration=160\r\n"


def talk(*methods: bytes):
    network, a, b = join_two()
    for phone in (a, b):
        phone.core.methods += [b"INFO", b"MESSAGE", b"REFER"]
    call = a.call(b)
    network.run(1)
    return network, a, b, call


def test_an_info_is_heard_and_answered_by_the_other_user():
    network, _, b, call = talk()
    b.user.script["request_received"] = lambda server, now: server.respond(200, now)
    hearer = Hearer()
    call.send_inside(b"INFO", b"X-Key: 5\r\n", b"application/dtmf-relay", SIGNAL, hearer, network.now)
    network.run(1)
    info = b.user.requests[0]
    assert (info.method, info.body, info.header(b"Content-Type"), info.header(b"X-Key")) == (
        b"INFO", SIGNAL, b"application/dtmf-relay", b"5")
    assert hearer.statuses == [200]
    assert call.state.name == "CONFIRMED"


@pytest.mark.parametrize(("method", "lines", "body", "status"), [
    (b"INFO", b"Info-Package: foo\r\n", b"x", 469), (b"INFO", b"", b"x", 415), (b"INFO", b"", b"", 200),
    (b"MESSAGE", b"", b"x", 405), (b"OPTIONS", b"", b"", 200), (b"UPDATE", b"", b"", None), (b"FOO", b"", b"", 501),
    (b"PUBLISH", b"", b"", 405)])
def test_what_nobody_wants_is_refused_and_the_call_goes_on(method, lines, body, status):
    network, _, b, call = talk()
    hearer = Hearer()
    call.send_inside(method, lines, b"text/plain", body, hearer, network.now)
    network.run(1)
    if status is not None:
        assert hearer.statuses == [status]
    assert call.state.name == b.user.calls[0].state.name == "CONFIRMED"


@pytest.mark.parametrize(("method", "status", "is_over"), [
    (b"INFO", 481, True), (b"INFO", 408, True), (b"INFO", 404, True), (b"INFO", 415, False), (b"INFO", 405, False),
    (b"INFO", 500, False), (b"OPTIONS", 404, False), (b"OPTIONS", 486, False), (b"OPTIONS", 480, False),
    (b"OPTIONS", 481, True), (b"MESSAGE", 480, True), (b"REFER", 480, False), (b"REFER", 408, False),
    (b"REFER", 404, True)])
def test_what_a_refusal_ends(method, status, is_over):
    network, a, b, call = talk()
    entry = next(iter(b.core.dialogs.entries.values()))

    class Refuser:
        def request_received(self, server, request, now: float) -> None:
            server.respond(status, now)
    entry.usages[method] = Refuser()
    hearer = Hearer()
    call.send_inside(method, b"", b"text/plain", b"x", hearer, network.now)
    network.run(0.1)
    assert hearer.statuses == [status]
    assert (a.user.heard[-1] == "released") == is_over
    if is_over:
        assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.LOST, status)
        assert network.labels()[-2] == "BYE"


def test_without_a_dialog_there_is_no_request():
    network, a, _, call = talk()
    call.hang_up(network.now)
    count = len(network.sent)
    hearer = Hearer()
    call.send_inside(b"INFO", b"", b"", b"", hearer, network.now)
    assert hearer.statuses == []
    network.run(40)
    assert hearer.statuses == [481]
    assert [label for label in network.labels()[count:] if label == "INFO"] == []
    ringing = a.call(b"", uri=b"sip:2@203.0.113.99")
    ringing.send_inside(b"INFO", b"", b"", b"", hearer, network.now)
    network.run(1)
    assert hearer.statuses == [481, 481]
    assert a.user.heard.count("released") == 1


def test_a_request_may_come_while_the_callee_rings():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    a.core.methods.append(b"INFO")
    a.call(b)
    network.run(1)
    hearer = Hearer()
    b.user.calls[0].send_inside(b"INFO", b"", b"", b"", hearer, network.now)
    network.run(1)
    assert network.messages("INFO")[0].to_tag == network.messages("INVITE")[0].from_tag
    assert len(hearer.statuses) == 1


@pytest.mark.parametrize(("method", "status"), [(b"MESSAGE", 405), (b"REFER", 405), (b"NOTIFY", 481), (b"INFO", 481)])
def test_outside_a_call_they_mean_nothing(method, status):
    network, a, b = join_two()
    b.core.methods += [b"MESSAGE", b"REFER", b"NOTIFY", b"INFO"]
    hearer = Hearer()
    a.agent.send_request(a.core.draft_request(method, b"sip:2@198.51.100.20"), hearer, network.now)
    network.run(1)
    assert hearer.statuses == [status]
