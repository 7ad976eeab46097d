# SPDX-License-Identifier: Apache-2.0
"""Several identities on one stack: the office's and two trunks', each with its own profile, credentials and servers."""

from appliance.sip.digest.client import DigestClient
from appliance.sip.flow import UDP, Flow, Listener, Side
from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog_server import DialogServer
from appliance.ua.inspection import Refusal
from appliance.ua.outgoing_invite import OutgoingInvite
from appliance.ua.profile import AgentProfile
from tests.ua.numeric_locator import NumericLocator
from tests.ua.test_requests import challenge
from tests.ua.virtual_network import Caller, Network, Phone


def add_identity(box: Phone, user: bytes, secret: tuple[bytes, bytes] | None) -> AgentCore:
    """One more core on this phone's stack."""
    profile = AgentProfile(b"sip:%s@carrier.test" % user, user)
    profile.product = user
    return AgentCore(box.stack, profile, DigestClient(lambda realm: secret, box._octets),
                     NumericLocator(box.stack, [box.listener]), box._octets, box.core.dialogs)


def call_by(core: AgentCore, user: Caller, target: Phone, now: float) -> OutgoingInvite:
    draft = core.draft_request(b"INVITE", b"sip:x@%s" % target.listener.hostport)
    draft.contact = core.profile.contact
    draft.body = b"offer"
    call = OutgoingInvite(core, draft, user)
    call.start(now)
    return call


def test_each_call_is_served_by_the_identity_that_made_it():
    network = Network()
    box, carrier = Phone(network, "192.168.1.1", "box"), Phone(network, "198.51.100.20", "carrier")
    carrier.user.script["offered"] = lambda call, now: call.answer(b"answer", now)
    cores = [add_identity(box, user, None) for user in (b"one", b"two")]
    calls = [call_by(core, box.user, carrier, network.now) for core in cores]
    network.run(1)
    assert len(box.core.dialogs) == 2
    box.user.script["offer_received"] = lambda call, now: call.answer_offer(b"answer", now)
    for call in carrier.user.calls:
        call.change_session(b"hold", network.now)
    network.run(1)
    answers = [message.contact_uri for message in network.messages("200 INVITE", box)]
    assert sorted(answers) == [b"sip:one@192.168.1.1:5060", b"sip:two@192.168.1.1:5060"]
    for call in calls:
        call.hang_up(network.now)
    network.run(40)
    assert box.is_quiet


def test_one_trunks_credentials_are_never_sent_by_another():
    network = Network()
    box, carrier = Phone(network, "192.168.1.1", "box"), Phone(network, "198.51.100.20", "carrier")
    one, two = add_identity(box, b"one", (b"one", b"s1")), add_identity(box, b"two", (b"two", b"s2"))

    class Judge:
        def challenge(self, request, flow, now: float):
            return None if request.has_credentials else Refusal(401, challenge(b"one.test"))
    carrier.agent._authenticator = Judge()
    for core in (one, two, one):
        call_by(core, Caller(box), carrier, network.now)
        network.run(1)
    lines = [message.header(b"Authorization") for message in network.messages("INVITE")]
    assert [line and line.partition(b'"')[2][:3] for line in lines] == [None, b"one", None, b"two", b"one"]


def test_an_element_serves_what_is_no_dialog_of_ours_itself():
    network = Network()
    box, phone = Phone(network, "192.168.1.1", "box"), Phone(network, "192.168.1.11", "201")
    phone.user.script["offered"] = lambda call, now: call.answer(b"answer", now)
    server = DialogServer(box.stack, box.core.dialogs)
    other: list[str] = []

    class Element:
        """As the office's server: it asks first, and goes on with what is left."""

        def request_received(self, message, flow, now: float) -> None:
            if not (message.to_tag and server.serve_in_dialog(message, flow, now)):
                other.append(message.method.decode())

        def ack_received(self, message, flow, now: float) -> None:
            if not server.ack_received(message, flow, now):
                other.append("ACK")

        def cancel_received(self, invite, cancel, now: float) -> None:
            if not server.cancel_received(invite, cancel, now):
                other.append("CANCEL")
    box.stack.serve(Element())
    call = call_by(box.core, box.user, phone, network.now)
    network.run(1)
    phone.user.calls[0].hang_up(network.now)
    network.run(1)
    assert network.labels()[-1] == "200 BYE"
    assert other == []
    stray = call.dialog.draft_request(b"BYE").write(b"Via: SIP/2.0/UDP 192.168.1.11;branch=z9hG4bKstray\r\n",
                                                    box.flow_to(box.listener, *phone.address))
    box.receive(stray, phone.address, network.now)
    box.receive(stray.replace(b"BYE", b"ACK").replace(b"stray", b"ack"), phone.address, network.now)
    assert other == ["BYE", "ACK"]
    phone.call(box)
    network.run(0.1)
    assert other[2:] == ["INVITE"]


def test_a_peer_that_changes_sides_is_served_and_counted():
    network = Network()
    box, phone = Phone(network, "192.168.1.1", "box"), Phone(network, "192.168.1.11", "201")
    box.user.script["offered"] = lambda call, now: call.answer(b"answer", now)
    call = phone.call(box)
    network.run(1)
    wan = Listener("wan", UDP, b"203.0.113.1", 5060, Side.PUBLIC)
    flow = Flow(wan, b"203.0.113.77", 4000)
    octets = call.dialog.draft_request(b"OPTIONS").write(b"Via: SIP/2.0/UDP 203.0.113.77:4000;branch=z9hG4bKm\r\n",
                                                         flow)
    box.stack.receive_datagram(octets, flow, network.now)
    assert box.stack.counters["dialogs_changed_side"] == 1
    assert box.user.calls[0].dialog.flow is flow
    assert wan.outbox[0][0].startswith(b"SIP/2.0 200")
