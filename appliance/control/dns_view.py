# SPDX-License-Identifier: Apache-2.0
"""What the resolver knows, as the console sees it: reads, changes nothing."""

from appliance.control.observed import DnsAnswer, DnsServer, DnsState
from appliance.sip.locating.records import Answer, Question
from appliance.system.dns.cache import Entry
from appliance.system.dns.name_servers import NameServer
from appliance.system.dns.resolver import DnsResolver


def describe_no_dns(now: float) -> DnsState:
    """Where nobody asks."""
    return {"servers": [], "questions_open": 0, "answers": []}


def describe_dns(resolver: DnsResolver, now: float) -> DnsState:
    """Name servers, and what they have said, the longest unused first."""
    return {
        "servers": [_describe_server(server) for server in resolver.servers.in_order(now)],
        "questions_open": resolver.exchanges_open,
        "answers": [_describe_answer(question, entry, now) for question, entry in resolver.cache.entries()],
    }


def _describe_server(server: NameServer) -> DnsServer:
    host, port = server.address
    return {
        "address": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "is_silent": bool(server.failed_at),
        "answers": server.answers,
        "silences": server.silences,
        "last_ms": round(server.last_ms, 1),
    }


def _describe_answer(question: Question, entry: Entry, now: float) -> DnsAnswer:
    return {
        "name": question.name.decode("ascii", "replace"),
        "type": question.kind.name,
        "outcome": entry.answer.outcome.name.lower(),
        "records": _render_records(entry.answer),
        "expires_s": max(0, int(entry.expires_at - now)),
        "is_stale": entry.is_stale,
        "uses": entry.uses,
    }


def _render_records(answer: Answer) -> list[str]:
    """As in a zone file."""
    services = [f"{one.priority} {one.weight} {one.port} {one.target.decode()}." for one in answer.services]
    rewrites = [f"{one.order} {one.preference} {one.service.decode('ascii', 'replace')} {one.replacement.decode()}."
                for one in answer.rewrites]
    return [*(address.decode() for address in answer.addresses), *services, *rewrites]
