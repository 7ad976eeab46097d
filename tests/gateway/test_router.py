# SPDX-License-Identifier: Apache-2.0
"""Where calls go: extensions, routes, rights, inbound numbers, joined trunks."""

import pytest

from appliance.call.line import Dial, Refused
from appliance.call.party import NOBODY, Party
from appliance.native.sip_scanner import Message
from tests.gateway.virtual_gateway import CARRIER, OFFICE_LINE, GatewayBox, join_carrier

PBX = """\
set trunk pbx listener office
set trunk pbx peer 192.168.1.9:5060
set trunk pbx inbound trunk carrier
set trunk carrier inbound trunk pbx
set route branch prefix 7
set route branch trunk pbx
"""


@pytest.fixture
def box() -> GatewayBox:
    return join_carrier()[0].start()


def names(groups) -> list[tuple[str, bytes]]:
    """Line and Request-URI of each destination."""
    assert not isinstance(groups, Refused), groups
    return [(one.line.name, one.uri) for group in groups for one in group]


def invite(uri: bytes, *lines: bytes, to: bytes | None = None, caller: bytes = b"<sip:05033334444@carrier.test>"):
    return Message(b"".join([
        b"INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK1\r\n" % uri,
        b"From: %s;tag=1\r\nTo: <%s>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" % (caller, to or uri),
        *[line + b"\r\n" for line in lines], b"Content-Length: 0\r\n\r\n"]))


def ring(box: GatewayBox, request: Message, trunk: str = "carrier"):
    """What becomes of an INVITE that has come on a trunk."""
    return box.gateway.router.route(box.trunk(trunk).read_dial(request), box.now)


def test_extensions_come_before_routes(box):
    assert names(box.dial("202")) == [("office", b"sip:202@192.168.1.11")]


def test_a_number_goes_to_its_routes_trunk_as_dialled(box):
    assert names(box.dial("05033334444")) == [("carrier", b"sip:05033334444@carrier.test")]
    assert names(box.dial("0120-444-444")) == [("carrier", b"sip:0120444444@carrier.test")]


def test_what_no_route_has_is_not_found(box):
    for dialled in ("333", "alice", "+", "", "0", "0a", "05033334444@x", "0" * 65):
        refused = box.dial(dialled)
        if dialled == "0":
            assert names(refused) == [("carrier", b"sip:0@carrier.test")]
            continue
        assert isinstance(refused, Refused), dialled
        assert (refused.status, refused.q850) == (404, 1)


def test_184_and_186_are_no_part_of_what_a_route_begins_with(box):
    for dialled in ("1860312345678", "1840312345678"):  # this carrier takes them as digits
        assert names(box.dial(dialled)) == [("carrier", b"sip:%s@carrier.test" % dialled.encode())]
    assert isinstance(box.dial("117"), Refused)     # no route has it
    assert isinstance(box.dial("184117"), Refused)


def test_a_route_of_its_own_carries_104_and_117_and_may_name_184():
    box = join_carrier(CARRIER + "set trunk b listener wan\nset trunk b peer 198.51.100.2:5060\n"
                                 "set route services prefix 1\nset route services trunk carrier\n"
                                 "set route hidden prefix 1840\nset route hidden trunk b\n")[0].start()
    assert names(box.dial("104")) == [("carrier", b"sip:104@carrier.test")]
    assert names(box.dial("184117")) == [("carrier", b"sip:184117@carrier.test")]
    assert names(box.dial("1860312345678")) == [("carrier", b"sip:1860312345678@carrier.test")]
    assert names(box.dial("1840312345678")) == [("b", b"sip:1840312345678@198.51.100.2")]


def test_the_longest_prefix_wins_and_its_digits_are_taken_off():
    box = join_carrier(CARRIER + "set trunk b listener wan\nset trunk b peer 198.51.100.2:5060\n"
                                 "set route mobile prefix 090\nset route mobile strip 1\nset route mobile trunk b\n")[0]
    box.start()
    assert names(box.dial("09012345678")) == [("b", b"sip:9012345678@198.51.100.2")]
    assert names(box.dial("0312345678")) == [("carrier", b"sip:0312345678@carrier.test")]


