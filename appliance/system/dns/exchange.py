# SPDX-License-Identifier: Apache-2.0
"""One question on the wire: to one server after the other, over UDP from a fresh port each time, over TCP where the
answer does not fit (RFC 1035 4.2, RFC 5452, RFC 7766). Ends with one Reading, within BUDGET_S.
"""

import asyncio
import socket
from secrets import randbelow

from appliance.sip.locating.records import FAILED, Question
from appliance.system.dns.name_servers import NameServer, ServerAddress
from appliance.system.dns.wire import Query, Reading, build_query, read_response

BUDGET_S = 5.0
TRY_S = 1.0             # one server, the first time round; the second time it gets twice that
ROUNDS = 2
DATAGRAM_LIMIT_OCTETS = 4096    # we offer 1232; what is longer is cut and then says nothing
STREAM_LIMIT_OCTETS = 16_384    # reading 64 KiB of records would hold up the loop
STRAY_LIMIT = 32        # datagrams on our port that are no answer: somebody is guessing

NOTHING = Reading(FAILED)


async def exchange_question(question: Question, servers: list[NameServer]) -> Reading:
    """What the first server that knows says; NOTHING when none does in time. Raises nothing for what servers do."""
    try:
        async with asyncio.timeout(BUDGET_S):
            return await _ask_in_turn(question, servers)
    except TimeoutError:
        return NOTHING


async def _ask_in_turn(question: Question, servers: list[NameServer]) -> Reading:
    loop = asyncio.get_running_loop()
    for round_number in range(ROUNDS):
        for server in servers:
            query = build_query(question, randbelow(65536))
            if query is None:
                return NOTHING
            began = loop.time()
            reading = await _ask_server(query, server.address, TRY_S * (round_number + 1))
            if reading is None:
                server.note_silence(loop.time())
                continue
            server.note_answer((loop.time() - began) * 1000)
            if reading.answer is not FAILED:
                return reading
        if all(not server.failed_at for server in servers):
            return NOTHING      # all have spoken and none knows: asking again changes nothing
    return NOTHING


async def _ask_server(query: Query, address: ServerAddress, limit_s: float) -> Reading | None:
    """None: it did not answer."""
    try:
        async with asyncio.timeout(limit_s):
            reading = await _ask_by_datagram(query, address)
            if reading is not None and reading.is_truncated:
                reading = await _ask_by_stream(query, address)
            return reading
    except (OSError, EOFError):     # TimeoutError is an OSError; a refused port comes as ConnectionRefusedError
        return None


async def _ask_by_datagram(query: Query, address: ServerAddress) -> Reading | None:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as opened:
        # connected: only what comes from that address and port is heard (RFC 5452 9.1)
        opened.connect((address.host, address.port))
        opened.send(query.octets)
        for _ in range(STRAY_LIMIT):
            reading = read_response(await loop.sock_recv(opened, DATAGRAM_LIMIT_OCTETS), query)
            if reading is not None:
                return reading
    return None


async def _ask_by_stream(query: Query, address: ServerAddress) -> Reading | None:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(len(query.octets).to_bytes(2, "big") + query.octets)   # RFC 1035 4.2.2
        size_octets = int.from_bytes(await reader.readexactly(2), "big")
        if size_octets > STREAM_LIMIT_OCTETS:
            return NOTHING
        reading = read_response(await reader.readexactly(size_octets), query)
    finally:
        writer.close()
    return None if reading is None or reading.is_truncated else reading
