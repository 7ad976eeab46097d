# SPDX-License-Identifier: Apache-2.0
"""A user agent's own credentials: answers 401 and 407, counts nonces, checks the server. RFC 3261 section 22, RFC 7616
sections 3.4 to 3.6, RFC 8760 section 2.4.

DigestClient lives as long as the user agent and keeps a session for each realm; DigestExchange as long as one request
and its retries. Both change only their own state.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum
from hmac import compare_digest

from appliance.errors import PeerError
from appliance.sip.digest.algorithm import Algorithm, bind_session, compute_ha1, compute_ha2, compute_response
from appliance.sip.digest.challenge import ReceivedChallenge, quote, read_parameters

SESSION_LIMIT = 32      # realms are named by strangers; a domain may have several servers
ROUND_LIMIT = 5         # retries of one request: several proxies in turn, a stale nonce now and then
CNONCE_SIZE_OCTETS = 8

SecretFinder = Callable[[bytes], tuple[bytes, bytes] | None]
ChallengeJudge = Callable[[bytes, "DigestExchange"], bool]
SessionKey = tuple[bytes, bool, bytes]     # realm; whether a proxy asks; the place that the request had gone to


class ServerProof(IntEnum):
    """What an Authentication-Info header says about the server (RFC 7616 section 3.5)."""

    ABSENT = 0
    RIGHT = 1
    WRONG = 2


class DigestSession:
    """One authentication session (RFC 7616 section 3.6): a challenge taken up, and how many answers it had."""

    __slots__ = ("algorithm", "algorithm_name", "cnonce", "ha1", "is_proxy", "nonce", "nonce_count", "opaque", "qop",
                 "realm", "username")

    def __init__(self, challenge: ReceivedChallenge, algorithm: Algorithm, is_proxy: bool,
                 account: tuple[bytes, bytes], cnonce: bytes) -> None:
        self.algorithm = algorithm
        self.algorithm_name = challenge.algorithm_name
        self.is_proxy = is_proxy
        self.realm = challenge.realm
        self.username = account[0]
        ha1 = compute_ha1(algorithm, account[0], challenge.realm, account[1])
        self.ha1 = bind_session(algorithm, ha1, challenge.nonce, cnonce)
        self.nonce = challenge.nonce
        self.nonce_count = 0
        self.opaque = challenge.opaque
        self.qop = challenge.qop or b""
        self.cnonce = cnonce        # of the first answer; -sess keeps it, it is part of its key

    def open_answer(self, uri: bytes, cnonce: bytes) -> "DigestAnswer":
        """The next answer: its nc is one higher."""
        self.nonce_count += 1
        return DigestAnswer(self, uri, self.cnonce if self.algorithm.is_session else cnonce)

    def take_nonce(self, nonce: bytes) -> None:
        """Use the server's nextnonce from now on (RFC 7616 section 3.5)."""
        self.nonce = nonce
        self.nonce_count = 0


class DigestAnswer:
    """One set of credentials as one request carries it; its response and the server's rspauth are computed from it."""

    __slots__ = ("cnonce", "nc", "nonce", "session", "uri")

    def __init__(self, session: DigestSession, uri: bytes, cnonce: bytes) -> None:
        self.session = session
        self.nonce = session.nonce
        self.nc = b"%08x" % session.nonce_count     # RFC 7616 section 3.5: exactly 8 digits
        self.cnonce = cnonce
        self.uri = uri

    def write_line(self, method: bytes, body: bytes) -> bytes:
        """The header line with CRLF. What is quoted and what is not: RFC 7616 section 3.4."""
        session = self.session
        line = b"%s: Digest username=%s, realm=%s, nonce=%s, uri=%s, response=\"%s\"" % (
            b"Proxy-Authorization" if session.is_proxy else b"Authorization", quote(session.username),
            quote(session.realm), quote(self.nonce), quote(self.uri), self.compute(method, body))
        if session.algorithm_name:
            line += b", algorithm=%s" % session.algorithm_name
        if session.qop:     # RFC 3261 section 22.4, 8: nc and cnonce only with it
            line += b', cnonce="%s", qop=%s, nc=%s' % (self.cnonce, session.qop, self.nc)
        if session.opaque is not None:
            line += b", opaque=%s" % quote(session.opaque)
        return line + b"\r\n"

    def compute(self, method: bytes, body: bytes) -> bytes:
        """The response to send; with method b"" and the response's body the rspauth to expect."""
        session = self.session
        ha2 = compute_ha2(session.algorithm, method, self.uri, session.qop, body)
        counted = b"%s:%s:%s" % (self.nc, self.cnonce, session.qop) if session.qop else b""
        return compute_response(session.algorithm, session.ha1, self.nonce, counted, ha2)

    def judge_server(self, parameters: dict[bytes, bytes], body: bytes) -> ServerProof:
        """Whether these parameters of an Authentication-Info prove that the server knows our secret."""
        given = parameters.get(b"rspauth")
        if given is None:
            return ServerProof.ABSENT
        # RFC 7616 section 3.5: with qop, cnonce and nc are there and are those of the request.
        if self.session.qop and (parameters.get(b"nc"), parameters.get(b"cnonce")) != (self.nc, self.cnonce):
            return ServerProof.WRONG
        return ServerProof.RIGHT if compare_digest(given.lower(), self.compute(b"", body)) else ServerProof.WRONG


