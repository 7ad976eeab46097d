# SPDX-License-Identifier: Apache-2.0
"""The REGISTER client: RFC 3261 10.2, against scripted servers and our own office."""

import pytest

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.locating.search import Verdict
from appliance.ua.registration import Registration, RegistrationFailure, RegistrationState
from tests.transcripts.office import OfficeUnderTest
from tests.ua.virtual_network import Network, Phone

REGISTRAR = b"sip:198.51.100.1"


class Watcher:
    """Remembers what a registration said."""

    def __init__(self) -> None:
        self.heard: list[tuple] = []

    def registration_granted(self, registration, expires_s: int, now: float) -> None:
        self.heard.append(("granted", expires_s))

    def registration_failed(self, registration, status: int, retry_s: float, now: float) -> None:
        self.heard.append(("failed", status, retry_s))

    def registration_ended(self, registration, now: float) -> None:
        self.heard.append(("ended",))


class Registrar:
    """Answers what it is told to; what is said once more than listed is the last answer again."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.requests: list[Message] = []
        self.times: list[float] = []

    def request_received(self, server, request: Message, dialog, now: float) -> None:
        self.requests.append(request)
        self.times.append(now - 1000.0)
        status, lines = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if lines == b"grant":
            contact = request.values(b"Contact")[0]
            lines = b"" if request.expires == 0 else b"Contact: %s;expires=100\r\n" % contact
        server.respond(status, now, lines)


GRANT = (200, b"grant")


def begin(*answers: tuple[int, bytes], expires_s: int = 3600):
    network = Network()
    phone = Phone(network, "192.168.1.11", "201", secrets={b"office.test": (b"201", b"secret")})
    server = Phone(network, "198.51.100.1", "")
    registrar = Registrar(*answers)
    server.agent.serve_method(b"REGISTER", registrar)
    watcher = Watcher()
    registration = Registration(phone.core, REGISTRAR, watcher, expires_s)
    registration.start(network.now)
    return network, phone, registrar, watcher, registration


def test_it_refreshes_between_half_and_nine_tenths_of_what_was_granted():
    network, phone, registrar, watcher, _ = begin(GRANT)
    network.run(3000)
    gaps = [later - earlier for earlier, later in zip(registrar.times, registrar.times[1:], strict=False)]
    assert len(gaps) > 30
    assert 50 <= min(gaps) < 60
    assert 80 < max(gaps) <= 90.2
    assert set(watcher.heard) == {("granted", 100)}
    first = registrar.requests[0]
    assert first.uri == REGISTRAR
    assert first.to_uri == phone.profile.aor
    assert {request.call_id for request in registrar.requests} == {first.call_id}
    assert [request.cseq for request in registrar.requests] == list(range(1, len(registrar.requests) + 1))
    assert all(request.contact == b"<sip:201@192.168.1.11:5060>" for request in registrar.requests)


def test_the_header_says_the_lifetime_where_our_contact_does_not():
    network, _, _, watcher, _ = begin((200, b"Contact: <sip:other@192.0.2.1>;expires=7\r\nExpires: 90\r\n"))
    network.run(1)
    assert watcher.heard == [("granted", 90)]


def test_it_never_gives_up_and_waits_a_minute_at_most():
    network, _, registrar, watcher, _ = begin((403, b""))
    network.run(3600)
    waits = [entry[2] for entry in watcher.heard]
    assert 2.5 <= waits[0] <= 5
    assert max(waits) <= 60
    assert min(waits[5:]) >= 30
    assert len(registrar.requests) > 60
    assert {entry[1] for entry in watcher.heard} == {403}


def test_silence_is_tried_again_too():
    network, _, _, watcher, registration = begin(GRANT)
    del network.phones[(b"198.51.100.1", 5060)]
    network.run(200)
    assert watcher.heard[0][:2] == ("failed", 408)
    assert len(watcher.heard) >= 3
    assert registration.state in (RegistrationState.ASKING, RegistrationState.WAITING)


def test_retry_after_is_obeyed():
    network, _, registrar, _, _ = begin((503, b"Retry-After: 120 (maintenance);duration=9\r\n"), GRANT)
    network.run(125)
    assert registrar.times == pytest.approx([0.01, 120], abs=0.3)


def test_an_interval_too_brief_is_lengthened_for_good():
    network, _, registrar, _, registration = begin((423, b"Min-Expires: 600\r\n"), GRANT, expires_s=60)
    network.run(200)
    assert [request.expires for request in registrar.requests[:3]] == [60, 600, 600]
    assert registration.expires_s == 600


def test_it_moves_with_a_redirection():
    network, _, registrar, watcher, _ = begin((302, b"Contact: <sip:198.51.100.1:5062>\r\n"), GRANT)
    other = Phone(network, "198.51.100.1", "", port=5062)
    other.agent.serve_method(b"REGISTER", registrar)
    network.run(1)
    assert [request.uri for request in registrar.requests] == [REGISTRAR, b"sip:198.51.100.1:5062"]
    assert watcher.heard == [("granted", 100)]


def test_stop_removes_the_binding():
    network, phone, registrar, watcher, registration = begin(GRANT)
    network.run(1)
    registration.stop(network.now)
    network.run(300)
    assert [request.expires for request in registrar.requests] == [3600, 0]
    assert watcher.heard == [("granted", 100), ("ended",)]
    assert phone.is_quiet
    registration.start(network.now)
    network.run(1)
    assert registrar.requests[-1].cseq == 3


def test_stop_during_a_request_waits_for_its_end():
    network, _, registrar, watcher, registration = begin(GRANT)
    registration.stop(network.now)
    network.run(300)
    assert [request.expires for request in registrar.requests] == [3600, 0]
    assert watcher.heard == [("ended",)]


def test_stop_while_nobody_answers():
    network, _, _, watcher, registration = begin(GRANT)
    network.phones.pop((b"198.51.100.1", 5060))
    network.run(40)
    registration.stop(network.now)
    network.run(40)
    assert watcher.heard[-1] == ("ended",)


def test_the_address_that_the_registrar_sees_becomes_ours():
    """Behind a NAT: the phone's datagrams come from 203.0.113.9:40001."""
    network, phone, registrar, _, registration = begin(GRANT)
    outside = (b"203.0.113.9", 40001)
    original = network.send

    def translate(source, target, octets):
        original(outside if source == phone.address else source, phone.address if target == outside else target, octets)
    network.send = translate
    network.run(10)
    assert phone.profile.mapped == {"192.168.1.11": b"203.0.113.9:40001"}
    assert [request.values(b"Contact") for request in registrar.requests] == [
        [b"<sip:201@192.168.1.11:5060>"],
        [b"<sip:201@203.0.113.9:40001>", b"<sip:201@192.168.1.11:5060>;expires=0"]]
    network.run(200)
    assert registrar.requests[2].values(b"Contact") == [b"<sip:201@203.0.113.9:40001>"]
    assert registration.state is not RegistrationState.WAITING


