# SPDX-License-Identifier: Apache-2.0
"""Who edits what: a session belongs to the connection that opened it and ends with it."""

from collections.abc import Iterator
from time import time
from typing import Any, Final, TypeVar

from appliance.config.candidate import Candidate
from appliance.control.asker import Asker
from appliance.control.conversation import Words
from appliance.errors import OperatorError

SESSIONS_LIMIT: Final = 16
T = TypeVar("T")


class Session:
    """since: seconds since 1970."""

    __slots__ = ("asker", "candidate", "number", "since", "user")

    def __init__(self, number: int, asker: Asker, user: str, candidate: Candidate) -> None:
        self.number = number
        self.asker = asker
        self.user = user
        self.candidate = candidate
        self.since = time()


class Sessions:
    """All that are open."""

    def __init__(self) -> None:
        self._sessions: dict[int, Session] = {}
        self._last_number = 0

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def open(self, asker: Asker, user: str, candidate: Candidate) -> Session:
        """A new one. Raises OperatorError where there are too many."""
        if len(self._sessions) >= SESSIONS_LIMIT:
            raise OperatorError("open", "one more", f"{SESSIONS_LIMIT} who edit at a time", "close a console")
        self._last_number += 1
        session = Session(self._last_number, asker, user, candidate)
        self._sessions[session.number] = session
        asker.at_end(lambda: self.close(session))
        return session

    def find(self, words: Words, asker: Asker) -> Session:
        """The session that a command names first. Raises OperatorError where it is not the asker's."""
        session = self._sessions.get(words[0]) if words and isinstance(words[0], int) else None
        if session is None or session.asker is not asker:
            raise OperatorError("session", str(words[:1])[:40], "a session that this connection has opened")
        return session

    def close(self, session: Session) -> None:
        """It is over, its changes are gone."""
        self._sessions.pop(session.number, None)


def require(words: Words, index: int, kind: type[T], command: str, allowed: str) -> T:
    """One of the words, of its type. Raises OperatorError."""
    word: Any = words[index] if len(words) > index else None
    if not isinstance(word, kind):
        raise OperatorError(command, str(word)[:40], allowed)
    return word
