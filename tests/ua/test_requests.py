# SPDX-License-Identifier: Apache-2.0
"""RFC 3261 8.1.3 and 8.2: what becomes of requests that are challenged, redirected, refused, and what a UAS refuses."""

import hashlib

import pytest

from appliance.native.sip_scanner import Message
from appliance.pbx.account import Account, AccountDirectory
from appliance.pbx.authentication import Authentication, AuthenticationPolicy
from appliance.sip.digest.algorithm import MD5, compute_ha1
from appliance.sip.locating.search import Verdict
from appliance.ua.inspection import Refusal
from appliance.ua.redirection import TargetSet
from appliance.vocabulary.counters import Counters
from appliance.vocabulary.journal import SilentJournal
from tests.ua.virtual_network import Network, Phone, join_two


class Hearer:
    """A request owner that remembers."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def provisional_received(self, request, response, now: float) -> None:
        self.statuses.append(response.status)

    def request_succeeded(self, request, response, now: float) -> None:
        self.statuses.append(response.status)

    def request_refused(self, request, status: int, response, now: float) -> None:
        self.statuses.append(status)


class Server:
    """Serves a method: `answers` in order, the last one again and again."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.requests: list[Message] = []

    def request_received(self, server, request: Message, dialog, now: float) -> None:
        self.requests.append(request)
        status, lines = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        server.respond(status, now, lines)


SECRETS = {b"one.test": (b"u1", b"s1"), b"two.test": (b"u2", b"s2")}


def ask(*answers: tuple[int, bytes], method: bytes = b"MESSAGE", uri: bytes = b"sip:2@198.51.100.20", change=None):
    """Send a MESSAGE to a server with these answers: (what the owner heard, the requests, the network)."""
    network = Network()
    a = Phone(network, "192.168.1.11", "201", secrets=SECRETS)
    b = Phone(network, "198.51.100.20", "2")
    server = Server(*answers)
    b.agent.serve_method(method, server)
    draft = a.core.draft_request(method, uri)
    if change is not None:
        change(draft, a)
    hearer = Hearer()
    a.agent.send_request(draft, hearer, network.now)
    network.run(60)
    assert a.is_quiet
    return hearer.statuses, server.requests, network


def challenge(realm: bytes, nonce: bytes = b"n", is_proxy: bool = False, more: bytes = b"") -> bytes:
    name = b"Proxy-Authenticate" if is_proxy else b"WWW-Authenticate"
    return b'%s: Digest realm="%s", nonce="%s", qop="auth"%s\r\n' % (name, realm, nonce, more)


def test_a_401_is_answered_once_in_a_new_transaction():
    statuses, requests, _ = ask((401, challenge(b"one.test")), (200, b""))
    assert statuses == [200]
    first, second = requests
    assert second.cseq == first.cseq + 1
    assert (second.call_id, second.from_value, second.to_value) == (first.call_id, first.from_value, first.to_value)
    assert second.branch != first.branch
    ha1 = hashlib.md5(b"u1:one.test:s1").hexdigest()
    ha2 = hashlib.md5(b"MESSAGE:sip:2@198.51.100.20").hexdigest()
    line = second.header(b"Authorization").decode()
    cnonce = line.partition('cnonce="')[2].partition('"')[0]
    wanted = hashlib.md5(f"{ha1}:n:00000001:{cnonce}:auth:{ha2}".encode()).hexdigest()
    assert f'response="{wanted}"' in line


def test_wrong_credentials_are_not_tried_again():
    statuses, requests, _ = ask((401, challenge(b"one.test")))
    assert statuses == [401]
    assert len(requests) == 2


def test_a_stale_nonce_is_replaced():
    stale = challenge(b"one.test", b"m", more=b", stale=true")
    statuses, requests, _ = ask((401, challenge(b"one.test")), (401, stale), (200, b""))
    assert statuses == [200]
    assert b'nonce="m"' in requests[2].header(b"Authorization")


def test_a_server_and_a_proxy_may_both_ask():
    statuses, requests, _ = ask((407, challenge(b"two.test", is_proxy=True)), (401, challenge(b"one.test")), (200, b""))
    assert statuses == [200]
    assert b"u2" in requests[2].header(b"Proxy-Authorization")
    assert b"u1" in requests[2].header(b"Authorization")


def test_an_unknown_realm_is_the_end():
    statuses, requests, _ = ask((401, challenge(b"three.test")))
    assert statuses == [401]
    assert len(requests) == 1


