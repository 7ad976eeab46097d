# SPDX-License-Identifier: Apache-2.0
"""What is asked of the DNS and what it answers, as far as RFC 3263 needs it. Values; whoever resolves makes them."""

from enum import IntEnum
from typing import NamedTuple, Protocol


class RecordType(IntEnum):
    """The numbers of RFC 1035, 3596, 2782 and 3403."""

    A = 1
    AAAA = 28
    SRV = 33
    NAPTR = 35


class Question(NamedTuple):
    """One name and type. name: lower case, without the last dot."""

    name: bytes
    kind: RecordType


class Srv(NamedTuple):
    """RFC 2782. target: lower case, without the last dot; b"" means that the service is decidedly not there."""

    priority: int
    weight: int
    port: int
    target: bytes


class Naptr(NamedTuple):
    """RFC 3403 4.1. flags and service: as written; replacement: as Srv.target."""

    order: int
    preference: int
    flags: bytes
    service: bytes
    regexp: bytes
    replacement: bytes


class Outcome(IntEnum):
    """FOUND: there are records; ABSENT: the DNS says that there are none; FAILED: nobody could say."""

    FOUND = 0
    ABSENT = 1
    FAILED = 2


class Answer(NamedTuple):
    """addresses: numeric, of A or AAAA; services: of SRV; rewrites: of NAPTR. Only those of the question's type."""

    outcome: Outcome
    addresses: tuple[bytes, ...] = ()
    services: tuple[Srv, ...] = ()
    rewrites: tuple[Naptr, ...] = ()


ABSENT = Answer(Outcome.ABSENT)
FAILED = Answer(Outcome.FAILED)


class Asker(Protocol):
    """Who wants to know. source: the host whose request has raised the question, b"" for ourselves: one source has only
    its share of the resolver."""

    @property
    def source(self) -> bytes:
        """See above."""

    def answer_received(self, question: Question, answer: Answer, now: float) -> None:
        """The answer to a question; exactly once for each time it was asked."""


class Resolver(Protocol):
    """Who finds out; never blocks, and answers every question within a bounded time. system.dns satisfies it."""

    def ask(self, question: Question, asker: Asker, now: float) -> None:
        """Tell the asker, at once where the answer is known, later otherwise."""


class SilentResolver:
    """For where there is no DNS: it has failed already."""

    def ask(self, question: Question, asker: Asker, now: float) -> None:
        """Nobody could say."""
        asker.answer_received(question, FAILED, now)
