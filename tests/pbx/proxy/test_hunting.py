# SPDX-License-Identifier: Apache-2.0
"""Requests to names: looked up while the caller has its 100, tried at one server after the other (RFC 3263 4.3), and
calls of other domains. The office on its virtual clock, with a DNS in a dictionary.
"""

import pytest

from appliance.native.sip_scanner import Message
from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.pbx.proxy.hunt import SILENCE_S
from appliance.sip.locating.server_health import HOLD_S
from appliance.vocabulary.journal import SilentJournal
from tests.models.zone import Zone
from tests.pbx.proxy.virtual_office import A, C, D, VirtualOffice, answer, head, invite

ONE, TWO = ("198.51.100.1", 5060), ("198.51.100.2", 5060)
NEIGHBOUR = ("198.51.100.9", 5060)
URI = "sip:bob@other.test"
RECORDS = {("_sip._udp.other.test", "SRV"): [(0, 0, 5060, "one.other.test"), (1, 0, 5060, "two.other.test")],
           ("one.other.test", "A"): [ONE[0]], ("two.other.test", "A"): [TWO[0]]}


class ConnectedOffice(VirtualOffice):
    """The virtual office with a DNS."""

    def __init__(self, more: str = "", records: dict[tuple[str, str], list[object]] | None = None) -> None:
        self.zone = Zone(dict(RECORDS if records is None else records))
        super().__init__(more)

    def _assemble(self):
        surroundings = Surroundings(self._flow_to, self._octets, SilentJournal())
        surroundings.signing_key = self.signing_key
        surroundings.resolver = self.zone
        return assemble_office(self.configuration, self.listeners, surroundings)

    def call(self, extra: str = "", branch: str = "inv", body_octets: int = 0) -> list[tuple[Message, tuple[str, int]]]:
        octets = invite("bob", branch, extra).replace(b"sip:bob@192.168.1.1 SIP", URI.encode() + b" SIP")
        if body_octets:
            octets = octets.replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: %d\r\n\r\n" % body_octets)
            octets += b"x" * body_octets
        self.send(A, octets)
        return self.take()


def summary(taken: list[tuple[Message, tuple[str, int]]]) -> list[tuple[object, str]]:
    return [(message.method.decode() if message.is_request else message.status, address[0])
            for message, address in taken]


def test_name_is_looked_up_while_the_caller_has_its_100() -> None:
    office = ConnectedOffice()
    office.zone.held = {("other.test", "NAPTR")}
    assert summary(office.call()) == [(100, A[0])]
    office.zone.answer_held(office.now)
    (message, address), = office.take()
    assert (message.method, address, message.uri) == (b"INVITE", ONE, URI.encode())    # RFC 3263 4: the URI stays
    assert message.header(b"Record-Route") is not None


def test_the_resolver_is_told_whose_request_it_works_for() -> None:
    """Its shares go by that."""
    office = ConnectedOffice()
    office.zone.held = {("other.test", "NAPTR")}
    office.call()
    assert [asker.source for _, asker in office.zone._waiting] == [A[0].encode()]


def test_callee_answers_and_the_dialog_goes_both_ways() -> None:
    office = ConnectedOffice()
    request = office.call()[1][0]
    office.send(ONE, answer(request, 200, extra=f"Contact: <sip:bob@{ONE[0]}>\r\n"))
    (reply, address), = office.take()
    assert (reply.status, address) == (200, A)
    route = f"Route: {reply.header(b'Record-Route').decode()}\r\n"
    office.send(A, head("ACK", f"sip:bob@{ONE[0]}", A, "ack", "201", "bob", to_tag="callee", extra=route))
    office.send(ONE, head("BYE", f"sip:201@{A[0]}", ONE, "bye", "bob", "201", call_id="call-1", to_tag="from201",
                          from_tag="callee", extra=route))
    assert summary(office.take()) == [("ACK", ONE[0]), ("BYE", A[0])]


