# SPDX-License-Identifier: Apache-2.0
"""What comes to the gateway in unusual forms: numbers with parameters, URNs, addresses of carriers, names of ours."""

import pytest

from appliance.pbx.proxy.target import NamedTarget
from tests.call.virtual_calls import CARRIER, VirtualCalls

EMERGENCY = "set trunk carrier emergency true\n"
ABROAD = "sip:0104412345678@198.51.100.1:5060"


@pytest.fixture
def office() -> VirtualCalls:
    made = VirtualCalls(CARRIER + EMERGENCY)
    made.watches_topology = False
    return made


def called(office: VirtualCalls, uri: str) -> bytes:
    """The Request-URI at the carrier of a call that 201 makes."""
    carrier, phone = office.phones.get("carrier") or office.carrier(), office.phones.get("201") or office.phone("201")
    call = phone.invite("x", uri=uri)
    assert carrier.calls, call.labels
    return carrier.ringing.invite.uri


@pytest.mark.parametrize("number", ["0312345678;phone-context=+81", "0312345678;npdi", "0312345678;isub=1;x=y"])
def test_parameters_of_a_number_are_not_dialled(office, number):
    assert called(office, f"sip:{number}@192.168.1.1") == b"sip:0312345678@198.51.100.1"


@pytest.mark.parametrize(("uri", "number"), [
    ("urn:service:sos", b"119"), ("urn:service:sos.police", b"110"), ("URN:SERVICE:SOS.fire", b"119"),
    ("tel:110", b"110"), ("tel:118;phone-context=+81", b"118"), ("sip:110@198.51.100.1", b"110")])
def test_a_call_for_help_may_be_written_in_any_way(office, uri, number):
    assert called(office, uri) == b"sip:%s@198.51.100.1" % number


@pytest.mark.parametrize("uri", ["urn:service:counseling", "urn:isbn:1", "tel:"])
def test_no_other_urn_is_called(office, uri):
    office.carrier()
    assert office.phone("201").invite("x", uri=uri).last().status >= 400


def test_a_number_at_the_carriers_own_address_is_dialled_with_the_callers_rights(office):
    assert called(office, "sip:0312345678@198.51.100.1:5060") == b"sip:0312345678@198.51.100.1"
    for way in (ABROAD, ABROAD + ";maddr=198.51.100.1", "sip:0104412345678@elsewhere.test;maddr=198.51.100.1"):
        call = office.phones["201"].invite("x", uri=way)
        assert call.last().status == 403, way
    assert len(office.phones["carrier"].calls) == 1


@pytest.mark.parametrize("route", ["<sip:198.51.100.1;lr>", "<sip:192.168.1.1;lr>, <sip:198.51.100.1;lr>",
                                   "<sip:198.51.100.1:7000>"])
def test_no_route_of_a_phone_leads_to_the_carrier(office, route):
    carrier, phone = office.carrier(), office.phone("201")
    for uri in (ABROAD, "sip:0104412345678@192.168.1.1", "sip:x@elsewhere.test"):
        call = phone.invite("x", uri=uri, lines=f"Route: {route}\r\n")
        assert call.last().status == 403, uri
    assert not carrier.calls
    assert not office.strangers


def test_a_phone_that_sends_its_calls_to_the_carriers_address_needs_the_right(office):
    carrier, phone, other = office.carrier(), office.phone("201"), office.phone("202")
    call = other.invite("201")
    phone.ringing.respond(302, lines=f"Contact: <{ABROAD}>\r\n")
    assert call.last().status >= 400
    assert not carrier.calls


@pytest.mark.parametrize(("caller", "shown"), [
    ("201", b"sip:201@198.51.100.1"), ("09012345678", b"sip:09012345678@192.168.1.1"),
    ("819012345678", b"sip:09012345678@192.168.1.1"), ("8190123456", b"sip:8190123456@192.168.1.1")])
def test_nobody_outside_looks_like_a_colleague(office, caller, shown):
    carrier, phone = office.carrier(), office.phone("201")
    carrier.user = caller
    carrier.invite("05011112222")
    assert phone.ringing.invite.from_uri == shown


def test_sips_of_a_carrier_over_something_else_than_tls_is_refused(office):
    office.phone("201")
    assert office.carrier().invite("x", uri="sips:05011112222@203.0.113.5").last().status == 416


def test_the_hosts_of_a_trunk_are_known_by_every_name_and_in_every_form():
    office = VirtualCalls(CARRIER + "set trunk named listener wan\nset trunk named registrar sip:Sip.Carrier.Example\n"
                                    "set trunk named domain carrier.example\nset trunk named number 05022223333\n"
                                    "set trunk named proxy sip:[2001:db8::7]:5070\nset trunk named secret s3cretive\n")
    hosts = office.gateway.router.hosts
    for host in (b"198.51.100.1", b"::ffff:198.51.100.1", b"[::ffff:c633:6401]", b"sip.carrier.example.",
                 b"carrier.EXAMPLE", b"2001:db8:0::7"):
        assert host in hosts, host
    for host in (b"198.51.100.2", b"carrier.example.com", b"office.test", b"192.168.1.1", b""):
        assert host not in hosts, host
    assert hosts.has_uri(b"sips:1@SIP.carrier.example:7000;transport=tls")
    assert not hosts.has_uri(b"tel:+4412345678")


@pytest.mark.parametrize(("host", "may_go"), [(b"198.51.100.1", False), (b"198.51.100.2", True)])
def test_whatever_leads_to_a_carriers_address_ends_there_for_requests_of_the_office(office, host, may_go):
    near, hop, found = office.listeners[0], b"sip:x@%s:5060" % host, []
    targets, finder = office.office._parts.targets, office.office.finder
    assert (targets.flow_to_uri(hop, near) is not None) is may_go
    finder.find(NamedTarget(hop, hop, near, 0), 500, lambda flows, verdict, now: found.append(len(flows)), office.now)
    assert found == [int(may_go)]