def test_the_next_nonce_of_the_server_is_used():
    network = Network()
    a, b = Phone(network, "192.168.1.11", "201", secrets=SECRETS), Phone(network, "198.51.100.20", "2")
    server = Server((401, challenge(b"one.test")), (200, b'Authentication-Info: nextnonce="after"\r\n'),
                    (200, b'Authentication-Info: rspauth="00"\r\n'))
    b.agent.serve_method(b"MESSAGE", server)
    for _message in range(2):
        a.agent.send_request(a.core.draft_request(b"MESSAGE", b"sip:2@198.51.100.20"), Hearer(), network.now)
        network.run(1)
    assert len(server.requests) == 3
    assert b'nonce="after"' in server.requests[2].header(b"Authorization")
    assert a.stack.counters["server_proofs_wrong"] == 1     # no such proof can be right


def redirection(*contacts: bytes) -> tuple[int, bytes]:
    return 302, b"Contact: %s\r\n" % b", ".join(contacts)


def test_redirections_are_followed_by_q_without_loops():
    statuses, requests, _ = ask(
        redirection(b"<sip:low@198.51.100.20>;q=0.2", b"<sip:2@198.51.100.20>", b"<sip:high@198.51.100.20>;q=0.9"),
        (404, b""), redirection(b"<sip:HIGH@198.51.100.20>", b"<sip:high@198.51.100.20:5060>;q=1",
                                b"<sip:low@198.51.100.20>;q=1"), (486, b""))
    uris = [request.uri for request in requests]
    assert uris == [b"sip:2@198.51.100.20", b"sip:high@198.51.100.20", b"sip:low@198.51.100.20",
                    b"sip:HIGH@198.51.100.20", b"sip:high@198.51.100.20:5060"]
    assert statuses == [486]
    assert [request.cseq for request in requests] == [1, 2, 3, 4, 5]
    assert len({request.call_id for request in requests}) == 1


def test_a_6xx_ends_the_search():
    statuses, requests, _ = ask(redirection(b"<sip:x@198.51.100.20>", b"<sip:y@198.51.100.20>;q=0.1"), (603, b""))
    assert statuses == [603]
    assert len(requests) == 2


def test_a_redirection_that_may_not_be_followed():
    def forbid(draft, phone) -> None:
        phone.profile.may_follow = lambda uri: b"premium" not in uri
    statuses, requests, _ = ask(redirection(b"<sip:premium@198.51.100.20>"), (200, b""), change=forbid)
    assert (statuses, len(requests)) == ([302], 1)


def test_sips_is_not_left_by_a_redirection():
    targets = TargetSet(b"sips:a@b.test")
    contacts = b"Contact: <sip:a@c.test>, <sips:a@d.test>, <mailto:x@y>, <sip:broken, <sips:a@e.test;method=BYE>\r\n"
    targets.add_contacts(Message(b"SIP/2.0 302 X\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK\r\n"
                                 b"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\n"
                                 b"CSeq: 1 INVITE\r\n%s\r\n" % contacts))
    assert targets.take_next() == b"sips:a@d.test"
    assert targets.take_next() is None


def test_a_redirection_without_end_ends():
    class Endless(Server):
        def request_received(self, server, request, dialog, now: float) -> None:
            self.requests.append(request)
            server.respond(302, now, b"Contact: <sip:n%d@198.51.100.20>\r\n" % len(self.requests))
    network = Network()
    a, b = Phone(network, "192.168.1.11", "201"), Phone(network, "198.51.100.20", "2")
    server, hearer = Endless(), Hearer()
    b.agent.serve_method(b"MESSAGE", server)
    a.agent.send_request(a.core.draft_request(b"MESSAGE", b"sip:2@198.51.100.20"), hearer, network.now)
    network.run(60)
    assert hearer.statuses == [302]
    assert len(server.requests) == 11


def test_a_420_is_repaired_by_leaving_extensions_out():
    def require(draft, phone) -> None:
        draft.required, draft.supported = (b"foo", b"bar"), (b"foo",)
        for one in phone.network.phones.values():
            one.profile.supported = (b"foo", b"bar")
    statuses, requests, _ = ask((420, b"Unsupported: foo\r\n"), (200, b""), change=require)
    assert statuses == [200]
    assert requests[1].values(b"Require") == [b"bar"]
    assert requests[1].header(b"Supported") is None


