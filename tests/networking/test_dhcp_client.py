# SPDX-License-Identifier: Apache-2.0
"""The DHCP client on a virtual clock, against a server that keeps to RFC 2131 or does not."""

import struct
from ipaddress import IPv4Address, IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.networking.dhcp_client import CHECK_S, DECLINED_WAIT_S, DhcpClient, State
from appliance.networking.dhcp_message import MessageType

MAC = bytes.fromhex("020000000001")
SERVER, OTHER_SERVER = IPv4Address("203.0.113.1"), IPv4Address("203.0.113.2")
LENT = IPv4Address("203.0.113.100")
COOKIE = b"\x63\x82\x53\x63"
START = 1000.0


class Hands:
    """The client's user: what it has sent, asked and told. Advances the clock from one due time to the next."""

    def __init__(self, random=b"\x80\x00\x00\x00") -> None:
        self.sent = []          # (kind, ciaddr, options, source, server, at)
        self.asked = []
        self.leases = []
        self.now = START
        self.transaction = b""
        self.client = DhcpClient(MAC, "box", lambda count: random[:count], self)

    def send(self, octets, source, server):
        assert octets[:3] == b"\1\1\6"
        assert octets[28:34] == MAC
        assert octets[236:240] == COOKIE
        assert len(octets) >= 300
        self.transaction = octets[4:8]
        options, index = {}, 240
        while octets[index] != 255:
            options[octets[index]] = octets[index + 2:index + 2 + octets[index + 1]]
            index += 2 + octets[index + 1]
        self.sent.append((MessageType(options[53][0]), IPv4Address(octets[12:16]), options, source, server, self.now))

    def ask_whose(self, address):
        self.asked.append(address)

    def lease_changed(self, lease):
        self.leases.append(lease and lease.address)

    def kinds(self):
        return [one[0].name for one in self.sent]

    def run(self, seconds):
        """Let time pass; the client is woken when it wants."""
        end = self.now + seconds
        while self.client.next_at <= end:
            self.now = max(self.now, self.client.next_at)
            self.client.tick(self.now)
        self.now = end

    def answer(self, kind, address=LENT, server=SERVER, mac=MAC, transaction=None, **said):
        options = [(53, bytes((kind,))), (54, server.packed)]
        if kind != MessageType.NAK:
            times = {51: said.get("lease_s", 600), 58: said.get("renewal_s", 300), 59: said.get("rebinding_s", 525)}
            options += [(number, struct.pack("!I", value)) for number, value in times.items()]
            options += [(1, b"\xff\xff\xff\0"), (3, server.packed)]
        message = b"\2\1\6\0" + (transaction or self.transaction) + bytes(8)
        message += (bytes(4) if kind == MessageType.NAK else address.packed) + bytes(8) + mac.ljust(16, b"\0")
        message += bytes(192) + COOKIE + b"".join(bytes((number, len(text))) + text for number, text in options)
        return self.client.take_octets(message + b"\xff", self.now)

    def bind(self, **said):
        self.client.start(self.now)
        assert self.answer(MessageType.OFFER, **said)
        assert self.answer(MessageType.ACK, **said)
        self.run(CHECK_S)
        assert self.client.state is State.BOUND
        self.sent.clear()


@pytest.fixture
def hands():
    return Hands()


def test_an_address_is_found_asked_for_checked_and_taken(hands):
    hands.client.start(hands.now)
    assert hands.answer(MessageType.OFFER)
    kind, ciaddr, options, source, server, _ = hands.sent[-1]
    assert (kind, ciaddr, server) == (MessageType.REQUEST, IPv4Address(0), None)
    assert (options[50], options[54]) == (LENT.packed, SERVER.packed)       # 4.3.2, SELECTING
    assert hands.answer(MessageType.ACK)
    assert hands.asked == [LENT]
    assert hands.leases == []                       # not before nobody has claimed it
    hands.run(CHECK_S)
    assert hands.leases == [IPv4Interface("203.0.113.100/24")]
    assert (source, hands.kinds()) == (IPv4Address(0), ["DISCOVER", "REQUEST"])


def test_discover_is_repeated_ever_more_slowly(hands):
    hands.client.start(hands.now)
    hands.run(300)
    at = [round(one[5] - START) for one in hands.sent]
    assert at == [0, 4, 12, 28, 60, 124, 188, 252]      # 4.1, without the random second


def test_a_server_that_offers_and_then_is_silent_is_given_up_after_a_minute(hands):
    hands.client.start(hands.now)
    hands.answer(MessageType.OFFER)
    hands.run(61)
    assert hands.kinds() == ["DISCOVER", *4 * ["REQUEST"], "DISCOVER"]