def test_503_and_a_failed_transport_lead_to_the_next_server() -> None:
    office = ConnectedOffice()
    first = office.call()[1][0]
    office.send(ONE, answer(first, 503))
    taken = office.take()
    assert sorted(summary(taken)) == [("ACK", ONE[0]), ("INVITE", TWO[0])]
    second = next(message for message, address in taken if message.method == b"INVITE")
    assert second.branch != first.branch        # RFC 3263 4.3: a new transaction
    flow = office.flows[office.listeners[0], TWO[0].encode(), 5060]
    office.office.stack.flow_failed(flow, office.now)
    assert summary(office.take()) == [(500, A[0])]      # 16.7 step 6: a 503 is not ours to pass on


def test_other_refusals_end_the_hunt() -> None:
    office = ConnectedOffice()
    office.send(ONE, answer(office.call()[1][0], 486))
    assert summary(office.take()) == [("ACK", ONE[0]), (486, A[0])]
    assert not [m for m, address in office.run_until(40) if address == TWO]


def test_a_silent_server_is_joined_by_the_next_and_may_still_answer() -> None:
    office = ConnectedOffice()
    first = office.call()[1][0]
    sent = summary(office.run_until(SILENCE_S + 0.1))
    assert sent.count(("INVITE", TWO[0])) == 1
    office.send(ONE, answer(first, 200, extra=f"Contact: <sip:bob@{ONE[0]}>\r\n"))
    assert (200, A[0]) in summary(office.take())


def test_a_final_answer_of_the_second_server_does_not_wait_for_the_first() -> None:
    office = ConnectedOffice()
    first = office.call()[1][0]
    second = next(m for m, address in office.run_until(SILENCE_S + 0.1) if address == TWO)
    office.send(TWO, answer(second, 486))
    assert (486, A[0]) in summary(office.take())
    office.send(ONE, answer(first, 180))        # it wakes up: nobody wants it any more
    assert summary(office.take()) == [("CANCEL", ONE[0])]
    office.send(ONE, answer(first, 487))
    assert summary(office.take()) == [("ACK", ONE[0])]
    office.run_until(80)
    assert office.office.stack.transactions_open == 0


def test_servers_that_never_answer_are_408_in_the_end() -> None:
    office = ConnectedOffice()
    office.call()
    assert (408, A[0]) in summary(office.run_until(37))
    office.run_until(80)
    assert office.office.stack.transactions_open == 0


def test_cancel_during_the_lookup_is_487_and_nothing_is_sent_afterwards() -> None:
    office = ConnectedOffice()
    office.zone.held = {("other.test", "NAPTR")}
    office.call()
    office.send(A, head("CANCEL", URI, A, "inv", "201", "bob"))
    assert summary(office.take()) == [(200, A[0]), (487, A[0])]
    office.zone.answer_held(office.now)
    assert not office.take()


def test_cancel_while_a_server_rings_reaches_it_alone() -> None:
    office = ConnectedOffice()
    first = office.call()[1][0]
    office.send(ONE, answer(first, 180))
    office.take()
    office.send(A, head("CANCEL", URI, A, "inv", "201", "bob"))
    assert summary(office.take()) == [(200, A[0]), ("CANCEL", ONE[0])]
    office.send(ONE, answer(first, 487))
    assert (487, A[0]) in summary(office.take())


@pytest.mark.parametrize(("records", "is_dead", "status"), [({}, False, 404), ({}, True, 500)])
def test_nothing_there_is_404_and_nobody_to_ask_is_500(records, is_dead: bool, status: int) -> None:
    office = ConnectedOffice(records=records)
    office.zone.is_dead = is_dead
    taken = office.call()
    assert summary(taken) == [(100, A[0]), (status, A[0])]
    assert b"other.test: " in taken[1][0].header(b"Warning")


def test_a_name_that_leads_back_to_us_is_404() -> None:
    office = ConnectedOffice(records={("other.test", "A"): ["192.168.1.1"]})
    taken = office.call()
    assert summary(taken) == [(100, A[0]), (404, A[0])]
    assert b"set system domain" in taken[1][0].header(b"Warning")       # the usual cause


def test_lookup_that_never_ends_is_500_after_its_budget() -> None:
    office = ConnectedOffice()
    office.zone.held = {("other.test", "NAPTR")}
    office.call()
    assert (500, A[0]) in summary(office.run_until(5.2))


