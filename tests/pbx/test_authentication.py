# SPDX-License-Identifier: Apache-2.0
"""Requests judged: challenges, answers, stale nonces, replays, strangers, trusted sources, the throttle."""

import re
from ipaddress import ip_network
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.native.sip_scanner import Message
from appliance.pbx.account import Account, AccountDirectory
from appliance.pbx.authentication import NOBODY, Authentication, AuthenticationPolicy, Challenge
from appliance.sip.digest.algorithm import MD5, SHA_256, compute_ha1
from appliance.sip.digest.client import DigestClient
from appliance.sip.flow import Flow, Listener, Side
from appliance.vocabulary.counters import Counters
from tests.models.digest_oracle import answer_value

REALM = b"office.test"
URI = b"sip:office.test"
SECRETS = {b"1001": b"alpha-1001", b"1002": b"bravo-1002", b"phone3": b"charlie-1003"}


class Diary:
    """A journal that keeps everything."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def record(self, event: str, **values: object) -> None:
        self.events.append((event, values))


def make_account(extension: bytes, username: bytes, *algorithms) -> Account:
    ha1s = tuple(compute_ha1(one, username, REALM, SECRETS[username]) for one in algorithms)
    return Account(extension, username, "", algorithms, ha1s)


class Office:
    """An authentication with three accounts, its listener and its phones."""

    def __init__(self, **policy) -> None:
        numbers = count(1)
        accounts = [make_account(b"1001", b"1001", MD5), make_account(b"1002", b"1002", MD5),
                    make_account(b"1003", b"phone3", SHA_256, MD5)]
        self.counters, self.journal = Counters(), Diary()
        self.judging = Authentication(AccountDirectory(REALM, accounts), AuthenticationPolicy(**policy),
                                      lambda size: next(numbers).to_bytes(size, "big"), self.counters, self.journal)
        self.listener = Listener("office", b"UDP", b"127.0.1.1", 5060)

    def judge(self, *lines: bytes, user=b"1001", method=b"REGISTER", host=b"192.0.2.1", now=0.0, is_proxy=False):
        """What becomes of a request with these header lines."""
        head = [b"%s %s SIP/2.0" % (method, URI), b"Via: SIP/2.0/UDP phone.test;branch=z9hG4bKx",
                b"From: <sip:%s@office.test>;tag=a" % user, b"To: <sip:%s@office.test>" % user, b"Call-ID: c",
                b"CSeq: 1 %s" % method, b"Max-Forwards: 70", *lines, b"", b""]
        message = Message(b"\r\n".join(head), host, 5060)
        assert message.fault_status == 0
        return self.judging.judge(message, Flow(self.listener, host, 5060), now, is_proxy)

    def challenge(self, **request) -> Challenge:
        challenge = self.judge(**request)
        assert isinstance(challenge, Challenge)
        return challenge

    def answer(self, challenge: Challenge, username=b"1001", secret=None, nc=1, qop=b"auth", **request):
        """What becomes of the answer to a challenge, by the topmost of its lines."""
        method = request.get("method", b"REGISTER")
        value = answer_value(challenge.lines.split(b"\r\n")[0], username, SECRETS.get(username, b"") if secret is None
                             else secret, method, URI, nc, qop=qop)
        name = b"Proxy-Authorization" if request.get("is_proxy") else b"Authorization"
        return self.judge(b"%s: %s" % (name, value), user=username, **request)


@pytest.fixture
def office() -> Office:
    return Office()


def shape(challenge: Challenge) -> tuple[int, bytes]:
    """A challenge without its nonce."""
    return challenge.status, re.sub(rb'nonce="[0-9a-f]{32}"', b'nonce=""', challenge.lines)


def is_stale(challenge: Challenge) -> bool:
    return isinstance(challenge, Challenge) and b"stale=true" in challenge.lines


def is_plain(challenge: Challenge) -> bool:
    return isinstance(challenge, Challenge) and b"stale" not in challenge.lines


# ---- the ordinary way (RFC 3261 sections 22.2 and 22.3)

def test_a_request_without_credentials_is_challenged_with_401(office):
    assert shape(office.challenge()) == (
        401, b'WWW-Authenticate: Digest realm="office.test", nonce="", algorithm=MD5, qop="auth"\r\n')


def test_a_proxy_challenges_with_407(office):
    assert shape(office.challenge(method=b"INVITE", is_proxy=True)) == (
        407, b'Proxy-Authenticate: Digest realm="office.test", nonce="", algorithm=MD5, qop="auth"\r\n')


@pytest.mark.parametrize("request_form", [{}, {"method": b"INVITE", "is_proxy": True}])
def test_the_right_answer_gives_the_account(office, request_form):
    account = office.answer(office.challenge(**request_form), **request_form)
    assert account.extension == b"1001"
    assert office.counters["authentications_accepted"] == 1


def test_the_account_is_that_of_the_credentials_and_not_of_the_from(office):
    """The caller sees whether 1002 may speak for 1001."""
    value = answer_value(office.challenge().lines, b"1002", b"bravo-1002", b"REGISTER", URI)
    assert office.judge(b"Authorization: " + value, user=b"1001").extension == b"1002"


def test_the_user_name_may_differ_from_the_extension(office):
    challenge = office.challenge(user=b"1003")
    assert office.answer(challenge, b"phone3").extension == b"1003"
    assert is_plain(office.answer(office.challenge(), b"1003", b"charlie-1003"))


def test_no_two_challenges_have_the_same_nonce(office):
    assert len({office.challenge(now=i / 100).lines for i in range(1000)}) == 1000


def test_credentials_for_the_other_role_are_not_looked_at(office):
    value = answer_value(office.challenge().lines, b"1001", b"alpha-1001", b"REGISTER", URI)
    assert is_plain(office.judge(b"Proxy-Authorization: " + value))
    assert is_plain(office.judge(b"Authorization: " + value, is_proxy=True))
    assert office.counters["authentications_failed"] == 0


def test_credentials_of_other_realms_and_rubbish_beside_ours_do_not_disturb(office):
    value = answer_value(office.challenge().lines, b"1001", b"alpha-1001", b"REGISTER", URI)
    other = answer_value(b'realm="carrier.test", nonce="n", algorithm=MD5', b"x", b"y", b"REGISTER", URI)
    account = office.judge(b"Authorization: " + other, b"Authorization: Basic QWxhZGRpbjpvcGVu",
                           b"Authorization: Digest username", b"Authorization: " + value)
    assert account.extension == b"1001"
    assert office.counters["credentials_unreadable"] == 2


def test_only_one_answer_of_a_request_is_judged(office):
    lines = [b"Authorization: " + answer_value(office.challenge().lines, b"1001", secret, b"REGISTER", URI)
             for secret in (b"guess-1", b"guess-2", b"alpha-1001")]
    assert is_plain(office.judge(*lines))
    assert office.counters["authentications_failed"] == 1


def test_empty_credentials_before_the_first_challenge_are_no_failure(office):
    """RFC 8760 section 2.7; IMS phones send them."""
    for _ in range(10):
        assert is_plain(office.judge(b'Authorization: Digest username="1001", realm="office.test", nonce="", '
                                     b'uri="sip:office.test", response=""'))
    assert office.counters["authentications_failed"] == 0


@pytest.mark.parametrize("uri", [b"sip:192.0.2.9", b"sip:1001@office.test;user=phone", b"sip:office.test:5060"])
def test_a_uri_that_is_not_the_request_uri_is_accepted(office, uri):
    """RFC 3261 section 22.4, 6 (RFC 8760 section 2.6, 6)."""
    value = answer_value(office.challenge().lines, b"1001", b"alpha-1001", b"REGISTER", uri)
    assert office.judge(b"Authorization: " + value).extension == b"1001"


# ---- algorithms (RFC 8760)

def test_every_algorithm_of_the_user_has_its_line_in_order(office):
    assert shape(office.challenge(user=b"1003")) == (401, (
        b'WWW-Authenticate: Digest realm="office.test", nonce="", algorithm=SHA-256, qop="auth"\r\n'
        b'WWW-Authenticate: Digest realm="office.test", nonce="", algorithm=MD5, qop="auth"\r\n'))


def test_any_offered_algorithm_may_be_answered_and_no_other(office):
    for which in (0, 1):
        line = office.challenge(user=b"1003").lines.split(b"\r\n")[which]
        value = answer_value(line, b"phone3", b"charlie-1003", b"REGISTER", URI)
        assert office.judge(b"Authorization: " + value, user=b"1003").extension == b"1003"
        value = answer_value(line, b"1001", b"alpha-1001", b"REGISTER", URI, nc=2)
        assert isinstance(office.judge(b"Authorization: " + value), Account) == (b"=MD5" in line)


# ---- nonces and their counts (RFC 7616 sections 3.3 and 3.4)

def test_a_nonce_may_be_used_again_with_higher_counts(office):
    challenge = office.challenge()
    for nc in (1, 2, 3, 10, 1000):
        assert office.answer(challenge, nc=nc).extension == b"1001"


def test_a_count_of_zero_is_refused(office):
    challenge = office.challenge()
    assert isinstance(office.answer(challenge, nc=0), Challenge)
    assert office.answer(challenge, nc=1).extension == b"1001"


def test_counts_that_overtook_each_other_are_accepted_once(office):
    challenge = office.challenge()
    for nc in (2, 1, 5, 4, 3):
        assert office.answer(challenge, nc=nc).extension == b"1001"
    for nc in (1, 2, 3, 4, 5):
        assert is_stale(office.answer(challenge, nc=nc))


def test_a_replay_is_refused_as_stale_and_is_no_failure(office):
    challenge = office.challenge()
    office.answer(challenge)
    for _ in range(20):
        replayed = office.answer(challenge, host=b"198.51.100.7")
        assert is_stale(replayed)
    assert office.answer(replayed).extension == b"1001"
    assert (office.counters["authentications_replayed"], office.counters["authentications_failed"]) == (20, 0)


def test_a_wrong_answer_does_not_use_up_the_count(office):
    """The digest is verified before the count is noted."""
    challenge = office.challenge()
    assert is_plain(office.answer(challenge, secret=b"guess"))
    assert office.answer(challenge).extension == b"1001"


def test_an_answer_without_qop_is_good_once(office):
    challenge = office.challenge()
    assert office.answer(challenge, qop=b"").extension == b"1001"
    again = office.answer(challenge, qop=b"")
    assert is_stale(again)
    assert office.answer(again, qop=b"").extension == b"1001"


def test_a_replay_without_qop_is_not_saved_by_a_made_up_count(office):
    """Without qop the digest does not cover nc: an eavesdropper could write any."""
    value = answer_value(office.challenge().lines, b"1001", b"alpha-1001", b"REGISTER", URI, qop=b"")
    assert office.judge(b"Authorization: " + value).extension == b"1001"
    for extra in (b", nc=00000002", b", nc=00000003, cnonce=\"x\"", b", nc=00000004, qop=\"\""):
        assert is_stale(office.judge(b"Authorization: " + value + extra))


def test_an_old_nonce_is_stale_and_is_no_failure(office):
    challenge = office.challenge(now=100.0)
    assert office.answer(challenge, now=399.0).extension == b"1001"
    stale = office.answer(challenge, nc=2, now=401.5)
    assert is_stale(stale)
    assert office.answer(stale, now=401.6).extension == b"1001"
    assert office.counters["authentications_failed"] == 0


def test_the_life_of_a_nonce_can_be_said():
    office = Office(nonce_life_s=10.0)
    challenge = office.challenge(now=0.0)
    assert is_stale(office.answer(challenge, now=11.5))


def test_a_nonce_of_before_the_restart_is_stale_when_the_answer_is_right(office):
    before = Office()
    before.judging._key = bytes(16)
    assert is_stale(office.answer(before.challenge()))
    assert is_plain(office.answer(before.challenge(), secret=b"guess"))


def test_a_replay_is_refused_however_many_others_came_between():
    office = Office(nonce_limit=4)
    challenges = [office.challenge() for _ in range(50)]
    for challenge in challenges:
        assert office.answer(challenge).extension == b"1001"
    for challenge in challenges:
        assert is_stale(office.answer(challenge))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6), st.floats(0, 60)), max_size=60))
def test_no_answer_is_ever_accepted_twice(steps):
    office, now, seen = Office(nonce_limit=4), 0.0, set()
    challenges = [office.challenge() for _ in range(6)]
    for which, nc, delay_s in steps:
        now += delay_s
        if isinstance(office.answer(challenges[which], nc=nc, now=now), Account):
            assert (which, nc) not in seen
            seen.add((which, nc))


# ---- strangers

def test_known_and_unknown_users_look_alike(office):
    assert shape(office.challenge(user=b"1001")) == shape(office.challenge(user=b"9999"))
    for _ in range(12):     # through the throttle too
        known = office.answer(office.challenge(), b"1001", b"guess")
        unknown = office.answer(office.challenge(), b"9999", b"guess")
        assert shape(known) == shape(unknown)
    assert len({shape(known), shape(office.challenge())}) == 1


@pytest.mark.parametrize("secret", [b"", b"9999"])
def test_nobody_is_nobody(office, secret):
    for username in (b"9999", b""):
        value = answer_value(office.challenge().lines, username, secret, b"REGISTER", URI)
        assert is_plain(office.judge(b"Authorization: " + value))


def test_a_failure_is_written_down_without_the_answer(office):
    office.answer(office.challenge(), secret=b"guess")
    [(event, values)] = office.journal.events
    assert event == "authentication_failed"
    assert values == {"source": b"192.0.2.1", "username": b"1001", "hold_s": 0.0}


# ---- the throttle

def guess(office: Office, times: int, now: float = 0.0, **request) -> None:
    for _ in range(times):
        assert is_plain(office.answer(office.challenge(now=now), secret=b"guess", now=now, **request))


def test_after_five_failures_there_is_no_verdict_for_a_while(office):
    told = []
    office.judging.on_throttled = lambda source, user: told.append((source, user))
    guess(office, 5)
    assert told == [(b"192.0.2.1", b"1001")]
    held = office.answer(office.challenge(now=1.0), now=1.0)
    assert shape(held) == shape(office.challenge())
    guess(office, 50, now=2.0)
    assert office.counters["authentications_failed"] == 5
    assert office.counters["authentications_held"] == 51
    assert len(office.journal.events) == 5
    assert office.answer(office.challenge(now=11.0), now=11.0).extension == b"1001"


def test_a_stale_nonce_tells_nothing_while_there_is_no_verdict(office):
    challenge = office.challenge(now=0.0)
    guess(office, 5, now=1000.0)
    assert is_plain(office.answer(challenge, now=1001.0))


def test_others_are_not_delayed(office):
    guess(office, 20)
    assert office.answer(office.challenge(), host=b"192.0.2.2").extension == b"1001"
    assert office.answer(office.challenge(), b"1002").extension == b"1002"


def test_a_phone_that_proved_itself_is_not_delayed_by_its_neighbours(office):
    assert office.answer(office.challenge()).extension == b"1001"
    guess(office, 20, now=10.0)
    assert office.answer(office.challenge(now=11.0), now=11.0).extension == b"1001"


def test_a_replayed_or_stale_answer_proves_nothing_to_the_throttle(office):
    challenge = office.challenge()
    office.answer(challenge)
    assert is_stale(office.answer(challenge, host=b"198.51.100.7"))
    guess(office, 5, host=b"198.51.100.7")
    assert is_plain(office.answer(office.challenge(), host=b"198.51.100.7"))


# ---- trusted sources

TRUSTED = {"office": (ip_network("127.0.0.3/32"), ip_network("2001:db8::/32"))}


@pytest.mark.parametrize("host", [b"127.0.0.3", b"2001:db8::7", b"::ffff:127.0.0.3"])
def test_a_trusted_source_has_the_account_of_its_from(host):
    office = Office(trusted=TRUSTED)
    assert office.judge(user=b"1002", method=b"INVITE", host=host, is_proxy=True).extension == b"1002"
    assert office.judge(user=b"1003", host=host).extension == b"1003"


def test_a_trusted_source_in_another_name_is_not_challenged_and_has_nobodys_rights():
    assert Office(trusted=TRUSTED).judge(user=b"9999", host=b"127.0.0.3") is NOBODY


def test_other_sources_and_other_listeners_are_challenged():
    office = Office(trusted=TRUSTED)
    assert is_plain(office.judge(host=b"127.0.0.4"))
    office.listener = Listener("wan", b"UDP", b"127.0.4.1", 5060)
    assert is_plain(office.judge(host=b"127.0.0.3"))


def test_decisions_about_sources_are_bounded():
    office = Office(trusted=TRUSTED)
    for i in range(10000):
        office.judge(host=b"10.0.%d.%d" % (i >> 8, i & 255))
    assert len(office.judging._trusted._decisions) <= 4096
    assert office.judge(host=b"127.0.0.3").extension == b"1001"


# ---- who looks at public listeners

class Watch:
    """A GuessWatch that keeps everything."""

    def __init__(self) -> None:
        self.guesses: list[tuple[bytes, bytes, bool]] = []
        self.proofs: list[bytes] = []

    def note_guess(self, source: bytes, username: bytes, is_held: bool, now: float) -> None:
        self.guesses.append((source, username, is_held))

    def note_excess(self, source: bytes, is_forgeable: bool, now: float) -> None:
        raise AssertionError("nobody has flooded")

    def note_proof(self, source: bytes, now: float) -> None:
        self.proofs.append(source)


def watched(side: Side) -> tuple[Office, Watch]:
    office = Office(trusted=TRUSTED)
    office.listener.side = side
    office.judging.watch = watch = Watch()
    return office, watch


def test_guesses_and_proofs_on_the_public_side_are_told_to_the_watch():
    office, watch = watched(Side.PUBLIC)
    for _ in range(5):
        office.answer(office.challenge(), secret=b"guess")
    assert watch.guesses == [(b"192.0.2.1", b"1001", False)] * 4 + [(b"192.0.2.1", b"1001", True)]
    office.answer(office.challenge(user=b"1002"), b"1002")
    assert watch.proofs == [b"192.0.2.1"]


def test_nobody_is_watched_on_the_private_side():
    office, watch = watched(Side.PRIVATE)
    office.answer(office.challenge(), secret=b"guess")
    office.answer(office.challenge())
    assert (watch.guesses, watch.proofs) == ([], [])


def test_a_wrong_answer_counts_only_over_a_nonce_of_ours_and_from_nobody_who_is_trusted():
    office, watch = watched(Side.PUBLIC)
    another = Office()
    another.judging._key = bytes(16)
    office.answer(another.challenge(), secret=b"guess")
    office.answer(office.challenge(), b"9999", b"guess", host=b"127.0.0.3")
    assert watch.guesses == []


# ---- against our own client

def values_of(lines: bytes) -> list[bytes]:
    return [line.split(b": ", 1)[1] for line in lines.split(b"\r\n") if line]


@pytest.mark.parametrize(("extension", "username", "algorithm"), [
    (b"1001", b"1001", b"algorithm=MD5"), (b"1003", b"phone3", b"algorithm=SHA-256")])
@pytest.mark.parametrize("is_proxy", [False, True])
def test_our_client_gets_in_stays_in_and_takes_a_new_nonce(office, extension, username, algorithm, is_proxy):
    numbers = count(1)
    client = DigestClient(lambda realm: (username, SECRETS[username]), lambda size: next(numbers).to_bytes(size, "big"))
    exchange = client.open_exchange()

    def answer(challenge: Challenge) -> bytes:
        values = values_of(challenge.lines)
        return exchange.answer_challenges([] if is_proxy else values, values if is_proxy else [], b"REGISTER", URI)

    def judge(lines: bytes, now: float):
        return office.judge(lines[:-2], user=extension, is_proxy=is_proxy, now=now)

    lines = answer(office.challenge(user=extension, is_proxy=is_proxy))
    assert algorithm in lines
    assert judge(lines, 1.0).extension == extension
    for now in (60.0, 120.0):
        exchange = client.open_exchange()
        assert judge(exchange.write_known(b"REGISTER", URI), now).extension == extension
    exchange = client.open_exchange()
    stale = judge(exchange.write_known(b"REGISTER", URI), 1000.0)
    assert is_stale(stale)
    assert judge(answer(stale), 1000.1).extension == extension


def test_our_client_gives_up_with_a_wrong_secret(office):
    client = DigestClient(lambda realm: (b"1001", b"guess"), bytes)
    exchange = client.open_exchange()
    lines = exchange.answer_challenges(values_of(office.challenge().lines), [], b"REGISTER", URI)
    refused = office.judge(lines[:-2])
    assert is_plain(refused)
    assert exchange.answer_challenges(values_of(refused.lines), [], b"REGISTER", URI) == b""


# ---- another configuration

def test_accounts_can_be_replaced_while_nonces_live_on(office):
    challenge = office.challenge()
    office.judging.reconfigure(AccountDirectory(REALM, [make_account(b"1002", b"1002", MD5)]),
                               AuthenticationPolicy(general=(SHA_256, MD5)))
    assert is_plain(office.answer(challenge))
    assert office.answer(challenge, b"1002").extension == b"1002"
    assert b"algorithm=SHA-256" in office.challenge(user=b"1001").lines


def test_challenges_name_the_realm_of_the_new_configuration(office):
    assert b'realm="office.test"' in office.challenge().lines
    office.judging.reconfigure(AccountDirectory(b"other.test", []), AuthenticationPolicy())
    assert b'realm="other.test"' in office.challenge().lines
