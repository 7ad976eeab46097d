# SPDX-License-Identifier: Apache-2.0
"""Nothing of the office is ever in what goes out: configurations and calls by chance, every octet searched."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.call.party import Party
from appliance.native.sip_scanner import Message
from tests.gateway.virtual_gateway import CARRIER, GatewayBox, join_carrier

SECRETS = (b"192.168.", b"office.test", b"Tanaka", b"reception-pc", b"sip:201@", b"sip:202@", b"<201>", b"Snom",
           b"phone-call-id")
HEADERS = (b"Subject", b"User-Agent", b"Call-Info", b"Alert-Info", b"Accept-Language", b"Priority", b"Organization",
           b"P-Asserted-Identity", b"P-Preferred-Identity", b"Remote-Party-ID", b"Diversion", b"History-Info",
           b"Reply-To", b"Referred-By", b"Server", b"Warning", b"X-Phone", b"User-to-User", b"Contact", b"Geolocation",
           b"In-Reply-To", b"Authorization", b"Proxy-Authorization", b"Session-ID", b"P-Access-Network-Info",
           b"Identity")
VALUES = (b"<sip:201@office.test>", b"Tanaka", b'"Tanaka" <sip:201@192.168.1.11>', b"192.168.1.11",
          b"Snom/8 reception-pc", b"ja, 192.168.1.11", b"urgent", b"<http://192.168.1.1/ring.wav>",
          b"phone-call-id@192.168.1.11")


def phone_invite(lines: list[tuple[bytes, bytes]]) -> Message:
    """What a phone of the office sends."""
    written = b"".join([b"%s: %s\r\n" % line for line in lines])
    return Message(b"INVITE sip:05033334444@office.test SIP/2.0\r\n"
                   b"Via: SIP/2.0/UDP 192.168.1.11;branch=z9hG4bKreception-pc\r\n"
                   b'From: "Tanaka" <sip:201@office.test>;tag=1\r\nTo: <sip:05033334444@office.test>\r\n'
                   b"Call-ID: phone-call-id@192.168.1.11\r\nCSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n" % written)


def search_outside(box: GatewayBox) -> list[bytes]:
    """What of the office's stands in anything that has left on the public side."""
    outside = b"".join([message.data for _at, source, _target, message in box.network.sent
                        if source == (b"203.0.113.5", 5060)])
    assert outside
    return [secret for secret in SECRETS if secret in outside]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(profile=st.sampled_from(["generic", "jp-050", "hikari-direct"]), extension=st.sampled_from([b"201", b"202"]),
       dialled=st.sampled_from(["05033334444", "18405033334444", "18605033334444", "0120444444", "110"]),
       is_private=st.booleans(), name=st.sampled_from([b"", b"Tanaka"]), is_emergency=st.booleans(),
       lines=st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from(VALUES)), max_size=12))
def test_no_octet_of_the_office_is_in_a_call_to_a_carrier(profile, extension, dialled, is_private, name, is_emergency,
                                                          lines):
    text = CARRIER + f"set trunk carrier profile {profile}\nset route eighteen prefix 18\n" \
                     "set route eighteen trunk carrier\n"
    if is_emergency:
        text = text.replace("set emergency none\n", "") + "set trunk carrier emergency true\n"
    box = join_carrier(text)[0].start()
    groups = box.dial(dialled, extension, Party(extension, name, is_private), phone_invite(lines))
    if isinstance(groups, list):
        box.call(dialled, extension, Party(extension, name, is_private), phone_invite(lines))
    assert search_outside(box) == []


@pytest.mark.parametrize("retries", [1, 3])
def test_no_octet_of_the_office_is_in_refusals_to_strangers_and_unregistering(retries):
    box, carrier = join_carrier()
    box.start()
    for _ in range(retries):
        carrier.send_invite(box, b"sip:nobody@203.0.113.5", source=(b"198.51.100.77", 5060))
        box.call("05033334444")
    box.gateway.renew(box.now)
    box.network.run(1)
    box.gateway.stop(box.now)
    box.network.run(40)
    assert search_outside(box) == []


def test_the_search_finds_what_it_looks_for():
    box, _ = join_carrier(CARRIER)
    box.start()
    box.network.send((b"203.0.113.5", 5060), (b"198.51.100.1", 5060), phone_invite([]).data)
    assert b"192.168." in search_outside(box)