def test_dead_dns_leaves_internal_calls_alone() -> None:
    office = ConnectedOffice()
    office.zone.is_dead = True
    office.register("202", C)
    asked = len(office.zone.asked)
    office.send(A, invite())
    assert summary(office.take()) == [(100, A[0]), ("INVITE", C[0])]
    assert len(office.zone.asked) == asked


def test_large_request_goes_by_tcp_and_falls_back_to_udp_when_that_is_refused() -> None:
    office = ConnectedOffice()
    office.call(body_octets=1200)
    udp, tcp = office.listeners
    assert not udp.outbox
    flow = office.flows[tcp, ONE[0].encode(), 5060]
    office.office.stack.flow_failed(flow, office.now)
    (message, address), = office.take()
    assert (message.method, address, message.via_transport) == (b"INVITE", ONE, b"UDP")


def test_another_domain_that_refuses_the_connection_is_no_phone_that_is_away() -> None:
    office = ConnectedOffice(records={("_sip._tcp.other.test", "SRV"): [(0, 0, 5060, "one.other.test")],
                                      ("one.other.test", "A"): [ONE[0]]})
    office.call()
    office.office.stack.flow_failed(office.flows[office.listeners[1], ONE[0].encode(), 5060], office.now)
    assert summary(office.take()) == [(500, A[0])]


def test_large_request_to_a_registered_phone_stays_on_its_udp_flow() -> None:
    office = ConnectedOffice()
    office.register("202", C)
    octets = invite().replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: 1400\r\n\r\n") + b"x" * 1400
    office.send(A, octets)
    request = next(message for message, address in office.take() if address == C)
    assert request.via_transport == b"UDP"


def test_ack_to_a_name_waits_for_the_lookup() -> None:
    office = ConnectedOffice()
    request = office.call()[1][0]
    office.send(ONE, answer(request, 200, extra="Contact: <sip:bob@edge.other.test>\r\n"))
    (reply, _), = office.take()
    office.zone.records["edge.other.test", "A"] = ["198.51.100.7"]
    office.zone.held = {("edge.other.test", "A")}
    route = f"Route: {reply.header(b'Record-Route').decode()}\r\n"
    office.send(A, head("ACK", "sip:bob@edge.other.test:5070", A, "ack", "201", "bob", to_tag="callee", extra=route))
    assert not office.take()
    office.zone.answer_held(office.now)
    (ack, address), = office.take()
    assert (ack.method, address) == (b"ACK", ("198.51.100.7", 5070))


def test_in_dialog_request_to_a_name_that_is_gone_does_not_end_the_dialog_by_404() -> None:
    office = ConnectedOffice()
    request = office.call()[1][0]
    office.send(ONE, answer(request, 200, extra="Contact: <sip:bob@edge.other.test>\r\n"))
    (reply, _), = office.take()
    route = f"Route: {reply.header(b'Record-Route').decode()}\r\n"
    office.send(A, head("INFO", "sip:bob@edge.other.test", A, "info", "201", "bob", 2, to_tag="callee", extra=route))
    assert summary(office.take()) == [(480, A[0])]


def test_forking_counts_a_named_route_among_its_branches() -> None:
    """A Path by name (RFC 3327) is looked up while the other phone rings already."""
    office = ConnectedOffice()
    office.register("202", C)
    office.send(D, head("REGISTER", "sip:192.168.1.1", D, "reg", "202", "202", call_id="path",
                        extra="Contact: <sip:202@10.0.0.9>\r\nSupported: path\r\n"
                              "Path: <sip:one.other.test:5060;lr>\r\n"))
    assert summary(office.take()) == [(200, D[0])]
    office.zone.held = {("one.other.test", "A")}
    office.send(A, invite())
    assert summary(office.take()) == [(100, A[0]), ("INVITE", C[0])]
    office.zone.answer_held(office.now)
    (message, address), = office.take()
    assert (address, message.header(b"Route")) == (ONE, b"<sip:one.other.test:5060;lr>")


def test_a_name_that_the_dns_sends_nowhere_is_not_sent_to() -> None:
    office = ConnectedOffice(records={("other.test", "A"): ["0.0.0.0", "255.255.255.255", "224.0.1.75"]})
    assert summary(office.call()) == [(100, A[0]), (404, A[0])]


