# SPDX-License-Identifier: Apache-2.0
"""What the resolver remembers, for how long, and what it gives when nobody answers any more."""

from appliance.sip.locating.records import ABSENT, FAILED, Answer, Outcome, Question, RecordType
from appliance.system.dns import cache
from appliance.system.dns.cache import AnswerCache
from appliance.system.dns.name_servers import PENALTY_S, NameServers, ServerAddress, read_resolv_conf

NAME = Question(b"one.test", RecordType.A)
GOOD = Answer(Outcome.FOUND, addresses=(b"192.0.2.1",))


def test_an_answer_holds_for_its_time_and_is_stale_for_a_day() -> None:
    kept = AnswerCache()
    kept.store(NAME, GOOD, 60, 1000.0)
    assert kept.find(NAME, 1059.9) is GOOD
    assert kept.find(NAME, 1060.0) is None
    assert kept.find_stale(NAME, 1061.0) is GOOD
    assert kept.find(NAME, 1061.0 + cache.STALE_HOLD_S - 0.1) is GOOD       # nobody is asked for a moment
    assert kept.find_stale(NAME, 1060.0 + cache.STALE_S) is None


def test_times_out_of_reason_are_cut() -> None:
    kept = AnswerCache()
    kept.store(NAME, GOOD, 0x7FFFFFFF, 0.0)
    assert kept.find(NAME, cache.LONGEST_S + 0.0) is None
    kept.store(NAME, ABSENT, 0x7FFFFFFF, 0.0)
    assert kept.find(NAME, cache.ABSENT_LONGEST_S - 0.1) is ABSENT
    assert kept.find(NAME, cache.ABSENT_LONGEST_S + 0.0) is None
    kept.store(NAME, ABSENT, 0, 0.0)
    assert kept.find(NAME, 1.0) is ABSENT


def test_a_failure_is_remembered_shortly_and_never_instead_of_a_good_answer() -> None:
    kept = AnswerCache()
    kept.store(NAME, FAILED, 0, 0.0)
    assert kept.find(NAME, cache.FAILED_S - 0.1) is FAILED
    assert kept.find(NAME, cache.FAILED_S + 0.0) is None
    assert kept.find_stale(NAME, 1.0) is None
    kept.store(NAME, GOOD, 60, 100.0)
    kept.store(NAME, FAILED, 0, 170.0)
    assert kept.find_stale(NAME, 171.0) is GOOD


def test_the_longest_unused_goes_when_it_is_full() -> None:
    kept = AnswerCache(3)
    names = [Question(b"%d.test" % number, RecordType.A) for number in range(4)]
    for name in names[:3]:
        kept.store(name, GOOD, 60, 0.0)
    kept.find(names[0], 1.0)
    kept.store(names[3], GOOD, 60, 1.0)
    assert [question for question, _ in kept.entries()] == [names[2], names[0], names[3]]


def test_resolv_conf_gives_three_servers_at_most_and_the_machine_itself_without_any() -> None:
    text = "# x\nnameserver 192.0.2.1\nsearch example.com\nnameserver nonsense\nnameserver 2001:db8::1\n" \
        "nameserver 192.0.2.3\nnameserver 192.0.2.4\nnameserver\n"
    assert [one.host for one in read_resolv_conf(text)] == ["192.0.2.1", "2001:db8::1", "192.0.2.3"]
    assert read_resolv_conf("options ndots:2\n") == (ServerAddress("127.0.0.1", 53),)


def test_the_machines_file_is_read_again_when_it_changes(tmp_path) -> None:
    file = tmp_path / "resolv.conf"
    servers = NameServers((), str(file))
    assert [one.address.host for one in servers.in_order(0.0)] == ["127.0.0.1"]
    file.write_text("nameserver 192.0.2.1\n")
    assert [one.address.host for one in servers.in_order(1.0)] == ["127.0.0.1"]
    assert [one.address.host for one in servers.in_order(6.0)] == ["192.0.2.1"]


def test_a_silent_server_is_asked_last_for_a_while() -> None:
    servers = NameServers((ServerAddress("192.0.2.1", 53), ServerAddress("192.0.2.2", 53)))
    servers.in_order(0.0)[0].note_silence(100.0)
    assert [one.address.host for one in servers.in_order(100.0)] == ["192.0.2.2", "192.0.2.1"]
    assert [one.address.host for one in servers.in_order(100.0 + PENALTY_S)] == ["192.0.2.1", "192.0.2.2"]