@pytest.mark.parametrize(("dialled", "status"), [("01012125551234", 403), ("0990123456", 403), ("1840990123456", 403),
                                                 ("0990123456#", 403), ("0570123456*", 403), ("09901234567", 403)])
def test_what_costs_is_closed_unless_somebody_opens_it(box, dialled, status):
    refused = box.dial(dialled)
    assert isinstance(refused, Refused)
    assert refused.status == status
    if status == 403:
        assert box.journal.named("call_blocked")[0]["extension"] == b"201"


def test_the_route_or_the_extension_opens_a_class():
    box = join_carrier(CARRIER + "set route outside allow premium\nset extension 202 allow international\n")[0].start()
    assert names(box.dial("0990123456")) == [("carrier", b"sip:0990123456@carrier.test")]
    assert isinstance(box.dial("01012125551234"), Refused)
    assert names(box.dial("01012125551234", b"202")) == [("carrier", b"sip:01012125551234@carrier.test")]


def test_whoever_is_no_extension_reaches_extensions_alone(box):
    assert names(box.dial("201", b"")) == [("office", b"sip:201@192.168.1.11")]
    refused = box.dial("05033334444", b"")
    assert isinstance(refused, Refused)
    assert refused.status == 403


def test_whoever_forwards_pays_with_his_own_rights(box):
    dial = Dial(b"201", b"sip:201@office.test", box.trunk(), Party(b"05033334444"), b"201")
    follow = box.gateway.router.follow
    mobile = [("carrier", b"sip:09012345678@carrier.test")]
    assert names(follow(dial, b"sip:09012345678@office.test", box.now)) == mobile
    assert names(follow(dial, b"tel:+81-90-1234-5678", box.now)) == mobile
    assert names(follow(dial, b"sip:202@office.test", box.now)) == [("office", b"sip:202@192.168.1.11")]
    assert follow(dial, b"sip:01012125551234@office.test", box.now).status == 403
    assert follow(dial._replace(extension=b""), b"sip:09012345678@office.test", box.now).status == 403
    assert follow(dial, b"sip:bob@elsewhere.test", box.now).reason == "elsewhere"


@pytest.mark.parametrize("request_", [
    invite(b"sip:0312345678@203.0.113.5"),
    invite(b"sip:+81312345678@203.0.113.5;user=phone"),
    invite(b"sip:81312345678@203.0.113.5"),
    invite(b"sip:05011112222@203.0.113.5;line=x", to=b"sip:0312345678@carrier.test"),
    invite(b"sip:05011112222@203.0.113.5", b"P-Called-Party-ID: <sip:+81312345678@carrier.test>"),
    invite(b"tel:+81-3-1234-5678"),
])
def test_a_number_of_ours_rings_its_extension_wherever_the_carrier_says_it(box, request_):
    assert names(ring(box, request_)) == [("office", b"sip:202@192.168.1.11")]


def test_the_contacts_own_number_counts_where_no_other_is_said(box):
    assert names(ring(box, invite(b"sip:05011112222@203.0.113.5"))) == [("office", b"sip:201@192.168.1.11")]
    forwarded = invite(b"sip:05011112222@203.0.113.5", to=b"sip:0699999999@carrier.test")
    assert names(ring(box, forwarded)) == [("office", b"sip:201@192.168.1.11")]


@pytest.mark.parametrize("uri", [
    b"sip:0399999999@203.0.113.5", b"sip:201@203.0.113.5", b"sip:05033334444@203.0.113.5", b"sip:203.0.113.5",
    b"sip:01012125551234@203.0.113.5", b"sip:110@203.0.113.5", b"sip:bob@elsewhere.test"])
def test_a_carrier_reaches_our_numbers_and_nobody_else(box, uri):
    refused = ring(box, invite(uri))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.q850) == (404, 1)
    assert box.journal.named("unknown_number_called")