@pytest.mark.parametrize("host", ["0.0.0.0", "224.0.0.251", "255.255.255.255", "[::ffff:192.168.1.1]",
                                  "[::ffff:224.0.0.251]", "[ff02::fb]", "[::]"])
@pytest.mark.parametrize("is_route", [False, True])
def test_a_number_that_is_nobodys_or_ours_is_refused_as_a_name_that_leads_there(host: str, is_route: bool) -> None:
    office = ConnectedOffice("set sip listener six address 2001:db8::1\nset sip listener six transport udp\n")
    uri = f"sip:x@{host}"
    route = f"Route: <sip:{host};lr>\r\n" if is_route else ""
    octets = invite("x", extra=route).replace(b"sip:x@192.168.1.1 SIP", uri.encode() + b" SIP")
    office.send(A, octets)
    taken = office.take()
    assert summary(taken) == [(100, A[0]), (404, A[0])]
    assert taken[1][0].header(b"Warning") is not None


@pytest.mark.parametrize("host", ["224.0.0.251", "192.168.1.1"])
def test_a_number_of_nobody_or_of_ours_inside_a_dialog_does_not_end_it(host: str) -> None:
    office = ConnectedOffice()
    request = office.call()[1][0]
    office.send(ONE, answer(request, 200, extra=f"Contact: <sip:bob@{host}>\r\n"))
    (reply, _), = office.take()
    route = f"Route: {reply.header(b'Record-Route').decode()}\r\n"
    office.send(A, head("INFO", f"sip:bob@{host}", A, "info", "201", "bob", 2, to_tag="callee", extra=route))
    assert summary(office.take()) == [(480, A[0])]


def test_a_server_that_was_silent_is_tried_after_the_other_for_half_a_minute() -> None:
    office = ConnectedOffice()
    office.call()
    sent = office.run_until(SILENCE_S + 0.1)
    second = next(m for m, address in sent if address == TWO)
    office.send(TWO, answer(second, 486))
    office.take()
    assert summary(office.call(branch="soon"))[1:] == [("INVITE", TWO[0])]      # no four seconds of silence again
    office.run_until(SILENCE_S + HOLD_S + 20)
    taken = office.call(branch="late")
    assert summary(taken)[1:] == [("INVITE", ONE[0])]


def test_a_server_that_speaks_again_is_held_no_more_and_the_last_one_left_is_tried_all_the_same() -> None:
    office = ConnectedOffice()
    first = office.call()[1][0]
    office.run_until(SILENCE_S + 0.1)
    office.send(ONE, answer(first, 486))
    office.take()
    assert summary(office.call(branch="again"))[1:] == [("INVITE", ONE[0])]
    alone = ConnectedOffice(records={("other.test", "A"): [ONE[0]]})
    alone.call()
    alone.run_until(33)
    assert summary(alone.call(branch="again"))[1:] == [("INVITE", ONE[0])]


@pytest.mark.parametrize(("uri", "flow_host"), [
    ("sip:bob@198.51.100.1;transport=tcp", ONE[0]), ("sip:bob@other.test;transport=tcp", ONE[0])])
def test_a_server_whose_connection_fails_is_500_with_the_reason(uri: str, flow_host: str) -> None:
    office = ConnectedOffice(records={("other.test", "A"): [ONE[0]]})
    octets = invite("bob").replace(b"sip:bob@192.168.1.1 SIP", uri.encode() + b" SIP")
    office.send(A, octets)
    office.take()
    flow = office.flows[office.listeners[1], flow_host.encode(), 5060]
    flow.failure = 'name mismatch: expected "x\\y"\r\nX: y'
    office.office.stack.flow_failed(flow, office.now)
    (reply, _), = office.take()
    assert reply.status == 500
    warning = reply.header(b"Warning") or b""
    assert warning == b'399 192.168.1.1:5060 "198.51.100.1:5060: name mismatch: expected xyX: y"'


