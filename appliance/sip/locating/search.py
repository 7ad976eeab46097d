# SPDX-License-Identifier: Apache-2.0
"""One RFC 3263 lookup as a machine without hands: it says what to ask, takes answers, and has the transport addresses
in the order in which they are to be tried. Section 4 for requests, section 5 for responses whose connection is gone.

Changed by `take_answer` and `give_up` alone.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple

from appliance.errors import MisuseError
from appliance.sip.flow import TCP, TLS, UDP
from appliance.sip.locating.ability import DEFAULT_PORTS, NAPTR_SERVICES, SERVICE_PREFIXES, Ability
from appliance.sip.locating.numeric import Target
from appliance.sip.locating.records import Answer, Outcome, Question, RecordType
from appliance.sip.locating.srv_order import order_services
from appliance.sip.uri import SipUri, is_numeric

HOPS_LIMIT = 8          # SRV records that are looked at, by order
TARGETS_LIMIT = 8       # addresses that one request may be tried at


class SearchState(IntEnum):
    """Which records are being asked for."""

    REWRITES = 0
    SERVICES = 1
    ADDRESSES = 2
    DONE = 3


REWRITES, SERVICES, ADDRESSES, DONE = SearchState
TRANSITIONS: Final = (
    frozenset({SERVICES, DONE}),
    frozenset({ADDRESSES, DONE}),
    frozenset({DONE}),
    frozenset[SearchState](),
)
"""What may follow each state, by its number."""


class Verdict(IntEnum):
    """FOUND: there are targets; ABSENT: the DNS says that nothing is there; FAILED: nobody could say;
    UNREACHABLE: something is there that none of our transports reaches; OURSELVES: whoever looked it up has found that
    it leads back to him."""

    FOUND = 0
    ABSENT = 1
    FAILED = 2
    UNREACHABLE = 3
    OURSELVES = 4


WARNINGS: Final = {
    Verdict.ABSENT: b"no such domain, or nothing there that speaks SIP",
    Verdict.FAILED: b"no name server answers",
    Verdict.OURSELVES: b"that is this server, which serves another domain: see set system domain",
    Verdict.UNREACHABLE: b"no listener of ours has the transport that it wants",
}
"""Why there is no address, for a Warning (RFC 3261 20.43)."""


class Hop(NamedTuple):
    """A server by name or number, not yet an address."""

    transport: bytes
    host: bytes
    port: int


class ServerSearch:
    """Made by `search_for_uri` or `search_for_response`. waiting: what has been asked and not answered.

    is_large: the request is above 1300 octets, so that it goes by TCP first where UDP was meant (RFC 3261 18.1.1);
    is_secure: for a SIPS URI.
    """

    __slots__ = ("_ability", "_addresses", "_answers", "_fallback", "_has_failed", "_hops", "_host", "_is_large",
                 "_is_unreachable", "_random_octets", "_services", "_state", "is_secure", "waiting")

    def __init__(self, host: bytes, ability: Ability, random_octets: Callable[[int], bytes], is_large: bool) -> None:
        self._host = host
        self._ability = ability
        self._random_octets = random_octets
        self._is_large = is_large
        self._state = REWRITES
        self._services: list[tuple[bytes, bytes]] = []
        self._fallback = UDP
        self._hops: list[Hop] = []
        self._answers: dict[Question, Answer] = {}
        self._addresses: dict[Question, tuple[bytes, ...]] = {}
        self._has_failed = False
        self._is_unreachable = False
        self.is_secure = False
        self.waiting: list[Question] = []

    # what the driver calls

    @property
    def is_done(self) -> bool:
        """Whether nothing more needs to be asked."""
        return self._state is DONE

    @property
    def is_usable(self) -> bool:
        """Whether some address is known already, so that waiting for the others need not be long."""
        return self._state is DONE or any(self._addresses.values())

    def take_answer(self, question: Question, answer: Answer) -> list[Question]:
        """The questions that follow from an answer; [] while others are awaited and when it is done."""
        if question not in self.waiting:
            return []
        self.waiting.remove(question)
        self._has_failed |= answer.outcome is Outcome.FAILED
        if question.kind is RecordType.NAPTR:
            return self._take_rewrites(answer)
        if question.kind is RecordType.SRV:
            self._answers[question] = answer
            return [] if self.waiting else self._take_services()
        self._addresses[question] = answer.addresses
        if not self.waiting:
            self._enter(DONE)
        return []

    def give_up(self) -> None:
        """Make do with what is known."""
        if self._state is not DONE:
            self._has_failed = self._has_failed or bool(self.waiting)
            self.waiting.clear()
            self._enter(DONE)

    def targets(self) -> list[Target]:
        """The addresses in order, each once, at most TARGETS_LIMIT."""
        found: dict[Target, None] = {}
        for hop in self._hops:
            for host in self._hosts_of(hop):
                if hop.transport == UDP and self._is_large and self._ability.may_reach(TCP, host):
                    found[Target(host, hop.port, TCP)] = None   # RFC 3261 18.1.1; UDP behind it, for a refusal
                found[Target(host, hop.port, hop.transport)] = None
        return list(found)[:TARGETS_LIMIT]

    @property
    def verdict(self) -> Verdict:
        """How it ended."""
        if self.targets():
            return Verdict.FOUND
        if self._is_unreachable:
            return Verdict.UNREACHABLE
        return Verdict.FAILED if self._has_failed else Verdict.ABSENT

    # where it begins

    def refuse(self) -> list[Question]:
        """The URI wants a transport that we do not have, or that may not be."""
        self._is_unreachable = True
        self._enter(DONE)
        return []

    def ask_rewrites(self) -> list[Question]:
        """4.1: neither transport nor port is given, so the domain's NAPTR records choose the transport."""
        return self._ask([Question(self._host, RecordType.NAPTR)])

    def ask_services(self, services: list[tuple[bytes, bytes]], fallback: bytes = b"") -> list[Question]:
        """4.2: the SRV records of (transport, name) pairs, the preferred first; without any, the name itself by the
        transport `fallback`, that of the first pair if not given."""
        self._services = services
        self._fallback = fallback or services[0][0]
        self._enter(SERVICES)
        return self._ask([Question(name, RecordType.SRV) for _, name in services])

    def ask_addresses(self, hops: list[Hop]) -> list[Question]:
        """4.2: addresses of names whose transport and port are known."""
        self._hops = hops[:HOPS_LIMIT]
        if self._state is REWRITES:
            self._enter(SERVICES)
        self._enter(ADDRESSES)
        asked: dict[Question, None] = {}
        for hop in self._hops:
            kinds = self._ability.record_types(hop.transport)
            if not kinds:
                self._is_unreachable = True
            elif is_numeric(hop.host):
                self._is_unreachable |= not self._ability.may_reach(hop.transport, hop.host)
            else:
                asked.update((Question(hop.host, kind), None) for kind in kinds)
        if not asked:
            self._enter(DONE)
        return self._ask(list(asked))

    # inside

    def _enter(self, state: SearchState) -> None:
        if state not in TRANSITIONS[self._state]:
            raise MisuseError(f"server search: {self._state.name} to {state.name}")
        self._state = state

    def _ask(self, questions: list[Question]) -> list[Question]:
        self.waiting = list(dict.fromkeys(questions))
        return list(self.waiting)

    def _take_rewrites(self, answer: Answer) -> list[Question]:
        """4.1: only what names a transport that we have; of those only the lowest order (RFC 3403 4.1), by preference.

        Without any, every transport that we have is asked for, plain UDP first. TLS is left to those who say so: the
        DNS of a domain without NAPTR does not say that it prefers it.
        """
        fitting = [(one.order, one.preference, transport, one.replacement) for one in answer.rewrites
                   if one.flags.lower() == b"s" and not one.regexp and one.replacement
                   and (transport := NAPTR_SERVICES.get(one.service.upper())) in self._ability.transports
                   and (transport == TLS or not self.is_secure)]    # 4.1: a SIPS URI discards what is not SIPS
        if fitting:
            lowest = min(fitting)[0]
            return self.ask_services([(transport, name) for order, _, transport, name in sorted(fitting)
                                      if order == lowest and transport is not None])
        transports = self._plain_transports()
        return self.ask_services([(transport, SERVICE_PREFIXES[transport] + self._host) for transport in transports],
                                 UDP if UDP in transports else transports[0])   # 4.1: UDP for a SIP URI

    def _plain_transports(self) -> list[bytes]:
        if self.is_secure:
            return [TLS]
        preferred = (TCP, UDP) if self._is_large else (UDP, TCP)  # 4.1: what the size mandates may be chosen
        return [one for one in preferred if one in self._ability.transports] or [TLS]

    def _take_services(self) -> list[Question]:
        """4.2 and 4.3: all SRV records in order; without any, the name itself at the default port."""
        hops = []
        is_refused = False
        for transport, name in self._services:
            services = self._answers[Question(name, RecordType.SRV)].services
            for service in order_services(services, self._random_octets):
                if service.target:
                    hops.append(Hop(transport, service.target, service.port))
                else:
                    is_refused = True       # RFC 2782: "." means that the service is decidedly not available
        if not hops and not is_refused:
            hops = [Hop(self._fallback, self._host, DEFAULT_PORTS[self._fallback])]
        return self.ask_addresses(hops)

    def _hosts_of(self, hop: Hop) -> list[bytes]:
        if is_numeric(hop.host):
            return [hop.host] if self._ability.may_reach(hop.transport, hop.host) else []
        return [host for kind in self._ability.record_types(hop.transport)
                for host in self._addresses.get(Question(hop.host, kind), ())]


