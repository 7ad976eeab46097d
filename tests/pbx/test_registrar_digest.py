# SPDX-License-Identifier: Apache-2.0
"""RFC 3665 section 2 through the real stack, authentication and registrar: octets in, octets out."""

from hashlib import md5

import pytest

from appliance.native.sip_scanner import Message, find_parameter
from appliance.pbx.account import Account, AccountDirectory
from appliance.pbx.authentication import Authentication, AuthenticationPolicy
from appliance.pbx.location import Location
from appliance.pbx.register_reading import ExpiryPolicy
from appliance.pbx.registrar import Registrar
from appliance.sip.digest.algorithm import MD5, compute_ha1
from appliance.sip.flow import UDP, Flow, Listener
from appliance.sip.stack import SipStack
from appliance.vocabulary.counters import Counters
from appliance.vocabulary.journal import SilentJournal
from tests.pbx.registrar_office import DOMAINS, PHONE, build_register

REALM = b"office.test"
HERE = b"<sip:1001@192.0.2.10:5060>"


def make_octets(count):
    return bytes(range(7, 7 + count))


def make_account(extension, username, secret):
    return Account(extension, username, "", (MD5,), (compute_ha1(MD5, username, REALM, secret),))


class Server:
    """One listener with the stack on it; its transaction user serves REGISTER alone."""

    def __init__(self):
        self.now = 100.0
        self.listener = Listener("office", UDP, b"192.0.2.1", 5060)
        self.flow = Flow(self.listener, *PHONE)
        counters, journal = Counters(), SilentJournal()
        self.stack = SipStack(lambda listener, host, port: Flow(listener, host, port), make_octets, counters)
        accounts = AccountDirectory(REALM, [make_account(b"1001", b"1001", b"alpha"),
                                            make_account(b"1003", b"phone3", b"charlie")])
        authentication = Authentication(accounts, AuthenticationPolicy(), make_octets, counters, journal)
        self.location = Location(self.stack.timers, None, self.stack.flow_to, counters, journal)
        self.registrar = Registrar(self.stack, self.location, authentication, DOMAINS, ExpiryPolicy())
        self.stack.serve(self)

    def request_received(self, message, flow, now):
        self.registrar.handle_register(message, flow, now)

    def send(self, octets):
        """The response to a datagram from the phone."""
        self.stack.receive_datagram(octets, self.flow, self.now)
        (octets, _), = self.listener.outbox
        self.listener.outbox.clear()
        return Message(octets)


def build_answer(challenge, username, secret, uri=b"sip:office.test"):
    """The Authorization line for a 401."""
    nonce = find_parameter(b";" + challenge.header(b"WWW-Authenticate")[7:].replace(b",", b";"), b"nonce")
    ha1 = md5(b"%b:%b:%b" % (username, REALM, secret)).hexdigest()
    ha2 = md5(b"REGISTER:" + uri).hexdigest()
    response = md5(b"%b:%b:00000001:c:auth:%b" % (ha1.encode(), nonce, ha2.encode())).hexdigest().encode()
    return (b'Authorization: Digest username="%b", realm="%b", nonce="%b", uri="%b", qop=auth, nc=00000001, '
            b'cnonce="c", response="%b"' % (username, REALM, nonce, uri, response))


@pytest.fixture
def server():
    return Server()


def register(server, *contacts, user=b"1001", username=b"1001", secret=b"alpha", cseq=1, lines=()):
    """A challenged and answered REGISTER: both responses."""
    challenge = server.send(build_register(*contacts, user=user, cseq=cseq, lines=lines))
    answer = build_answer(challenge, username, secret)
    return challenge, server.send(build_register(*contacts, user=user, cseq=cseq + 1, lines=[*lines, answer]))


def test_2_1_a_new_registration_is_challenged_without_state_and_then_accepted(server):
    challenge, accepted = register(server, HERE)
    assert (challenge.status, accepted.status) == (401, 200)
    assert accepted.data.startswith(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK2;rport=5060;"
                                    b"received=192.0.2.10\r\n")
    assert (accepted.call_id, accepted.cseq) == (b"c1@phone", 2)
    assert accepted.to_tag
    assert accepted.values(b"Contact") == [HERE + b";expires=3600"]
    assert server.stack.transactions_open == 1      # of the second REGISTER; the challenge left none


def test_2_2_to_2_4_update_query_and_cancel(server):
    register(server, HERE)
    mail = b"<mailto:1001@office.test>"
    assert len(register(server, mail, cseq=3)[1].values(b"Contact")) == 2
    assert len(register(server, cseq=5)[1].values(b"Contact")) == 2
    assert register(server, b"*", cseq=7, lines=[b"Expires: 0"])[1].values(b"Contact") == []


def test_2_5_a_wrong_secret_is_challenged_again_and_binds_nothing(server):
    assert register(server, HERE, secret=b"wrong")[1].status == 401
    assert server.location.count_bindings() == 0


def test_a_retransmission_gets_the_same_octets_and_is_not_judged_again(server):
    challenge = server.send(build_register(HERE))
    octets = build_register(HERE, cseq=2, lines=[build_answer(challenge, b"1001", b"alpha")])
    assert server.send(octets).data == server.send(octets).data
    assert server.location.bindings_of(b"1001")[0].cseq == 2


def test_the_digest_user_name_may_differ_from_the_extension(server):
    assert register(server, HERE, user=b"1003", username=b"phone3", secret=b"charlie")[1].status == 200
    assert register(server, HERE, user=b"1003", username=b"1001", secret=b"alpha", cseq=3)[1].status == 403


def test_a_stranger_cannot_tell_which_addresses_exist(server):
    known = server.send(build_register(HERE))
    unknown = server.send(build_register(HERE, user=b"4711", cseq=2))
    known_names = [name for name, _ in known.header_lines()]
    assert known_names == [name for name, _ in unknown.header_lines()]
    assert known.status == unknown.status == 401