def test_a_registered_phone_whose_connection_fails_is_480() -> None:
    office = ConnectedOffice()
    office.send(C, head("REGISTER", "sip:192.168.1.1", C, "r", "202", "202", transport="TCP",
                        extra=f"Contact: <sip:202@{C[0]}:{C[1]};transport=tcp>\r\n"), b"TCP")
    office.take()
    office.send(A, invite())
    office.take()
    office.office.stack.flow_failed(office.flows[office.listeners[1], C[0].encode(), C[1]], office.now)
    assert summary(office.take()) == [(480, A[0])]


def test_other_requests_hunt_as_well_and_end_when_their_caller_has_given_up() -> None:
    office = ConnectedOffice()
    office.send(A, head("OPTIONS", URI, A, "opt", "201", "bob"))
    assert summary(office.take()) == [("OPTIONS", ONE[0])]
    assert ("OPTIONS", TWO[0]) in summary(office.run_until(SILENCE_S + 0.1))
    assert not [status for status, _ in summary(office.run_until(100)) if isinstance(status, int) and status >= 200]
    assert office.office.stack.transactions_open == 0       # RFC 4320 4.2: nobody is sent a 408


# calls of other domains

ACCEPTED = f"set sip domain other.test source {NEIGHBOUR[0]}/32\n"


def foreign(uri: str = "sip:202@192.168.1.1", sender: str = "sip:bob@other.test", method: str = "INVITE",
            extra: str = "") -> bytes:
    contact = f"Contact: <sip:bob@{NEIGHBOUR[0]}>\r\n"
    octets = head(method, uri, NEIGHBOUR, f"f{method}", "bob", "202", extra=contact + extra)
    return octets.replace(b"From: <sip:bob@192.168.1.1>", b"From: <%s>" % sender.encode())


def statuses(office: ConnectedOffice, octets: bytes, source: tuple[str, int] = NEIGHBOUR) -> list[tuple[object, str]]:
    office.send(source, octets)
    return summary(office.take())


def test_another_domain_is_a_stranger_by_default() -> None:
    office = ConnectedOffice()
    office.register("202", C)
    assert statuses(office, foreign()) == [(407, NEIGHBOUR[0])]


def test_a_neighbour_reaches_an_extension_and_the_call_knows_his_name() -> None:
    office = ConnectedOffice(ACCEPTED)
    office.register("202", C)
    assert statuses(office, foreign()) == [(100, NEIGHBOUR[0]), ("INVITE", C[0])]
    call, = office.office.dialogs.calls()
    assert call.caller == b"bob@other.test"


def test_a_neighbour_is_not_told_where_a_phone_is() -> None:
    office = ConnectedOffice(ACCEPTED + "set extension 202 role redirect\n")
    office.register("202", C)
    assert statuses(office, foreign()) == [(100, NEIGHBOUR[0]), ("INVITE", C[0])]
    assert statuses(office, invite(), A) == [(302, A[0])]


@pytest.mark.parametrize(("octets", "source", "status"), [
    (foreign(), ONE, 407),                                                  # from somewhere else
    (foreign(sender="sip:bob@third.test"), NEIGHBOUR, 407),                 # in another name
    (foreign(sender="sip:201@192.168.1.1"), NEIGHBOUR, 407),                # in ours
    (foreign("sip:eve@third.test"), NEIGHBOUR, 407),                        # to a third party
    (foreign(extra="Route: <sip:third.test;lr>\r\n"), NEIGHBOUR, 407),      # by a third party
    (foreign(extra="Route: <sip:192.168.1.1;lr>, <sip:third.test;lr>\r\n"), NEIGHBOUR, 407),
    (foreign("sip:999@192.168.1.1"), NEIGHBOUR, 404),
    (foreign(method="SUBSCRIBE"), NEIGHBOUR, 401),
    (foreign(method="REFER"), NEIGHBOUR, 407),
    (foreign("sip:192.168.1.1", method="REGISTER"), NEIGHBOUR, 401),
])
def test_a_neighbour_reaches_nothing_else(octets: bytes, source: tuple[str, int], status: int) -> None:
    office = ConnectedOffice(ACCEPTED)
    office.register("202", C)
    asked = len(office.zone.asked)
    assert statuses(office, octets, source) == [(status, source[0])]
    assert len(office.zone.asked) == asked      # and makes us look nothing up
