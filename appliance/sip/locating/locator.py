# SPDX-License-Identifier: Apache-2.0
"""Locates servers: runs RFC 3263 searches against a resolver, within a budget of time, and tells who asked.

Sans-IO: the resolver is a Protocol, the time a parameter, the budget a deadline among the stack's timers. An inquiry
belongs to one request ("exactly once per transaction", RFC 3263 4) and is changed by its answers and its deadline.
"""

from collections.abc import Callable
from typing import NamedTuple

from appliance.errors import PeerError
from appliance.sip.locating.ability import Ability
from appliance.sip.locating.numeric import Target
from appliance.sip.locating.records import Answer, Question, Resolver
from appliance.sip.locating.search import ServerSearch, Verdict, search_for_uri
from appliance.sip.timers import Timers
from appliance.sip.uri import SipUri

BUDGET_S = 5.0          # for a whole lookup, however many questions it takes
GRACE_S = 0.5           # once some server is known, for the addresses of the others
LARGE_OCTETS = 1300     # RFC 3261 18.1.1, the path MTU being unknown
REMEMBERED = 1024       # URIs that lead somewhere without a question
REMEMBERED_OCTETS = 256


class Located(NamedTuple):
    """What came of an inquiry. targets: in the order in which to try them; [] exactly when verdict is not FOUND;
    is_lasting: targets that nobody had to be asked for, so that they stay what they are."""

    targets: list[Target]
    verdict: Verdict
    is_lasting: bool = False


Found = Callable[[Located, float], None]
"""Called with the result and the time, once, unless the inquiry is cancelled."""


class Inquiry:
    """One lookup under way. source: whose request it is for."""

    __slots__ = ("_found", "_locator", "_search", "deadline", "source")

    def __init__(self, locator: "Locator", search: ServerSearch, found: Found, source: bytes) -> None:
        self._locator = locator
        self._search = search
        self._found: Found | None = found
        self.source = source
        self.deadline = 0.0

    def begin(self, questions: list[Question], now: float) -> None:
        """Ask the first questions."""
        self.deadline = now + BUDGET_S
        self._ask(questions, now)
        if self._found is not None and not self._search.is_done:
            self._locator.timers.arm(self, self.deadline)
        self._look(now)

    def cancel(self) -> None:
        """Nobody wants to know any more; answers that still come only fill the resolver's cache."""
        self._found = None
        self.deadline = 0.0

    def answer_received(self, question: Question, answer: Answer, now: float) -> None:
        """From the resolver (Asker)."""
        if self._found is None:
            return
        was_usable = self._search.is_usable
        self._ask(self._search.take_answer(question, answer), now)
        if self._search.is_usable and not was_usable and now + GRACE_S < self.deadline:
            self.deadline = now + GRACE_S
            self._locator.timers.arm(self, self.deadline)
        self._look(now)

    def due(self, now: float) -> None:
        """The budget or the grace has passed."""
        self._search.give_up()
        self._look(now)

    def _ask(self, questions: list[Question], now: float) -> None:
        for question in questions:
            self._locator.resolver.ask(question, self, now)

    def _look(self, now: float) -> None:
        found = self._found
        if found is None or not self._search.is_done:
            return
        self.cancel()
        found(Located(self._search.targets(), self._search.verdict), now)


class Locator:
    """Begins inquiries.

    resolver: finds out; timers: the stack's; ability: what can be sent with; random_octets: for the choice among SRV
    records of equal priority.
    """

    __slots__ = ("_ability", "_known", "_random_octets", "resolver", "timers")

    def __init__(self, resolver: Resolver, timers: Timers, ability: Ability,
                 random_octets: Callable[[int], bytes]) -> None:
        self.resolver = resolver
        self.timers = timers
        self._ability = ability
        self._random_octets = random_octets
        self._known: dict[tuple[bytes, bool], Located] = {}     # a numeric one comes again with each request of a call

    @property
    def ability(self) -> Ability:
        """What can be sent with; another one is another answer for every URI."""
        return self._ability

    @ability.setter
    def ability(self, ability: Ability) -> None:
        self._ability = ability
        self._known.clear()

    def locate(self, uri: bytes, size_octets: int, found: Found, now: float, source: bytes = b"") -> Inquiry | None:
        """Find the servers of a SIP or SIPS URI for a request of this size from this host. `found` may be called before
        this returns; then, and for what is no such URI, there is no inquiry."""
        is_large = size_octets > LARGE_OCTETS
        known = self._known.get((uri, is_large))
        if known is not None:
            found(known, now)
            return None
        try:
            parsed = SipUri.parse(uri)
        except PeerError:
            found(Located([], Verdict.ABSENT), now)
            return None
        search, questions = search_for_uri(parsed, self._ability, self._random_octets, is_large)
        if search.is_done:      # nobody had to be asked, so it will be the same the next time
            targets = search.targets()
            found(self._remember(uri, is_large, Located(targets, search.verdict, bool(targets))), now)
            return None
        inquiry = Inquiry(self, search, found, source)
        inquiry.begin(questions, now)
        return None if search.is_done else inquiry

    def _remember(self, uri: bytes, is_large: bool, located: Located) -> Located:
        if len(uri) <= REMEMBERED_OCTETS:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[uri, is_large] = located
        return located
