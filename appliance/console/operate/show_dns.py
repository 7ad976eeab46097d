# SPDX-License-Identifier: Apache-2.0
"""`show dns`: the name servers that are asked, and what is remembered of their answers."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.table import render_table

if TYPE_CHECKING:
    from appliance.control.observed import DnsAnswer, DnsServer, DnsState


def render(result: "DnsState") -> str:
    """Two tables."""
    servers = [_list_server(server) for server in result["servers"]]
    parts = [render_table(("name server", "state", "answers", "silences", "last ms"), servers)
             if servers else say("no name server") + "\n"]
    if result["questions_open"]:
        parts.append(f"{result['questions_open']} questions are open\n")
    answers = [_list_answer(answer) for answer in result["answers"]]
    parts.append(render_table(("name", "type", "answer", "seconds", "used"), answers)
                 if answers else "nothing is remembered\n")
    return "\n".join(parts)


def _list_server(server: "DnsServer") -> tuple[object, ...]:
    state = "silent" if server["is_silent"] else "answers" if server["answers"] else "not asked yet"
    last_ms = server["last_ms"] if server["last_ms"] >= 0 else ""
    return server["address"], state, server["answers"], server["silences"], last_ms


def _list_answer(answer: "DnsAnswer") -> tuple[object, ...]:
    words = ", ".join(answer["records"]) or answer["outcome"]
    said = f"{words} (old)" if answer["is_stale"] else words
    return answer["name"], answer["type"], said, answer["expires_s"], answer["uses"]
