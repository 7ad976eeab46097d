# SPDX-License-Identifier: Apache-2.0
"""`show log`: one journal of every daemon, and what of it is there while some of them are silent."""

from tests.console.desk import CALLS, Desk

LEASE = {"at": "2001-09-09T01:46:41.000Z", "event": "lease_bound", "address": "192.0.2.7"}
LINK = {"at": "2026-11-22T19:00:00.500Z", "event": "link_lost", "link": "eth0"}
COMMITTED = {"at": "2026-11-22T19:00:00.200Z", "event": "configuration_committed", "revision": 7}


def make_desk(count: str = "100") -> Desk:
    desk = Desk()
    desk.servers.silent.add("handset.sock")
    desk.servers.network[f"log {count}"] = [LEASE, LINK]
    return desk


def keep_journal(desk: Desk) -> None:
    desk.configuration._log = lambda _count: [COMMITTED]


def test_the_lines_of_all_daemons_are_one_list_by_time():
    desk = make_desk()
    desk.servers.silent.add(CALLS)
    keep_journal(desk)
    assert desk.type("show log") == ("2001-09-09 01:46:41  network  lease_bound  address=192.0.2.7\n"
                                     "2026-11-22 19:00:00  config   configuration_committed  revision=7\n"
                                     "2026-11-22 19:00:00  network  link_lost  link=eth0\n")


def test_no_more_lines_than_were_asked_for_and_of_one_daemon_by_match():
    desk = make_desk("2")
    desk.servers.silent.add(CALLS)
    keep_journal(desk)
    assert [line.split()[2] for line in desk.type("show log 2").splitlines()] == ["config", "network"]
    assert desk.type("show log 2 | match network | count") == "1 lines\n"


def test_where_the_call_server_keeps_the_configuration_nothing_is_there_twice():
    desk = make_desk()      # this double refuses `log`, as `run` does on config.sock
    desk.servers.silent.add(CALLS)
    assert "config " not in desk.type("show log")


def test_nobody_at_all_is_an_error():
    desk = make_desk()
    desk.servers.network = {}
    desk.servers.silent |= {CALLS, "config.sock"}
    assert "not running" in desk.type("show log", 1)


def test_no_lines_are_none_also_where_nobody_looks_after_the_network():
    desk = Desk()
    desk.servers.silent |= {"handset.sock", "net.sock"}
    desk.configuration._log = lambda _count: []
    assert desk.type("show log 0") == "the journal is empty\n"
