# SPDX-License-Identifier: Apache-2.0
"""Whom the firewall is to shut out, on a virtual clock."""

from appliance.pbx.banning import (
    EXCESS,
    FIRST_BAN_S,
    GUESSES,
    HOLDS,
    LONGEST_BAN_S,
    PROOF_LIFE_S,
    SOURCES_MAX,
    WINDOW_S,
    BanWatch,
)
from appliance.vocabulary.journal import SilentJournal

SCANNER, CARRIER = b"198.51.100.7", b"198.51.100.1"


class Firewall:
    def __init__(self):
        self.bans, self.is_there = [], True
        self.watch = BanWatch(self.ban, {CARRIER}.__contains__, SilentJournal())

    def ban(self, address, seconds, reason):
        if self.is_there:
            self.bans.append((address, seconds, reason))
        return self.is_there

    def scan(self, now, source=SCANNER, users=4, times=GUESSES):
        for number in range(times):
            self.watch.note_guess(source, b"user%d" % (number % users), False, now)


def test_guesses_at_several_users_shut_out_and_at_one_user_do_not():
    wall = Firewall()
    wall.scan(0.0, users=1, times=100)
    assert wall.bans == []
    wall.scan(0.0, source=b"192.0.2.9")
    assert [ban[:2] for ban in wall.bans] == [("192.0.2.9", FIRST_BAN_S)]


def test_who_goes_on_guessing_after_holds_is_shut_out():
    wall = Firewall()
    for number in range(HOLDS):
        assert wall.bans == []
        wall.watch.note_guess(SCANNER, b"1001", True, 10.0 * number)
    assert len(wall.bans) == 1


def test_what_is_spread_over_a_long_time_is_no_scan():
    wall = Firewall()
    for number in range(100):
        wall.watch.note_guess(SCANNER, b"user%d" % number, False, number * WINDOW_S / (GUESSES - 2))
    assert wall.bans == []


def test_each_ban_is_twice_as_long_up_to_a_day():
    wall, now = Firewall(), 0.0
    for _ in range(12):
        wall.scan(now)
        now += wall.bans[-1][1] + 1.0
    lengths = [ban[1] for ban in wall.bans]
    assert lengths[:4] == [600, 1200, 2400, 4800]
    assert lengths[-1] == LONGEST_BAN_S
    wall.scan(now + 3 * LONGEST_BAN_S)
    assert wall.bans[-1][1] == FIRST_BAN_S


def test_users_of_ours_and_carriers_are_spared():
    wall = Firewall()
    wall.watch.note_proof(SCANNER, 0.0)
    wall.scan(PROOF_LIFE_S)
    wall.scan(1.0, source=CARRIER)
    assert wall.bans == []
    wall.scan(PROOF_LIFE_S + 1.0)
    assert len(wall.bans) == 1


def test_a_flood_is_shut_out():
    wall = Firewall()
    for _ in range(EXCESS):
        assert wall.bans == []
        wall.watch.note_excess(SCANNER, False, 5.0)
    assert len(wall.bans) == 1


def test_a_flood_of_datagrams_shuts_nobody_out_whose_address_may_be_forged():
    wall = Firewall()
    for _ in range(3 * EXCESS):
        wall.watch.note_excess(SCANNER, True, 5.0)
    assert wall.bans == []


def test_a_flood_of_datagrams_counts_once_our_nonce_has_come_back():
    wall = Firewall()
    wall.scan(0.0, times=1)
    for _ in range(EXCESS):
        assert wall.bans == []
        wall.watch.note_excess(SCANNER, True, 5.0)
    assert len(wall.bans) == 1


def test_nobody_is_counted_as_shut_out_where_nobody_does_it():
    wall = Firewall()
    wall.is_there = False
    wall.scan(0.0)
    wall.is_there = True
    wall.scan(1.0, times=1)
    assert [ban[1] for ban in wall.bans] == [FIRST_BAN_S]


def test_strangers_cannot_fill_the_memory():
    wall = Firewall()
    for number in range(SOURCES_MAX + 100):
        wall.watch.note_guess(b"s%d" % number, b"u", False, 0.0)
        wall.watch.note_proof(b"s%d" % number, 0.0)
    assert len(wall.watch._suspects) == len(wall.watch._proofs) == SOURCES_MAX