@pytest.mark.parametrize(("received", "rport", "source"), [
    (b"203.0.113.9", b"99999", b"198.51.100.1"), (b"203.0.113.9", b"0", b"198.51.100.1"),
    (b"203.0.113.9", b"12x", b"198.51.100.1"), (b"evil.test", b"40001", b"198.51.100.1"),
    (b"224.0.0.5", b"40001", b"198.51.100.1"), (b"0.0.0.0", b"40001", b"198.51.100.1"),
    (b"2001:db8::9", b"40001", b"198.51.100.1"), (b"203.0.113.9", b"40001", b"198.51.100.66"),
    (b"203.0.113.9", b"9" * 5000, b"198.51.100.1"), (b"203.0.113.9", b"0" * 5000 + b"7", b"198.51.100.1")])
def test_an_address_that_cannot_be_ours_or_that_somebody_else_tells_is_not_taken(received, rport, source):
    network, phone, registrar, watcher, _ = begin(GRANT)
    original, server = network.send, (b"198.51.100.1", 5060)

    def forge(origin, target, octets):
        if origin == server:
            first, via, tail = octets.partition(b"Via: ")
            line, _, others = tail.partition(b"\r\n")
            kept = [one for one in line.split(b";") if not one.startswith((b"received", b"rport"))]
            line = b";".join([*kept, b"received=" + received, b"rport=" + rport])
            octets = b"".join([first, via, line, b"\r\n", others])
            origin = (source, 5060)
        original(origin, target, octets)
    network.send = forge
    network.run(20)
    assert watcher.heard
    assert watcher.heard[0][0] == "granted"
    assert phone.profile.mapped == {}
    assert len(registrar.requests) == 1


