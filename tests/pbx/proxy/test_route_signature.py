# SPDX-License-Identifier: Apache-2.0
"""Record-Route values of ours are known again, from wherever our listeners were when we wrote them."""

from appliance.native.sip_scanner import Message, split_address
from appliance.pbx.proxy.route_signature import RouteSigner
from appliance.sip.flow import Listener, Side
from tests.pbx.proxy.virtual_office import invite

OTHER_KEY = b"o" * 16


def write(signer: RouteSigner, listener: Listener, request: Message) -> bytes:
    """The URI of the one line."""
    line = signer.build_lines(request, listener, listener)
    return split_address(line.partition(b": ")[2].rstrip())[1]


def test_a_value_is_ours_after_its_listener_has_moved():
    listener = Listener("office", b"UDP", b"192.168.1.1", 5060)
    signer = RouteSigner(bytes(16), [listener])
    request = Message(invite(), b"192.168.1.11", 5060)
    before = write(signer, listener, request)
    listener.move("office", b"192.168.1.2", 5062, Side.PRIVATE)
    signer.reconfigure([listener])
    after = write(signer, listener, request)
    assert b"192.168.1.2:5062" in after
    for uri in (before, after):
        assert signer.has_written(uri)
        assert signer.is_signed(uri, request)


def test_a_value_with_another_seal_has_our_form_and_proves_nothing():
    listener = Listener("office", b"UDP", b"192.168.1.1", 5060)
    request = Message(invite(), b"192.168.1.11", 5060)
    forged = write(RouteSigner(OTHER_KEY, [listener]), listener, request)
    signer = RouteSigner(bytes(16), [listener])
    assert signer.has_written(forged)
    assert not signer.is_signed(forged, request)
    assert not signer.has_written(forged.replace(b"192.168.1.1", b"192.168.1.9"))