def test_a_call_of_a_trunk_has_nobodys_rights(box):
    dial = box.trunk().read_dial(invite(b"sip:05011112222@203.0.113.5"))
    assert dial.extension == b""
    assert dial.origin is box.trunk()
    assert dial.caller == Party(b"05033334444")


def test_calls_pass_between_a_pbx_and_the_carrier_with_the_number_kept():
    box = join_carrier(CARRIER + PBX)[0].start()
    from_pbx = invite(b"sip:09012345678@192.168.1.1", caller=b"<sip:301@192.168.1.9>")
    assert names(ring(box, from_pbx, "pbx")) == [("carrier", b"sip:09012345678@carrier.test")]
    to_pbx = invite(b"sip:05011112222@203.0.113.5", to=b"sip:0388887777@carrier.test")
    assert names(ring(box, invite(b"sip:0388887777@203.0.113.5"))) == [("pbx", b"sip:0388887777@192.168.1.9")]
    assert names(ring(box, to_pbx)) == [("office", b"sip:201@192.168.1.11")]
    assert names(box.dial("7001")) == [("pbx", b"sip:7001@192.168.1.9")]


def test_a_pbx_behind_us_has_its_own_rights():
    box = join_carrier(CARRIER + PBX)[0].start()
    abroad = invite(b"sip:01012125551234@192.168.1.1")
    assert ring(box, abroad, "pbx").status == 403
    box = join_carrier(CARRIER + PBX + "set trunk pbx inbound allow international\n")[0].start()
    assert names(ring(box, abroad, "pbx")) == [("carrier", b"sip:01012125551234@carrier.test")]


def test_trunks_are_tried_in_the_routes_order_without_those_that_are_down():
    more = "".join(f"set trunk {name} listener wan\nset trunk {name} peer 198.51.100.{number}:5060\n"
                   f"set route outside trunk {name}\n" for number, name in ((2, "second"), (3, "third")))
    box = join_carrier(CARRIER + more)[0]
    box.gateway.start(box.now)
    assert [line for line, _ in names(box.dial("05033334444"))] == ["second", "third"]
    box.network.run(1)
    assert [line for line, _ in names(box.dial("05033334444"))] == ["carrier", "second", "third"]


def test_channels_are_counted():
    box = join_carrier(CARRIER + "set trunk carrier channels 2\n")[0].start()
    trunk = box.trunk()
    assert trunk.may_begin(box.now)
    trunk.call_begins()
    trunk.call_begins()
    assert trunk.is_full
    assert not trunk.may_begin(box.now)
    trunk.call_ends()
    assert trunk.may_begin(box.now)


def test_what_the_router_does_can_be_asked_without_calling(box):
    explain = box.gateway.explain_route
    assert explain("202", "201", box.now) == ["202 is an extension", "its telephones ring"]
    assert explain("05033334444", "201", box.now) == [
        "route outside: prefix 0", "trunk carrier (up) would be sent 05033334444", "tried in this order: carrier"]
    assert explain("01012125551234", "201", box.now)[-1] == "403"
    assert explain("333", "201", box.now)[-1] == "404"
    assert explain("110", "201", box.now) == ["110 is an emergency number", "no trunk carries it: 503"]
    assert box.network.labels() == ["REGISTER", "200 REGISTER"]


def test_who_calls_from_nowhere_is_nobody(box):
    dial = Dial(b"", b"", OFFICE_LINE, NOBODY, b"")
    assert box.gateway.router.route(dial, box.now).status == 404


def test_a_call_that_has_gone_round_long_enough_goes_out_no_more():
    box = join_carrier(CARRIER + PBX)[0].start()
    request = b"sip:09012345678@192.168.1.1"
    assert [line for line, _ in names(ring(box, invite(request, b"Max-Forwards: 1"), "pbx"))] == ["carrier"]
    assert ring(box, invite(request, b"Max-Forwards: 0"), "pbx").status == 483