def test_the_lease_is_renewed_with_its_server_then_with_anybody_and_then_given_up(hands):
    hands.bind(lease_s=600, renewal_s=300, rebinding_s=525)
    hands.run(599)
    to = [(one[0].name, one[1], one[4], round(one[5] - START)) for one in hands.sent]
    own = LENT
    assert [one[:3] for one in to] == [("REQUEST", own, SERVER)] * 3 + [("REQUEST", own, None)] * 2
    assert [one[3] for one in to] == [300, 412, 472, 525, 585]      # half of what is left, a minute at least: 4.4.5
    assert all(50 not in one[2] and 54 not in one[2] for one in hands.sent)     # 4.3.2, RENEWING
    hands.run(1)
    assert hands.leases[-1] is None
    assert hands.kinds()[-1] == "DISCOVER"


def test_a_renewed_lease_tells_nobody_and_lasts_from_when_it_was_asked_for(hands):
    hands.bind(lease_s=600, renewal_s=300)
    hands.run(300)
    assert hands.answer(MessageType.ACK, lease_s=600, renewal_s=300)
    assert len(hands.leases) == 1
    assert hands.client.expires == pytest.approx(START + 300 + 600, abs=2)
    hands.run(299)
    assert hands.kinds() == ["REQUEST"]


def test_another_server_may_take_over_only_when_the_first_is_silent(hands):
    hands.bind(lease_s=600, renewal_s=300, rebinding_s=525)
    hands.run(530)
    assert hands.client.state is State.REBINDING
    assert hands.answer(MessageType.ACK, server=OTHER_SERVER)
    assert hands.client.lease.server == OTHER_SERVER


@pytest.mark.parametrize("seconds", [300, 530])
def test_a_refusal_ends_the_use_of_the_address_at_once(hands, seconds):
    hands.bind(lease_s=600, renewal_s=300, rebinding_s=525)
    hands.run(seconds)
    assert hands.answer(MessageType.NAK)
    assert hands.leases[-1] is None
    assert hands.client.state is State.SELECTING


def test_an_address_that_somebody_claims_is_declined_and_asked_anew_after_a_while(hands):
    hands.client.start(hands.now)
    hands.answer(MessageType.OFFER)
    hands.answer(MessageType.ACK)
    hands.client.note_claimed(LENT, hands.now)
    kind, _, options, _, server, _ = hands.sent[-1]
    assert (kind, options[50], options[54], server) == (MessageType.DECLINE, LENT.packed, SERVER.packed, None)
    assert hands.leases == []
    hands.run(DECLINED_WAIT_S - 0.1)
    assert hands.kinds()[-1] == "DECLINE"
    hands.run(0.2)
    assert hands.kinds()[-1] == "DISCOVER"


def test_claims_of_other_addresses_or_at_other_times_do_not_count(hands):
    hands.client.start(hands.now)
    hands.answer(MessageType.OFFER)
    hands.answer(MessageType.ACK)
    hands.client.note_claimed(LENT + 1, hands.now)
    hands.run(CHECK_S)
    hands.client.note_claimed(LENT, hands.now)
    assert hands.client.state is State.BOUND


def test_after_a_restart_the_same_address_is_used_at_once_and_asked_for_again(hands):
    hands.bind()
    lease, expires = hands.client.lease, hands.client.expires
    again = Hands()
    again.client.start(START + 100, lease, expires)
    assert again.leases == [lease.address]
    kind, ciaddr, options, _, server, _ = again.sent[-1]
    assert (kind, ciaddr, server, options[50]) == (MessageType.REQUEST, IPv4Address(0), None, LENT.packed)
    assert 54 not in options                        # 4.3.2, INIT-REBOOT
    again.now = START + 100
    assert again.answer(MessageType.ACK)
    assert again.client.state is State.BOUND
    assert again.leases == [lease.address]


def test_where_nobody_answers_after_a_restart_the_lease_holds_until_its_end(hands):
    hands.bind(lease_s=600, renewal_s=300)
    lease, expires = hands.client.lease, hands.client.expires
    again = Hands()
    again.now = START + 10
    again.client.start(again.now, lease, expires)
    again.run(60)
    assert again.client.state is State.BOUND
    again.run(expires - again.now - 1)
    assert again.leases == [lease.address]
    again.run(2)
    assert again.leases == [lease.address, None]


def test_a_lease_that_is_over_is_not_taken_up(hands):
    hands.bind()
    again = Hands()
    again.client.start(START + 10_000, hands.client.lease, hands.client.expires)
    assert (again.leases, again.kinds()) == ([], ["DISCOVER"])