def test_a_421_is_repaired_only_with_what_we_know():
    def know(draft, phone) -> None:
        phone.profile.supported = (b"path",)
    statuses, requests, _ = ask((421, b"Require: path\r\n"), (200, b""), change=know)
    assert (statuses, requests[1].values(b"Supported")) == ([200], [b"path"])
    statuses, requests, _ = ask((421, b"Require: unheard\r\n"))
    assert (statuses, len(requests)) == ([421], 1)


def test_a_423_is_repaired():
    def expire(draft, phone) -> None:
        draft.expires_s = 60
    statuses, requests, _ = ask((423, b"Min-Expires: 300\r\n"), (200, b""), change=expire)
    assert (statuses, [request.expires for request in requests]) == ([200], [60, 300])


def test_a_423_that_is_not_believed():
    def expire(draft, phone) -> None:
        draft.expires_s = 60
    for line in (b"", b"Min-Expires: 30\r\n", b"Min-Expires: 999999999\r\n", b"Min-Expires: x\r\n"):
        statuses, requests, _ = ask((423, line), change=expire)
        assert (statuses, len(requests)) == ([423], 1)


def test_a_416_to_a_tel_uri_is_tried_as_sip():
    def tel(draft, phone) -> None:
        draft.set_routes([b"<sip:198.51.100.20;lr>"])
        draft.uri = b"tel:+81312345678"
    statuses, requests, _ = ask((416, b""), (200, b""), change=tel)
    assert statuses == [200]
    assert requests[1].uri == b"sip:+81312345678@192.168.1.11:5060;user=phone"


def test_a_415_drops_only_what_may_be_dropped():
    def attach(draft, phone) -> None:
        draft.body, draft.lines = b"x", b"Content-Disposition: render;handling=optional\r\n"
    statuses, requests, _ = ask((415, b""), (200, b""), change=attach)
    assert (statuses, [request.body for request in requests]) == ([200], [b"x", b""])

    def insist(draft, phone) -> None:
        draft.body = b"x"
    statuses, requests, _ = ask((415, b""), change=insist)
    assert (statuses, len(requests)) == ([415], 1)


def answer_with(asker: Phone, *phones: Phone):
    """A locator that knows the addresses of these phones, whatever it is asked."""
    def locate(hop, found, now: float) -> None:
        found([asker.flow_to(asker.listener, *phone.address) for phone in phones], Verdict.FOUND, now)
    return locate


@pytest.mark.parametrize("first_says", [503, None])
def test_the_next_address_is_taken(first_says):
    network = Network()
    a = Phone(network, "192.168.1.11", "201")
    b, c = Phone(network, "198.51.100.20", "2"), Phone(network, "198.51.100.21", "2")
    if first_says is None:
        del network.phones[b.address]
    b.agent.serve_method(b"MESSAGE", Server((503, b"")))
    c.agent.serve_method(b"MESSAGE", Server((200, b"")))
    a.core.locate = answer_with(a, b, c)
    hearer = Hearer()
    a.agent.send_request(a.core.draft_request(b"MESSAGE", b"sip:2@trunk.test"), hearer, network.now)
    network.run(80)
    assert hearer.statuses == [200]


def test_a_503_of_the_last_address_stays():
    statuses, requests, _ = ask((503, b"Retry-After: 5\r\n"))
    assert (statuses, len(requests)) == ([503], 1)


# what a UAS refuses


def throw(method: bytes, lines: bytes = b"", body: bytes = b"", uri: bytes = b"sip:2@198.51.100.20",
          to_tag: bytes = b"", change=None) -> Message:
    """The answer to a request out of the blue."""
    network = Network()
    b = Phone(network, "198.51.100.20", "2")
    if change is not None:
        change(b)
    tag = b";tag=" + to_tag if to_tag else b""
    b.receive(b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.11:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
              b"From: <sip:1@x.test>;tag=1\r\nTo: <sip:2@x.test>%s\r\nCall-ID: c\r\nCSeq: 1 %s\r\n%s"
              b"Content-Length: %d\r\n\r\n%s" % (method, uri, tag, method, lines, len(body), body),
              (b"192.168.1.11", 5060), network.now)
    network.run(0.01)
    return network.sent[-1][3]


CONTACT = b"Contact: <sip:1@192.168.1.11>\r\n"


