# SPDX-License-Identifier: Apache-2.0
"""DNS messages, written and read by dnspython (RFC 1035, 6891); what comes back is checked against what was asked.

Nobody believes an answer further than this: right number, right question, a bounded chain of aliases, a bounded count.
"""

from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.SOA
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rdtypes.IN.NAPTR
import dns.rdtypes.IN.SRV

from appliance.sip.locating.records import ABSENT, FAILED, Answer, Naptr, Outcome, Question, RecordType, Srv

PAYLOAD_OCTETS = 1232       # what passes every path unfragmented (DNS flag day 2020)
RECORDS_LIMIT = 32          # more servers than any domain has; a longer list is cut
LABEL_FAULTS = (dns.exception.DNSException, UnicodeError)


class Query(NamedTuple):
    """A question on its way. octets: the message, number included."""

    question: Question
    message: dns.message.Message
    octets: bytes


class Reading(NamedTuple):
    """What a response says. ttl_s: how long it holds; is_truncated: the whole is to be had over TCP."""

    answer: Answer
    ttl_s: int = 0
    is_truncated: bool = False


def build_query(question: Question, number: int) -> Query | None:
    """The message that asks; number: 16 unpredictable bits. None for what can be no name in the DNS (RFC 1035 3.1)."""
    try:
        name = dns.name.from_text(question.name.decode("ascii"), dns.name.root)
        message = dns.message.make_query(name, dns.rdatatype.RdataType(question.kind), use_edns=0,
                                         payload=PAYLOAD_OCTETS, id=number)
        return Query(question, message, message.to_wire())
    except LABEL_FAULTS:
        return None


def read_response(octets: bytes, query: Query) -> Reading | None:
    """What a message says to a query; None when it is no response to it at all: that one is still to come."""
    try:
        response = dns.message.from_wire(octets, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None
    if not isinstance(response, dns.message.QueryMessage) or not _is_response(response, query.message):
        return None
    if response.flags & dns.flags.TC:
        return Reading(FAILED, 0, True)
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Reading(FAILED)
    return _read_answer(response, query.question)


def _is_response(response: dns.message.Message, query: dns.message.Message) -> bool:
    """Number, direction and question are those of the query; only an error may come without the question."""
    if not response.flags & dns.flags.QR or response.id != query.id or response.opcode() != query.opcode():
        return False
    return response.question == query.question or (not response.question and response.rcode() != dns.rcode.NOERROR)


def _read_answer(response: dns.message.QueryMessage, question: Question) -> Reading:
    try:
        chain = response.resolve_chaining()
    except dns.exception.DNSException:      # aliases in a circle or without end, records under a name that is not there
        return Reading(FAILED)
    if chain.answer is None:
        return Reading(ABSENT, min(chain.minimum_ttl, 0x7FFFFFFF))
    answer = _convert(list(chain.answer)[:RECORDS_LIMIT], question.kind)
    return Reading(answer, chain.minimum_ttl)


def _convert(records: list[dns.rdata.Rdata], kind: RecordType) -> Answer:
    if kind is RecordType.SRV:
        services = tuple(Srv(one.priority, one.weight, one.port, render_name(one.target)) for one in records
                         if isinstance(one, dns.rdtypes.IN.SRV.SRV))
        return Answer(Outcome.FOUND, services=services)
    if kind is RecordType.NAPTR:
        rewrites = tuple(Naptr(one.order, one.preference, one.flags, one.service, one.regexp,
                               render_name(one.replacement)) for one in records
                         if isinstance(one, dns.rdtypes.IN.NAPTR.NAPTR))
        return Answer(Outcome.FOUND, rewrites=rewrites)
    addresses = tuple(one.address.encode("ascii") for one in records
                      if isinstance(one, dns.rdtypes.IN.A.A | dns.rdtypes.IN.AAAA.AAAA))
    return Answer(Outcome.FOUND, addresses=addresses)


def render_name(name: dns.name.Name) -> bytes:
    """Lower case, without the last dot; b"" for the root."""
    return name.to_text(omit_final_dot=True).encode("ascii").lower() if name != dns.name.root else b""
