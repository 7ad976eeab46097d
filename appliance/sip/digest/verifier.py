# SPDX-License-Identifier: Apache-2.0
"""What one user agent needs to challenge another (RFC 3261 22.2): challenges whose nonces are sealed, not kept, and a
judgement of answers that bounds how often a source may guess.

Changed by every answer that is judged; its tables are of fixed size.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from appliance.native.sip_digest import Credentials, NonceCounts, open_nonce, seal_nonce
from appliance.native.sip_scanner import Message
from appliance.sip.digest.algorithm import MD5
from appliance.sip.digest.challenge import challenge_value

NONCE_LIFE_S: Final = 300
GUESSES: Final = 5
"""Wrong answers of one source in a minute; then none of its answers is judged until the minute is over."""
GUESS_MEMORY_S: Final = 60.0
SOURCES_LIMIT: Final = 1024
NONCES_LIMIT: Final = 1024


def find_answer(request: Message, realm: bytes) -> Credentials | None:
    """The Authorization for this realm; those of others are not ours, what cannot be read is none (RFC 3261 22.3). The
    first alone: many would be as many guesses."""
    for value in request.credentials(False):
        try:
            credentials = Credentials(value)
        except ValueError:
            continue
        if credentials.realm == realm:
            return credentials
    return None


class DigestVerifier:
    """random_octets: n -> n octets nobody can guess."""

    __slots__ = ("_counts", "_guesses", "_key", "_number")

    def __init__(self, random_octets: Callable[[int], bytes]) -> None:
        self._key = random_octets(16)
        self._number = 0
        self._counts = NonceCounts(NONCES_LIMIT)
        self._guesses: OrderedDict[bytes, tuple[int, float]] = OrderedDict()

    def challenge(self, realm: bytes, now: float) -> bytes:
        """The header line to answer 401 with."""
        self._number = self._number + 1 & 0xFFFFFFFF
        nonce = seal_nonce(self._key, int(now), self._number)
        return b"WWW-Authenticate: %s\r\n" % challenge_value(realm, nonce, MD5)

    def is_proof(self, credentials: Credentials, ha1: bytes | None, method: bytes, source: bytes, now: float) -> bool:
        """Whether these credentials prove ha1 for a request of this method from this host; None: of nobody's."""
        if self._is_held(source, now):
            return False
        stamp = open_nonce(self._key, credentials.nonce)
        if not 0 <= now - stamp <= NONCE_LIFE_S or stamp < 0:
            return False
        if ha1 is None or not credentials.matches_md5(ha1, method):
            self._note_guess(source, now)
            return False
        # RFC 7616 3.4: an answer counts once; one without qop has no count and is good for one nonce alone
        return self._counts.admit(credentials.nonce, credentials.nonce_count or 1)

    def _is_held(self, source: bytes, now: float) -> bool:
        count, since = self._guesses.get(source, (0, 0.0))
        return count >= GUESSES and now - since < GUESS_MEMORY_S

    def _note_guess(self, source: bytes, now: float) -> None:
        count, since = self._guesses.pop(source, (0, now))
        self._guesses[source] = (count + 1, since) if now - since < GUESS_MEMORY_S else (1, now)
        if len(self._guesses) > SOURCES_LIMIT:
            self._guesses.popitem(last=False)