@pytest.mark.parametrize(("method", "lines", "body", "status"), [
    (b"SUBSCRIBE", b"", b"", 405), (b"FOO", b"", b"", 501), (b"BYE", b"", b"", 481),
    (b"INVITE", CONTACT + b"Require: foo, timer\r\n", b"", 420),
    (b"INVITE", CONTACT + b"Content-Type: text/plain\r\n", b"x", 415),
    (b"INVITE", CONTACT + b"Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", b"x", 415),
    (b"INVITE", b"", b"", 400)])
def test_a_uas_refuses(method, lines, body, status):
    assert throw(method, lines, body).status == status


def test_refusals_say_why():
    assert b"INVITE" in throw(b"SUBSCRIBE").values(b"Allow")
    assert throw(b"OPTIONS", b"Require: foo\r\n").values(b"Unsupported") == [b"foo"]
    assert throw(b"INVITE", CONTACT + b"Content-Type: text/plain\r\n", b"x").values(b"Accept") == [
        b"application/sdp", b"multipart/mixed"]
    assert throw(b"OPTIONS", uri=b"mailto:x@y").status == 416
    assert throw(b"OPTIONS", to_tag=b"unknown").status == 481


def test_sips_that_came_without_tls_rings_nowhere():
    for method, lines in ((b"INVITE", CONTACT), (b"OPTIONS", b"")):
        answer = throw(method, lines, uri=b"sips:2@198.51.100.20")
        assert (answer.status, b"TLS" in (answer.header(b"Warning") or b"")) == (416, True)


@pytest.mark.parametrize("status", [200, 486])
def test_options_are_answered_as_an_invite_would_be(status):
    def occupy(phone) -> None:
        phone.user.available = status
    answer = throw(b"OPTIONS", change=occupy)
    assert answer.status == status
    assert {b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS"} <= set(answer.values(b"Allow"))
    assert answer.values(b"Accept") == [b"application/sdp", b"multipart/mixed"]


def test_the_same_request_by_another_way_is_merged():
    network, a, b = join_two()
    b.user.script.clear()
    a.call(b)
    network.run(0.1)
    invite = network.messages("INVITE")[0]
    b.receive(invite.data.replace(b"branch=", b"branch=z9hG4bKother"), (b"192.168.1.99", 5060), network.now)
    network.run(0.1)
    assert network.labels(b)[-1] == "482 INVITE"
    assert b.user.heard == ["offered"]


def test_in_dialog_methods_reach_their_handler():
    network, a, b = join_two()
    server, hearer = Server((200, b"")), Hearer()
    call = a.call(b)
    network.run(1)
    b.agent.serve_method(b"INFO", server)
    a.agent.send_request(call.dialog.draft_request(b"INFO"), hearer, network.now, call.dialog)
    network.run(1)
    assert (hearer.statuses, len(server.requests)) == ([200], 1)


# one user agent challenges another (22.2)


class Doorkeeper:
    """An authenticator over the office's own."""

    def __init__(self) -> None:
        account = Account(b"201", b"u1", "A", (MD5,), (compute_ha1(MD5, b"u1", b"one.test", b"s1"),))
        counter = iter(range(10**6))
        accounts = AccountDirectory(b"one.test", [account])
        self._judge = Authentication(accounts, AuthenticationPolicy(), lambda size: next(counter).to_bytes(size, "big"),
                                     Counters(), SilentJournal()).judge

    def challenge(self, request, flow, now: float) -> Refusal | None:
        verdict = self._judge(request, flow, now, False)
        return None if isinstance(verdict, Account) else Refusal(verdict.status, verdict.lines)


def test_one_user_agent_challenges_another():
    network = Network()
    a = Phone(network, "192.168.1.11", "201", secrets=SECRETS)
    b = Phone(network, "192.168.1.12", "202", authenticator=Doorkeeper())
    stranger = Phone(network, "192.168.1.13", "203", secrets={b"one.test": (b"u1", b"wrong")})
    b.user.script["offered"] = lambda call, now: call.answer(b"answer", now)
    call = a.call(b)
    network.run(1)
    assert network.labels() == ["INVITE", "401 INVITE", "ACK", "INVITE", "200 INVITE", "ACK"]
    ack, second = network.messages("ACK")[1], network.messages("INVITE")[1]
    assert ack.header(b"Authorization") == second.header(b"Authorization")     # 22.1
    assert ack.cseq == second.cseq == 2
    call.hang_up(network.now)
    network.run(40)
    assert network.messages("BYE")[0].cseq == 3
    assert a.is_quiet
    stranger.call(b)
    network.run(40)
    assert stranger.user.releases[0].status == 401