def search_for_uri(uri: SipUri, ability: Ability, random_octets: Callable[[int], bytes],
                   is_large: bool = False) -> tuple[ServerSearch, list[Question]]:
    """Section 4: the search for the servers of a SIP or SIPS URI, and its first questions."""
    host = (uri.parameter(b"maddr") or uri.host).strip(b"[]").rstrip(b".").lower()
    is_secure = uri.scheme == b"sips"
    named = (uri.parameter(b"transport") or b"").upper()
    transport = TLS if is_secure and named in (b"", TCP) else named    # RFC 3261 26.2.2
    search = ServerSearch(host, ability, random_octets, is_large)
    search.is_secure = is_secure
    if (transport and transport not in ability.transports) or (is_secure and transport not in (b"", TLS)):
        return search, search.refuse()      # nothing that we could send with
    if is_numeric(host) or uri.port:
        transport = transport or UDP    # 4.1
        return search, search.ask_addresses([Hop(transport, host, uri.port or DEFAULT_PORTS[transport])])
    if named:
        return search, search.ask_services([(transport, SERVICE_PREFIXES[transport] + host)])
    return search, search.ask_rewrites()


def search_for_response(sent_by: bytes, transport: bytes, ability: Ability,
                        random_octets: Callable[[int], bytes]) -> tuple[ServerSearch, list[Question]]:
    """Section 5: where a response may go whose connection is gone. sent_by: host[:port] of the top Via; transport: of
    the same. Only for answers over a connection: with UDP it would let a stranger aim our answers."""
    host, port = split_hostport(sent_by)
    search = ServerSearch(host, ability, random_octets, False)
    transport = transport.upper()
    if transport not in DEFAULT_PORTS or is_numeric(host) or port:
        return search, search.ask_addresses([Hop(transport, host, port or DEFAULT_PORTS.get(transport, 0))])
    return search, search.ask_services([(transport, SERVICE_PREFIXES[transport] + host)])


def split_hostport(hostport: bytes) -> tuple[bytes, int]:
    """host (lower case, without brackets or last dot) and port, 0 where there is none."""
    host, colon, port = hostport.rpartition(b":")
    if not colon or hostport.endswith(b"]") or not port.isdigit():
        return hostport.strip(b"[]").rstrip(b".").lower(), 0
    return host.strip(b"[]").lower(), int(port)