class DigestClient:
    """The sessions of one user agent.

    find_secret: realm -> (user name, secret), None where we have no account; random_octets: n -> n octets nobody can
    guess; may_answer: whether a challenge of this realm, met by this exchange, is one for that account at all.
    """

    __slots__ = ("_find_secret", "_random_octets", "may_answer", "sessions")

    def __init__(self, find_secret: SecretFinder, random_octets: Callable[[int], bytes]) -> None:
        self._find_secret = find_secret
        self._random_octets = random_octets
        self.may_answer: ChallengeJudge = answer_everybody
        self.sessions: dict[SessionKey, DigestSession] = {}

    def open_exchange(self) -> "DigestExchange":
        """For one request and what it is sent again as."""
        return DigestExchange(self)

    def open_session(self, challenge: ReceivedChallenge, is_proxy: bool, place: bytes) -> DigestSession | None:
        """Take up a challenge that came from this place; None where we know no algorithm, no qop or no secret for it.
        """
        algorithm = challenge.algorithm
        if algorithm is None or not challenge.is_answerable:
            return None
        found = self._find_secret(challenge.realm)
        if found is None:
            return None
        key = (challenge.realm, is_proxy, place)
        if key not in self.sessions and len(self.sessions) >= SESSION_LIMIT:
            del self.sessions[next(iter(self.sessions))]
        session = self.sessions[key] = DigestSession(challenge, algorithm, is_proxy, found, self.new_cnonce())
        return session

    def new_cnonce(self) -> bytes:
        """16 hex digits nobody can guess."""
        return self._random_octets(CNONCE_SIZE_OCTETS).hex().encode()


class DigestExchange:
    """One request, the challenges it met and the answers that its last try carries.

    place: where the next try goes (host and port), b"" where there is only one: what one server has asked for is shown
    to no other unasked. has_been_rejected: credentials of ours met a challenge once more, so the secret is wrong.
    method: of the request; is_in_dialog: whether it is sent inside a dialog, so that the other end may be who asks.
    """

    __slots__ = ("_answered", "_answers", "_client", "_rounds", "_sessions", "has_been_rejected", "is_in_dialog",
                 "method", "place")

    def __init__(self, client: DigestClient) -> None:
        self._client = client
        self._sessions: dict[SessionKey, DigestSession] = {}
        self._answered: set[SessionKey] = set()
        self._answers: list[DigestAnswer] = []
        self._rounds = 0
        self.place = b""
        self.method = b""
        self.is_in_dialog = False
        self.has_been_rejected = False

    def write_known(self, method: bytes, uri: bytes, body: bytes = b"") -> bytes:
        """Credentials for every realm that challenged us from this place before, sent unasked (RFC 3261 sections 22.2
        and 22.3)."""
        self._sessions = {key: session for key, session in self._client.sessions.items() if key[2] == self.place}
        return self._write_lines(method, uri, body)

    def answer_challenges(self, www: Iterable[bytes], proxy: Iterable[bytes], method: bytes, uri: bytes,
                          body: bytes = b"") -> bytes:
        """The credential lines for the next try; b"" where there is no point in one.

        www, proxy: the values of WWW-Authenticate and Proxy-Authenticate of the 401 or 407, in order; uri: the
        Request-URI of the next try. Credentials that were accepted meanwhile are repeated, counted on.
        """
        self._rounds += 1
        if self._rounds > ROUND_LIMIT:
            return b""
        self.method = method
        has_answer = False
        for is_proxy, values in ((False, www), (True, proxy)):
            for challenge in pick_challenges(values):
                if not self._client.may_answer(challenge.realm, self):
                    continue
                key = (challenge.realm, is_proxy, self.place)
                if key in self._answered and not challenge.has_stale:
                    self._client.sessions.pop(key, None)
                    self.has_been_rejected = True
                    return b""      # RFC 3261 section 22.1: never again with credentials that were just rejected
                session = self._client.open_session(challenge, is_proxy, self.place)
                if session is not None:
                    self._sessions[key] = session
                    self._answered.add(key)
                    has_answer = True
        return self._write_lines(method, uri, body) if has_answer else b""

    def check_server(self, value: bytes, is_proxy: bool, body: bytes = b"") -> ServerProof:
        """Judge the (Proxy-)Authentication-Info of the response to the last try; body: of that response.

        Its nextnonce is used from now on unless the proof is wrong. RFC 7616 section 3.5.
        """
        try:
            parameters = read_parameters(value)
        except PeerError:
            return ServerProof.WRONG
        cnonce = parameters.get(b"cnonce")
        for answer in self._answers:
            if answer.session.is_proxy == is_proxy and cnonce in (None, answer.cnonce):
                proof = answer.judge_server(parameters, body)
                if proof is not ServerProof.WRONG and parameters.get(b"nextnonce"):
                    answer.session.take_nonce(parameters[b"nextnonce"])
                return proof
        return ServerProof.WRONG

    def _write_lines(self, method: bytes, uri: bytes, body: bytes) -> bytes:
        new_cnonce = self._client.new_cnonce
        self._answers = [session.open_answer(uri, new_cnonce()) for session in self._sessions.values()]
        return b"".join([answer.write_line(method, body) for answer in self._answers])


def answer_everybody(_realm: bytes, _exchange: DigestExchange) -> bool:
    """For an account of a realm: `find_secret` knows whose."""
    return True


def pick_challenges(values: Iterable[bytes]) -> list[ReceivedChallenge]:
    """Of each realm the topmost challenge that we can answer (RFC 8760 section 2.4); the others are ignored."""
    picked: dict[bytes, ReceivedChallenge] = {}
    for value in values:
        try:
            challenge = ReceivedChallenge(value)
        except PeerError:
            continue
        if challenge.is_answerable and challenge.realm not in picked:
            picked[challenge.realm] = challenge
    return list(picked.values())