def test_a_registrar_has_no_user_part():
    _, phone, _, watcher, _ = begin(GRANT)
    with pytest.raises(MisuseError):
        Registration(phone.core, b"sip:user@office.test", watcher)


class OfficeOnTheWire:
    """The office server as a participant of the virtual network."""

    def __init__(self, network: Network) -> None:
        self._office = OfficeUnderTest([
            "set system domain office.test", "set sip listener lan address 198.51.100.1",
            "set sip listener lan port 5060", "set sip listener lan transport udp",
            "set extension 201 secret secret", "set extension 202 secret other"], "198.51.100.1:5060")
        self.stack = self._office.office.stack
        self.listener = self._office._listener
        self.address = (b"198.51.100.1", 5060)
        network.phones[self.address] = self

    def receive(self, octets: bytes, source: tuple[bytes, int], now: float) -> None:
        self._office.receive(octets, f"{source[0].decode()}:{source[1]}", now)


@pytest.mark.parametrize("secret", [b"secret", b"wrong"])
def test_our_client_registers_with_our_registrar_by_digest(secret):
    network = Network()
    OfficeOnTheWire(network)
    phone = Phone(network, "192.168.1.11", "201", secrets={b"office.test": (b"201", secret)})
    phone.profile.aor = b"sip:201@office.test"
    phone.profile.routes = (b"<sip:198.51.100.1;lr>",)
    watcher = Watcher()
    registration = Registration(phone.core, b"sip:office.test", watcher, 120)
    registration.start(network.now)
    network.run(1)
    if secret == b"wrong":
        assert watcher.heard[0][:2] == ("failed", 401)
        assert network.labels() == ["REGISTER", "401 REGISTER"] * 2
        return
    assert watcher.heard == [("granted", 120)]
    network.run(200)    # the refresh carries credentials at once
    assert network.labels() == ["REGISTER", "401 REGISTER", *["REGISTER", "200 REGISTER"] * (len(watcher.heard))]
    registration.stop(network.now)
    network.run(5)
    assert watcher.heard[-1] == ("ended",)


CHALLENGE = b'WWW-Authenticate: Digest realm="%s", nonce="n", qop="auth"\r\n'


@pytest.mark.parametrize(("answer", "failure"), [
    ((401, CHALLENGE % b"office.test"), RegistrationFailure.WRONG_CREDENTIALS),
    ((401, CHALLENGE % b"other.test"), RegistrationFailure.NO_CREDENTIALS),
    ((403, b""), RegistrationFailure.FORBIDDEN), ((404, b""), RegistrationFailure.UNKNOWN),
    ((423, b"Min-Expires: 999999\r\n"), RegistrationFailure.INTERVAL), ((500, b""), RegistrationFailure.SERVER),
    ((480, b""), RegistrationFailure.REFUSED)])
def test_why_it_failed(answer, failure):
    network, _, _, _, registration = begin(answer, answer, GRANT)
    network.run(1)
    assert registration.failure is failure
    assert registration.words
    network.run(30)
    assert (registration.failure, registration.words) == (RegistrationFailure.NONE, "")
    assert registration.flow is not None
    assert registration.flow.host == b"198.51.100.1"


def test_why_nobody_answered():
    network, phone, _, _, registration = begin(GRANT)
    del network.phones[(b"198.51.100.1", 5060)]
    network.run(33)
    assert registration.failure is RegistrationFailure.SILENT
    phone.core.locate = lambda hop, found, now: found([], Verdict.FAILED, now)
    registration.refresh(network.now)
    network.run(1)
    assert registration.failure is RegistrationFailure.UNRESOLVED
    network, phone, _, _, registration = begin(GRANT)
    flow = registration._request.flow
    flow.failure = "connection refused"
    phone.stack.flow_failed(flow, network.now)
    assert (registration.failure, registration.words) == (RegistrationFailure.UNREACHABLE, "connection refused")


def test_after_a_success_patience_begins_anew():
    network, _, _, watcher, _ = begin(*[(500, b"")] * 6, GRANT, (500, b""))
    network.run(600)
    after = watcher.heard[watcher.heard.index(("granted", 100)) + 1:]
    assert after[0][0] == "failed"
    assert after[0][2] <= 5