def test_after_the_link_was_away_the_address_is_asked_for_again_and_a_refusal_believed(hands):
    hands.bind()
    hands.client.note_link_up(hands.now)
    assert hands.sent[-1][2][50] == LENT.packed
    assert len(hands.leases) == 1                   # it is used meanwhile
    assert hands.answer(MessageType.NAK, server=OTHER_SERVER)       # of another network
    assert hands.leases[-1] is None
    assert hands.kinds()[-1] == "DISCOVER"


def test_a_lease_is_given_back_to_its_server(hands):
    hands.bind()
    hands.client.release(hands.now)
    kind, ciaddr, options, source, server, _ = hands.sent[-1]
    assert (kind, ciaddr, source, server, options[54]) == (MessageType.RELEASE, LENT, LENT, SERVER, SERVER.packed)
    assert hands.leases[-1] is None
    hands.run(10_000)
    assert hands.kinds() == ["RELEASE"]


def test_what_is_not_for_us_or_not_what_we_wait_for_is_not_taken(hands):
    hands.client.start(hands.now)
    assert not hands.answer(MessageType.ACK)
    assert not hands.answer(MessageType.NAK)
    assert not hands.answer(MessageType.OFFER, mac=b"\2\0\0\0\0\2")
    assert not hands.answer(MessageType.OFFER, transaction=b"\1\2\3\4")
    assert not hands.answer(MessageType.OFFER, address=IPv4Address("224.0.0.1"))
    assert not hands.answer(MessageType.OFFER, address=IPv4Address("127.0.0.1"))
    assert not hands.answer(MessageType.OFFER, lease_s=1)
    assert hands.answer(MessageType.OFFER)
    assert not hands.answer(MessageType.OFFER, server=OTHER_SERVER)         # the first one counts
    assert not hands.answer(MessageType.ACK, server=OTHER_SERVER)
    assert not hands.answer(MessageType.NAK, server=OTHER_SERVER)
    assert hands.client.state is State.REQUESTING


EVENTS = st.one_of(
    st.tuples(st.just("run"), st.floats(0.1, 2000)),
    st.tuples(st.just("answer"), st.sampled_from((MessageType.OFFER, MessageType.ACK, MessageType.NAK)),
              st.sampled_from((LENT, LENT + 1)), st.sampled_from((SERVER, OTHER_SERVER)),
              st.sampled_from((10, 60, 600, 0xFFFFFFFF))),
    st.tuples(st.just("claim"), st.sampled_from((LENT, LENT + 1))),
    st.tuples(st.just("link")),
    st.tuples(st.just("octets"), st.binary(max_size=400)),
)


def test_who_takes_over_may_lend_another_address_and_the_first_server_may_not(hands):
    other = IPv4Address("203.0.113.101")
    hands.bind()
    hands.run(301)
    assert hands.client.state is State.RENEWING
    assert not hands.answer(MessageType.ACK, other)
    hands.run(230)
    assert hands.client.state is State.REBINDING
    assert hands.answer(MessageType.ACK, other, OTHER_SERVER)
    assert hands.leases[-1] == IPv4Interface("203.0.113.101/24")


def test_a_lease_begins_with_the_request_that_was_answered(hands):
    hands.client.start(hands.now)
    hands.answer(MessageType.OFFER)
    hands.run(10)       # the first is lost
    asked_at = hands.sent[-1][5]
    assert asked_at > START
    hands.answer(MessageType.ACK)
    hands.run(CHECK_S)
    assert hands.client.expires == asked_at + 600       # 4.4.1


@given(st.lists(EVENTS, max_size=30), st.binary(min_size=4, max_size=4))
def test_whatever_happens_no_lease_is_used_beyond_its_end(events, random):
    hands = Hands(random)
    hands.client.start(hands.now)
    for event, *rest in events:
        match event:
            case "run":
                hands.run(rest[0])
            case "answer":
                kind, address, server, lease_s = rest
                hands.answer(kind, address, server, lease_s=lease_s, renewal_s=lease_s // 2,
                             rebinding_s=lease_s // 4 * 3)
            case "claim":
                hands.client.note_claimed(rest[0], hands.now)
            case "link":
                hands.client.note_link_up(hands.now)
            case "octets":
                hands.client.take_octets(rest[0], hands.now)
        held = hands.client.lease
        assert (hands.leases[-1] if hands.leases else None) == (held.address if held else None)
        if held is not None:
            assert hands.now < hands.client.expires + 1e-6
            assert hands.client.next_at <= hands.client.expires
        assert hands.client.next_at > hands.now or hands.client.state is State.STOPPED or (
            hands.client.next_at == pytest.approx(hands.now))
