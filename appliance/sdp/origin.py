# SPDX-License-Identifier: Apache-2.0
"""Our own o= line on one leg and its version (RFC 3264 5 and 8). Whoever owns the leg stamps what it sends there."""

from appliance.errors import MisuseError

SESSION_ID_LIMIT = 2**62
"""RFC 3264 5: 64-bit signed, and the version must have room to grow."""


class OwnOrigin:
    """What we have said last on this leg. The address stays for the whole session, even where media move elsewhere:
    only the version may change (RFC 3264 8, RFC 6337 5.2.5). It is for comparison, nobody sends anything there.

    version: of the last one, 0 before it; said: what stood below its o= line. Both may be restored after a crash.
    """

    __slots__ = ("_head", "address", "said", "session_id", "version")

    def __init__(self, session_id: int, address: str, version: int = 0, said: bytes = b"") -> None:
        """session_id: at random, below SESSION_ID_LIMIT; address: textual, IPv6 without brackets."""
        if not 0 <= session_id < SESSION_ID_LIMIT:
            raise MisuseError("session id out of range")
        self.session_id = session_id
        self.address = address
        self.version = version
        self.said = said
        self._head = b"v=0\r\no=- %d %%d IN %s %s\r\n" % (
            session_id, b"IP6" if ":" in address else b"IP4", address.encode("ascii").replace(b"%", b"%%"))

    def stamp(self, lines: bytes) -> bytes:
        """The description with these lines below o=: the same version where they are what was said last, else one more.

        What the other side refused (488) counts as said: it has seen that version.
        """
        if lines != self.said:
            self.version += 1
            self.said = lines
        return self._head % self.version + lines
