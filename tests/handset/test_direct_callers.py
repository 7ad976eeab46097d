# SPDX-License-Identifier: Apache-2.0
"""Who calls a telephone at its own address proves that he may; its server does not have to (RFC 3261 22.2). And what
it knows itself it proves to its server alone."""

import hashlib

import pytest

from appliance.handset.direct_callers import DirectCallers
from appliance.native.sip_scanner import Message
from appliance.ua.inspection import Refusal
from tests.handset.desk import HOST, SERVER, Desk, Registrar, credentials, write_sdp
from tests.ua.virtual_network import Network, Phone

PEER = "10.0.0.2"
SECRET = "who-knows-this-may-call"


class Porch:
    """A desk with a secret, its server, and somebody who calls it at its address, knowing `secret`."""

    def __init__(self, secret: str = SECRET, username: str = "desk") -> None:
        self.network = Network()
        self.server = Phone(self.network, SERVER, "server")
        Registrar(self.server)
        known = {b"desk": (username.encode(), secret.encode())} if secret else {}
        self.peer = Phone(self.network, PEER, "202", secrets=known)
        self.desk = Desk(self.network, credentials(), secret=SECRET)
        self.desk.account.start(self.network.now)
        self.network.run(1)

    def ring(self, phone: Phone) -> None:
        phone.call(b"", write_sdp(phone.listener.address, 6000), b"sip:201@%s:5060" % HOST.encode())
        self.network.run(0.5)

    @property
    def states(self) -> tuple[str, int]:
        return self.desk.state, len(self.network.messages("401 INVITE", self.desk))


def test_who_knows_the_secret_is_asked_once_and_rings():
    porch = Porch()
    porch.ring(porch.peer)
    assert porch.states == ("ringing", 1)
    porch.desk.do("lift")
    porch.network.run(1)
    assert porch.desk.state == "talking"


@pytest.mark.parametrize(("secret", "username"), [("", ""), ("wrong", "desk"), (SECRET, "porch")])
def test_who_does_not_is_refused_and_nothing_rings(secret, username):
    porch = Porch(secret, username)
    porch.ring(porch.peer)
    assert porch.desk.state == "idle"
    assert porch.states[1] >= 1
    assert not porch.desk.voice.ports


def test_the_server_is_not_asked():
    porch = Porch()
    porch.ring(porch.server)
    assert porch.states == ("ringing", 0)


def test_options_tell_a_stranger_nothing():
    porch = Porch(secret="")
    draft = porch.peer.core.draft_request(b"OPTIONS", b"sip:201@%s:5060" % HOST.encode())
    porch.peer.agent.send_request(draft, Silence(), porch.network.now)
    porch.network.run(1)
    assert porch.network.messages("401 OPTIONS", porch.desk)
    assert not porch.network.messages("200 OPTIONS", porch.desk)


class Silence:
    def provisional_received(self, request, response, now) -> None:
        pass

    def request_succeeded(self, request, response, now) -> None:
        raise AssertionError("let in")

    def request_refused(self, request, status, response, now) -> None:
        pass


# ---- octets, without our own client

def write_invite(authorization: str = "") -> Message:
    line = f"Authorization: {authorization}\r\n" if authorization else ""
    return Message((f"INVITE sip:desk@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
                    f"From: <sip:x@{PEER}>;tag=1\r\nTo: <sip:desk@{HOST}>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{line}"
                    "Content-Length: 0\r\n\r\n").encode())


def digest(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def prove(challenge: bytes, secret: str = SECRET, count: int = 1) -> str:
    nonce = challenge.partition(b'nonce="')[2].partition(b'"')[0].decode()
    uri = f"sip:desk@{HOST}"
    response = digest(f"{digest(f'desk:desk:{secret}')}:{nonce}:{count:08x}:abc:auth:{digest(f'INVITE:{uri}')}")
    return (f'Digest username="desk", realm="desk", nonce="{nonce}", uri="{uri}", response="{response}", qop=auth, '
            f'nc={count:08x}, cnonce="abc"')


class Asked:
    """The judge alone, and a caller at a host."""

    def __init__(self) -> None:
        self.desk = Desk(Network(), credentials())
        self.judge = DirectCallers(self.desk.account, "desk", SECRET, lambda size: bytes(range(size)))

    def ask(self, authorization: str = "", host: str = PEER, now: float = 1000.0):
        flow = self.desk.flow_to(self.desk.listener, host.encode(), 5060)
        return self.judge.challenge(write_invite(authorization), flow, now)


def test_an_answer_counts_once_and_for_five_minutes():
    asked = Asked()
    first = asked.ask()
    assert first.status == 401
    assert asked.ask(prove(first.lines)) is None
    assert asked.ask(prove(first.lines)).status == 401
    assert asked.ask(prove(first.lines, count=2)) is None
    assert asked.ask(prove(first.lines, count=3), now=1301.0).status == 401


def test_a_nonce_of_nobody_and_unreadable_credentials_are_asked_again():
    asked = Asked()
    assert asked.ask(prove(b'nonce="0123456789abcdef0123456789abcdef"')).status == 401
    assert asked.ask("Digest nonsense").status == 401
    assert asked.ask("Basic abc").status == 401


def test_who_guesses_is_not_listened_to_for_a_minute_and_others_are():
    asked = Asked()
    for _ in range(5):
        assert asked.ask(prove(asked.ask().lines, "guess")).status == 401
    assert asked.ask(prove(asked.ask().lines)).status == 401
    assert asked.ask(prove(asked.ask().lines), "10.0.0.3") is None
    assert asked.ask(prove(asked.ask(now=1061.0).lines), now=1061.0) is None


# ---- the other way round

class Gatekeeper:
    """Challenges whoever shows nothing."""

    def challenge(self, request, flow, now) -> Refusal | None:
        if request.header(b"Authorization") is not None:
            return None
        return Refusal(401, b'WWW-Authenticate: Digest realm="office.test", nonce="n", algorithm=MD5, qop="auth"\r\n')


def test_its_own_secret_is_proved_to_its_server_alone():
    network = Network()
    server = Phone(network, SERVER, "server", authenticator=Gatekeeper())
    Registrar(server)
    Phone(network, PEER, "x", authenticator=Gatekeeper())
    desk = Desk(network, credentials())
    desk.account.start(network.now)
    network.run(1)
    assert any(message.header(b"Authorization") for message in network.messages("REGISTER", desk))
    desk.do("dial", f"sip:x@{PEER}")
    network.run(1)
    assert [message.header(b"Authorization") for message in network.messages("INVITE", desk)] == [None]
    assert desk.state == "busy"
