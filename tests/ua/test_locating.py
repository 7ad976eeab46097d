# SPDX-License-Identifier: Apache-2.0
"""Where requests go: slow lookups, servers that say nothing, flows of phones (RFC 3261 8.1.2, RFC 3263)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.sip.flow import TCP, UDP, Listener
from appliance.sip.locating.search import Verdict
from appliance.ua.call_events import Cause
from appliance.ua.location import Hop
from tests.ua.numeric_locator import NumericLocator
from tests.ua.slow_locator import HealthBook, SlowLocator, flows_to
from tests.ua.test_requests import Hearer, Server
from tests.ua.virtual_network import Network, Phone, join_two

CARRIER = b"sip:05011112222@carrier.test"


def three() -> tuple[Network, Phone, Phone, Phone]:
    """A caller and two servers of one name that answer every call."""
    network = Network()
    a, b, c = (Phone(network, host, "05011112222") for host in ("192.168.1.11", "198.51.100.20", "198.51.100.21"))
    for phone in (b, c):
        phone.user.script["offered"] = lambda call, now: call.answer(b"answer", now)
    return network, a, b, c


def test_a_call_waits_for_its_lookup():
    network, a, b, _ = three()
    locator = a.core.locate = SlowLocator()
    call = a.call(b, uri=CARRIER)
    network.run(3)
    assert network.labels() == []
    assert locator.hops[0].uri == CARRIER
    locator.answer(flows_to(a, b), network.now)
    network.run(1)
    assert set(network.labels()) == {"INVITE", "200 INVITE"}    # the ACK goes to the Contact: one lookup more
    assert locator.hops[1].uri == b"sip:05011112222@198.51.100.20:5060"
    assert locator.hops[1].near is a.listener
    locator.answer(flows_to(a, b), network.now)
    network.run(1)
    assert len(network.messages("ACK")) == 1
    assert call.state.name == "CONFIRMED"
    assert b.user.heard[-1] == "confirmed"


def test_a_call_is_cancelled_before_it_could_be_sent():
    network, a, b, _ = three()
    locator = a.core.locate = SlowLocator()
    call = a.call(b, uri=CARRIER)
    call.hang_up(network.now)
    assert a.user.releases == []    # nothing is told before the call's own function has returned
    network.run(1)
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.CANCELLED, 487)
    assert locator.cancelled == 1
    assert network.labels() == []
    assert a.is_quiet


@pytest.mark.parametrize("verdict", [Verdict.ABSENT, Verdict.FAILED])
@pytest.mark.parametrize("is_late", [False, True])
def test_why_nothing_was_found_is_told_afterwards(verdict, is_late):
    network, a, _, _ = three()
    locator = a.core.locate = SlowLocator()
    hearer = Hearer()
    request = a.agent.send_request(a.core.draft_request(b"OPTIONS", CARRIER), hearer, network.now)
    if is_late:
        network.run(1)
    locator.answer([], network.now, verdict)
    assert hearer.statuses == []
    network.run(1)
    assert (hearer.statuses, request.verdict) == ([503], verdict)


def test_a_request_that_nobody_wants_any_more_is_not_sent_when_it_is_located():
    network, a, b, _ = three()
    locator = a.core.locate = SlowLocator()
    hearer = Hearer()
    request = a.agent.send_request(a.core.draft_request(b"OPTIONS", CARRIER), hearer, network.now)
    request.stop_trying()
    locator.answer(flows_to(a, b), network.now)
    network.run(1)
    assert (network.labels(), hearer.statuses) == ([], [503])


def test_the_next_server_is_tried_beside_a_silent_one_with_the_same_request():
    network, a, b, c = three()
    del network.phones[b.address]
    a.core.locate = SlowLocator(flows_to(a, b, c))
    health = a.core.health = HealthBook()
    call = a.call(c, uri=CARRIER)
    network.run(5)
    invites = {message.branch: message for message in network.messages("INVITE")}
    assert [(message.cseq, message.call_id) for message in invites.values()] == [(1, call.dialog.call_id)] * 2
    assert network.times("200 INVITE")[0] == pytest.approx(4, abs=0.2)
    assert call.state.name == "CONFIRMED"
    assert health.notes == [("failed", b.address[0]), ("answered", c.address[0])]
    call.hang_up(network.now)
    network.run(70)
    assert a.is_quiet


def test_a_slow_server_still_counts_while_nobody_else_has_spoken():
    network, a, b, c = three()
    del network.phones[c.address]
    network.delay = lambda octets: 5.0 if octets.startswith(b"INVITE") else 0.01
    a.core.locate = SlowLocator(flows_to(a, b, c))
    call = a.call(b, uri=CARRIER)
    network.run(7)
    assert call.state.name == "CONFIRMED"
    assert network.messages("ACK")[0].to_tag == network.messages("200 INVITE")[0].to_tag
    call.hang_up(network.now)
    network.run(70)
    assert a.is_quiet


def test_a_late_second_answer_gets_ack_and_bye():
    network, a, b, c = three()
    original = network.send

    def send(source, target, octets: bytes) -> None:
        network.delay = lambda _octets: 4.5 if target == b.address and octets[:6] == b"INVITE" else 0.01
        original(source, target, octets)
    network.send = send
    located = SlowLocator(flows_to(a, b, c))

    def locate(hop, found, now: float):
        if hop.uri == CARRIER:
            return located(hop, found, now)
        return NumericLocator(a.stack, [a.listener])(hop, found, now)
    a.core.locate = locate
    call = a.call(b, uri=CARRIER)
    network.run(60)
    assert call.state.name == "CONFIRMED"
    assert len(network.messages("BYE", a)) == 1
    assert b.user.releases[0].cause is Cause.PEER_LEFT
    assert c.user.heard[-1] == "confirmed"


def test_a_late_ringing_is_cancelled_once_another_has_answered():
    network, a, b, c = three()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    original = network.send

    def send(source, target, octets: bytes) -> None:
        network.delay = lambda _octets: 4.5 if target == b.address and octets[:6] == b"INVITE" else 0.01
        original(source, target, octets)
    network.send = send
    a.core.locate = SlowLocator(flows_to(a, b, c))
    a.call(b, uri=CARRIER)
    network.run(10)
    assert b.user.releases[0].cause is Cause.CANCELLED
    assert "released" not in a.user.heard


def test_silent_servers_alone_are_408():
    network, a, b, c = three()
    del network.phones[b.address], network.phones[c.address]
    a.core.locate = SlowLocator(flows_to(a, b, c))
    a.call(b, uri=CARRIER)
    network.run(80)
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.LOST, 408)
    assert len({message.branch for message in network.messages("INVITE")}) == 2
    assert a.is_quiet


def test_a_challenge_is_answered_where_it_came_from():
    network, a, b, c = three()
    server = Server((503, b""))
    other = Server((401, b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'), (200, b""))
    b.agent.serve_method(b"MESSAGE", server)
    c.agent.serve_method(b"MESSAGE", other)
    a.core.digest._find_secret = lambda realm: (b"u", b"s")
    a.core.locate = SlowLocator(flows_to(a, b, c))
    hearer = Hearer()
    a.agent.send_request(a.core.draft_request(b"MESSAGE", CARRIER), hearer, network.now)
    network.run(1)
    assert (hearer.statuses, len(server.requests), len(other.requests)) == ([200], 1, 2)


# what is known of one server is shown to no other


CHALLENGE = b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'


def test_credentials_go_unasked_only_to_the_server_that_asked_for_them():
    network, a, b, c = three()
    a.core.digest._find_secret = lambda realm: (b"u", b"s")
    asking, other = Server((401, CHALLENGE), (200, b"")), Server((200, b""))
    b.agent.serve_method(b"MESSAGE", asking)
    c.agent.serve_method(b"MESSAGE", other)
    for target in (b, b, c):
        uri = b"sip:x@" + target.address[0]
        a.agent.send_request(a.core.draft_request(b"MESSAGE", uri), Hearer(), network.now)
        network.run(1)
    assert [message.has_credentials for message in asking.requests] == [False, True, True]
    assert [message.has_credentials for message in other.requests] == [False]


def test_a_redirection_takes_no_credentials_along():
    network, a, b, c = three()
    a.core.digest._find_secret = lambda realm: (b"u", b"s")
    asking = Server((401, CHALLENGE), (302, b"Contact: <sip:x@198.51.100.21>\r\n"))
    other = Server((200, b""))
    b.agent.serve_method(b"MESSAGE", asking)
    c.agent.serve_method(b"MESSAGE", other)
    hearer = Hearer()
    a.agent.send_request(a.core.draft_request(b"MESSAGE", b"sip:x@198.51.100.20"), hearer, network.now)
    network.run(1)
    assert hearer.statuses == [200]
    assert [message.has_credentials for message in other.requests] == [False]


@pytest.mark.parametrize(("secret", "is_wrong"), [((b"u", b"s"), True), (None, False)])
def test_wrong_credentials_are_told_from_none(secret, is_wrong):
    network, a, b, _ = three()
    a.core.digest._find_secret = lambda realm: secret
    b.agent.serve_method(b"MESSAGE", Server((401, CHALLENGE)))
    hearer = Hearer()
    draft = a.core.draft_request(b"MESSAGE", b"sip:x@198.51.100.20")
    request = a.agent.send_request(draft, hearer, network.now)
    network.run(1)
    assert (hearer.statuses, request.has_wrong_credentials) == ([401], is_wrong)


# phones of ours


def test_a_draft_with_a_flow_goes_exactly_there():
    network, a, b = join_two()
    a.core.locate = SlowLocator()
    draft = a.agent.draft_call(b"sip:201@10.0.0.5", b"offer")
    draft.flow = a.flow_to(a.listener, *b.address)
    call = a.agent.place_call(draft, a.user, network.now)
    network.run(1)
    assert call.state.name == "CONFIRMED"
    call.hang_up(network.now)
    network.run(1)
    assert network.labels()[-1] == "200 BYE"
    assert a.core.locate.hops == []


def test_a_phone_behind_a_nat_is_answered_where_it_was_last_heard():
    network, a, b = join_two()
    a.core.profile.mapped[a.listener.name] = b"10.0.0.5:5060"     # a Contact that nobody outside can reach
    a.call(b)
    network.run(1)
    call = b.user.calls[0]
    call.dialog.is_on_flow = True
    assert call.change_session(b"hold", network.now)
    network.run(1)
    assert network.messages("INVITE")[-1].uri == b"sip:201@10.0.0.5:5060"
    assert call.exchange.local == b"hold"
    del network.phones[a.address]
    a.address = (b"192.168.1.11", 40000)    # the NAT has given it another port
    network.phones[a.address] = a
    info = next(iter(a.core.dialogs.entries.values())).dialog.draft_request(b"OPTIONS")
    a.agent.send_request(info, Hearer(), network.now)
    network.run(1)
    call.hang_up(network.now)
    network.run(1)
    assert network.labels()[-2:] == ["BYE", "200 BYE"]
    assert network.sent[-2][2] == a.address


def test_a_phone_whose_connection_is_gone_is_looked_up_again():
    network, a, b = join_two(transport=TCP)
    draft = a.agent.draft_call(b"sip:201@10.0.0.5;transport=tcp", b"offer")
    draft.flow = a.flow_to(a.listener, *b.address)
    call = a.agent.place_call(draft, a.user, network.now)
    network.run(1)
    draft.flow.is_open = False
    locator = a.core.locate = SlowLocator()
    call.hang_up(network.now)
    assert locator.hops[0].uri == b"sip:05033334444@198.51.100.20:5060;transport=tcp"
    del a._flows[b.address]
    locator.answer(flows_to(a, b), network.now)
    network.run(1)
    assert network.labels()[-1] == "200 BYE"


def test_a_large_request_goes_by_tcp_with_udp_behind_it():
    network = Network()
    a = Phone(network, "192.168.1.11", "201")
    stream = Listener("tcp", TCP, b"192.168.1.11", 5060)
    locate = NumericLocator(a.stack, [a.listener, stream])
    a._flows.clear()
    a.flow_to_host: list = []
    a.stack._flow_to = lambda listener, host, port: a.flow_to_host.append(listener.transport) or listener
    found: list = []
    for size_octets in (1300, 1301):
        locate(Hop(b"sip:x@198.51.100.20", size_octets), lambda flows, verdict, now: found.append(len(flows)), 0.0)
    assert (found, a.flow_to_host) == ([1, 2], [UDP, TCP, UDP])
    locate(Hop(b"sip:x@[2001:db8::1]", 1), lambda flows, verdict, now: found.append(verdict), 0.0)
    locate(Hop(b"sip:x@name.test", 1), lambda flows, verdict, now: found.append(verdict), 0.0)
    assert found[2:] == [Verdict.UNREACHABLE, Verdict.ABSENT]


def test_credentials_that_make_a_request_large_move_it_to_tcp():
    network, a, b, _ = three()
    a.core.digest._find_secret = lambda realm: (b"u", b"s")
    b.agent.serve_method(b"MESSAGE", Server((401, CHALLENGE), (200, b"")))
    locator = a.core.locate = SlowLocator(flows_to(a, b))
    draft = a.core.draft_request(b"MESSAGE", CARRIER)
    draft.body = b"x" * (1290 - draft.estimate_size())
    hearer = Hearer()
    a.agent.send_request(draft, hearer, network.now)
    network.run(1)
    assert hearer.statuses == [200]
    assert [hop.size_octets > 1300 for hop in locator.hops] == [False, True]


def test_a_connection_that_breaks_under_a_request_is_looked_up_again_once():
    network, a, b = join_two(transport=TCP)
    draft = a.agent.draft_call(b"sip:201@10.0.0.5;transport=tcp", b"offer")
    draft.flow = a.flow_to(a.listener, *b.address)
    call = a.agent.place_call(draft, a.user, network.now)
    network.run(1)
    locator = a.core.locate = SlowLocator()
    network.loss = lambda number, octets: True
    call.hang_up(network.now)
    network.run(1)
    a.stack.flow_failed(draft.flow, network.now)
    del a._flows[b.address]
    network.loss = lambda number, octets: False
    locator.answer(flows_to(a, b), network.now)
    network.run(1)
    assert network.labels()[-2:] == ["BYE", "200 BYE"]
    assert len({message.cseq for message in network.messages("BYE")}) == 1
    network.run(40)
    assert a.is_quiet


def test_a_server_that_is_out_of_service_is_no_first_choice():
    network, a, b, c = three()
    b.agent.serve_method(b"MESSAGE", Server((503, b"")))
    c.agent.serve_method(b"MESSAGE", Server((404, b"")))
    a.core.locate = SlowLocator(flows_to(a, b, c))
    health = a.core.health = HealthBook()
    a.agent.send_request(a.core.draft_request(b"MESSAGE", CARRIER), Hearer(), network.now)
    network.run(1)
    assert health.notes == [("failed", b.address[0]), ("answered", c.address[0])]


def test_nobody_waits_for_a_silent_server_that_has_refused_meanwhile():
    """The second one is cancelled since the first one speaks at last; then that one has failed, and the third one is
    not there at all: the call ends with its Timer B."""
    network, a, b, c = three()
    d = Phone(network, "198.51.100.22", "05011112222")
    del network.phones[d.address]
    b.user.script["offered"] = lambda call, now: network.at(9.0, lambda: call.refuse(503, network.now))
    c.user.script["offered"] = lambda call, now: None

    def delay(octets: bytes) -> float:      # first what the first one says, then the way to the second one
        slow, delay_s = (b"SIP/2.0 100 ", 4.2) if network.now < 1004 else (b"INVITE ", 0.5)
        return delay_s if octets.startswith(slow) else 0.01
    network.delay = delay
    a.core.locate = SlowLocator(flows_to(a, b, c, d))
    a.call(b"", uri=CARRIER)
    network.run(200)
    assert network.labels(c) == ["100 INVITE", "200 CANCEL", "487 INVITE"]
    assert a.user.heard == ["released"]
    assert a.is_quiet


servers = st.lists(st.tuples(st.floats(0, 12), st.sampled_from([0, 200, 200, 404, 503, 401, 302])), min_size=1,
                   max_size=4)


@settings(max_examples=150, deadline=None)
@given(habits=servers, leave_s=st.floats(0, 60), does_leave=st.booleans())
def test_whichever_server_answers_when_one_call_is_left_or_none(habits, leave_s, does_leave):
    network = Network()
    a = Phone(network, "192.168.1.11", "201", secrets={b"r": (b"u", b"s")})
    carriers = []
    for number, (wait_s, status) in enumerate(habits):
        carrier = Phone(network, f"198.51.100.{20 + number}", "05011112222")
        carriers.append(carrier)
        if status == 0:
            del network.phones[carrier.address]

        def answer(call, status: int) -> None:
            if call.state.name != "OFFERED":
                return
            if status == 200:
                call.answer(b"answer", network.now)
            elif status == 401 and call.request.has_credentials:
                call.refuse(486, network.now)
            else:
                call.refuse(status, network.now, CHALLENGE if status == 401 else b"")

        def serve(call, now: float, wait_s=wait_s, status=status, answer=answer) -> None:
            network.at(now - network.start + wait_s, lambda: answer(call, status))
        carrier.user.script["offered"] = serve
    numeric = NumericLocator(a.stack, [a.listener])

    def locate(hop, found, now: float):
        if hop.uri == CARRIER:
            found(flows_to(a, *carriers), Verdict.FOUND, now)
            return None
        return numeric(hop, found, now)
    a.core.locate = locate
    original = network.send

    def send(source, target, octets: bytes) -> None:    # servers may be slow to say even 100
        wait_s = next((habit[0] for one, habit in zip(carriers, habits, strict=True) if one.address == target), 0.0)
        network.delay = lambda _octets: 0.01 + (wait_s / 2 if octets.startswith(b"INVITE") else 0)
        original(source, target, octets)
    network.send = send
    call = a.call(b"", uri=CARRIER)
    if does_leave:
        network.at(leave_s, lambda: call.hang_up(network.now))
    network.run(200)
    standing = [one for carrier in carriers for one in carrier.user.calls if one.state.name == "CONFIRMED"]
    if call.state.name == "CONFIRMED":
        assert [one.dialog.remote_tag for one in standing] == [call.dialog.local_tag]
        assert standing[0].dialog.local_tag == call.dialog.remote_tag
    else:
        assert a.user.heard.count("released") == 1
        assert standing == []
    call.hang_up(network.now)
    network.run(200)
    assert a.is_quiet, network.labels()
    for carrier in carriers:
        assert carrier.is_quiet, network.labels()
        assert Cause.LOST not in [release.cause for release in carrier.user.releases], network.labels()
