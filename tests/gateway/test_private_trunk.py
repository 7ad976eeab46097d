# SPDX-License-Identifier: Apache-2.0
"""In front of another IP-PBX: trunks on the private side; and behind a NAT, with the address that the outside sees."""

from appliance.call.line import Dial
from appliance.call.party import Party
from tests.gateway.test_router import invite
from tests.gateway.virtual_gateway import CARRIER, Carrier, GatewayBox

STATIC = "set trunk pbx listener office\nset trunk pbx peer 192.168.1.9:5070\nset trunk carrier inbound trunk pbx\n"
REGISTERED = """\
set trunk pbx listener office
set trunk pbx registrar sip:192.168.1.9
set trunk pbx domain pbx.test
set trunk pbx number 300
set trunk pbx secret pbx-secret
set trunk pbx did 300 to 202
set trunk carrier inbound trunk pbx
"""


def join(text: str) -> GatewayBox:
    box = GatewayBox(CARRIER + text)
    Carrier(box.network)
    Carrier(box.network, "192.168.1.9")
    return box.start()


def pass_on(box: GatewayBox, request):
    """The INVITE that goes to the PBX for one that has come from the carrier."""
    dial: Dial = box.trunk().read_dial(request)
    destination = box.gateway.router.route(dial, box.now)[0][0]
    draft = destination.line.draft_invite(destination, dial, b"")
    return destination, draft


def test_a_static_pbx_sees_the_outside_caller_and_the_number_that_was_called():
    request = invite(b"sip:0388887777@203.0.113.5", caller=b'"Sato" <sip:09012345678@carrier.test>')
    destination, draft = pass_on(join(STATIC), request)
    assert destination.uri == b"sip:0388887777@192.168.1.9:5070"
    assert draft.local.startswith(b'"Sato" <sip:09012345678@192.168.1.9:5070>;tag=')
    assert draft.next_hop == b"sip:192.168.1.9:5070"


def test_a_pbx_where_we_are_registered_is_told_the_caller_beside_our_own_account():
    box = join(REGISTERED)
    assert box.trunk("pbx").link.is_up(box.now)
    request = invite(b"sip:0388887777@203.0.113.5", caller=b'"Sato" <sip:09012345678@carrier.test>')
    destination, draft = pass_on(box, request)
    assert destination.uri == b"sip:0388887777@pbx.test"
    assert b"<sip:300@pbx.test>" in draft.local
    assert b"P-Asserted-Identity: <sip:09012345678@pbx.test>\r\n" in draft.lines


def test_a_withheld_caller_stays_withheld_inside():
    for text in (STATIC, REGISTERED):
        _, draft = pass_on(join(text), invite(b"sip:0388887777@203.0.113.5", b"Privacy: id",
                                              b"P-Asserted-Identity: <sip:09012345678@carrier.test>"))
        assert b"anonymous@anonymous.invalid" in draft.local
        assert b"09012345678" not in draft.local + draft.lines


def test_nothing_of_the_pbx_goes_out_to_the_carrier():
    box = join(STATIC + "set trunk pbx inbound trunk carrier\n")
    request = invite(b"sip:09012345678@192.168.1.1", b"Subject: for Tanaka", b"User-Agent: PBX 192.168.1.9",
                     caller=b'"Tanaka" <sip:301@192.168.1.9>')
    dial = box.trunk("pbx").read_dial(request)
    assert dial.caller == Party(b"301", b"Tanaka")
    destination = box.gateway.router.route(dial, box.now)[0][0]
    draft = destination.line.draft_invite(destination, dial, b"")
    written = draft.local + draft.remote + draft.lines + draft.uri
    assert draft.local.startswith(b"<sip:05011112222@carrier.test>")
    assert not [word for word in (b"192.168.", b"Tanaka", b"301", b"PBX") if word in written]


def test_a_number_of_ours_that_the_pbx_presents_is_presented():
    box = join(STATIC + "set trunk pbx inbound trunk carrier\n")
    dial = box.trunk("pbx").read_dial(invite(b"sip:09012345678@192.168.1.1", caller=b"<sip:0312345678@192.168.1.9>"))
    destination = box.gateway.router.route(dial, box.now)[0][0]
    assert destination.line.draft_invite(destination, dial, b"").local.startswith(b"<sip:0312345678@carrier.test>")


def test_behind_a_nat_contact_and_media_have_the_address_that_the_registrar_sees():
    box = join("")
    trunk = box.trunk()
    assert trunk.media_host(None) == "203.0.113.5"
    trunk.core.profile.mapped["wan"] = b"192.0.2.7:40000"
    assert trunk.media_host(None) == "192.0.2.7"
    assert trunk.bind_host(None) == "203.0.113.5"
    assert box.call("05033334444").contact_uri == b"sip:05011112222@192.0.2.7:40000"
    trunk.core.profile.mapped["wan"] = b"[2001:db8::7]:40000"
    assert trunk.media_host(None) == "2001:db8::7"
