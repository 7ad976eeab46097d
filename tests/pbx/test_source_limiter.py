# SPDX-License-Identifier: Apache-2.0
"""Fairness between strangers, on a virtual clock."""

from appliance.pbx.source_limiter import SOURCES_MAX, SourceLimiter
from tests.pbx.proxy.virtual_office import VirtualOffice, head

WAN = """set sip listener wan address 198.51.100.5
set sip listener wan port 5060
set sip listener wan transport udp
set sip listener wan side public
"""


def test_burst_then_rate():
    limiter = SourceLimiter(rate=10, burst=20)
    assert sum(limiter.may_ask(b"1.2.3.4", 1.0) for _ in range(100)) == 20
    assert sum(limiter.may_ask(b"1.2.3.4", 2.0) for _ in range(100)) == 10


def test_one_flood_takes_nothing_from_another_source():
    limiter = SourceLimiter(rate=10, burst=20)
    for _ in range(1000):
        limiter.may_ask(b"1.2.3.4", 1.0)
    assert limiter.may_ask(b"5.6.7.8", 1.0)


def test_memory_is_bounded():
    limiter = SourceLimiter()
    for number in range(SOURCES_MAX + 1000):
        limiter.may_ask(b"%d" % number, 1.0)
    assert len(limiter) == SOURCES_MAX


def flood(office: VirtualOffice, address: str, count: int) -> int:
    """How many of these requests are answered at all."""
    listener = next(one for one in office.listeners if one.host.decode() == address)
    stranger = ("203.0.113.66", 5060)
    flow = office._flow_to(listener, b"203.0.113.66", 5060)
    for number in range(count):
        office.office.stack.receive_datagram(
            head("INVITE", f"sip:202@{address}", stranger, f"f{number}", "m", "202", call_id=f"f{number}"), flow,
            office.now)
    return len(office.take())


def test_flood_on_the_public_side_is_cut_and_counted_and_the_private_side_has_no_limit():
    office = VirtualOffice(WAN)
    assert flood(office, "198.51.100.5", 1000) == 200
    assert office.office.counters["discarded_rate_limited"] == 800
    assert flood(office, "192.168.1.1", 1000) == 1000
