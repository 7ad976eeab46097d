# SPDX-License-Identifier: Apache-2.0
"""Where calls go beyond the registered phone next door: phones behind names, other domains, calls that come round."""

from tests.call.virtual_calls import CARRIER, VirtualCalls, VirtualPhone

OUTSIDE, OURS = "0312345678", "05011112222"


def test_a_phone_whose_place_has_to_be_looked_up_is_offered_our_address():
    """Which listener leads there is not known when the offer is written (RFC 3264 5: c= is never empty)."""
    office = VirtualCalls(CARRIER)
    alice, bob, carol = (office.phone(user) for user in ("201", "202", "203"))
    call = alice.invite("202")
    bob.ringing.respond(302, lines="Contact: <sip:somebody@198.51.100.77>\r\n")
    assert not carol.calls
    message, address = office.strangers.pop()
    assert address == ("198.51.100.77", 5060)
    assert b"c=IN IP4 192.168.1.1\r\n" in message.body
    assert b"IN IP4 \r\n" not in message.body
    call.cancel()
    office.run(40.0)
    office.strangers.clear()
    office.check_clean()


def test_a_call_that_comes_round_ends():
    """16.3: each time round takes a hop, so that a loop by way of a carrier does not go on for ever."""
    office = VirtualCalls(CARRIER + "set extension 202 allow international\n")
    alice, bob, carrier = office.phone("201"), office.phone("202"), office.carrier()
    call = bob.invite(OUTSIDE, lines="Max-Forwards: 3\r\n")
    hops = []
    for _round in range(5):
        outgoing = carrier.ringing
        if outgoing.invite is None or outgoing.invite.max_forwards in hops:
            break
        hops.append(outgoing.invite.max_forwards)
        back = carrier.invite(OURS, lines=f"Max-Forwards: {hops[-1]}\r\n")
        if back.last().status == 483:
            break
        alice.ringing.respond(302, lines=f"Contact: <sip:{OUTSIDE}@192.168.1.1>\r\n")
    assert hops == sorted(hops, reverse=True)
    assert len(hops) <= 3
    call.cancel()
    office.run(200.0)
    assert not office.engine.calls


SIX = "set sip listener six address 2001:db8::1\nset sip listener six trusted 2001:db8::/64\n"


def register_over_ipv6(office: VirtualCalls, user: str, host: str) -> VirtualPhone:
    phone = VirtualPhone(office, user, host)
    phone.listener, phone.domain = "six", "192.168.1.1"
    office.phones[user] = office.by_address[phone.address] = phone
    phone.send(f"REGISTER sip:{phone.domain} SIP/2.0\r\nVia: SIP/2.0/UDP {phone.hostport};branch=z9hG4bKr\r\n"
               f"Max-Forwards: 70\r\nFrom: <sip:{user}@{phone.domain}>;tag=1\r\nTo: <sip:{user}@{phone.domain}>\r\n"
               f"Call-ID: r\r\nCSeq: 1 REGISTER\r\nContact: <sip:{user}@{phone.hostport}>\r\n"
               "Content-Length: 0\r\n\r\n")
    assert [message.status for message in phone.calls.pop().heard] == [200]
    return phone


def test_phones_of_two_families_talk():
    """RFC 6157: each leg has the addresses of its own family."""
    office = VirtualCalls(SIX)
    alice, bob = office.phone("201"), register_over_ipv6(office, "202", "2001:db8::12")
    mine, theirs = office.connect(alice, bob)
    assert b"c=IN IP6 2001:db8::1\r\n" in theirs.invite.body
    assert b"c=IN IP4 192.168.1.1\r\n" in mine.last(200).body
    session, = office.relay.sessions
    assert [port.host for port in office.relay.sessions[session]] == ["192.168.1.1", "2001:db8::1"]
    assert office.relay.directed[session, 1].rtp == ("2001:db8::12", 40002)
    mine.request("INVITE", alice.describe(address="0.0.0.0"))
    assert b"c=IN IP6 ::\r\n" in theirs.got("INVITE")[-1].body     # RFC 3264 8.4 in the other family
    theirs.answer()
    mine.acknowledge()
    assert office.relay.directed[session, 0].rtp is None
    theirs.bye()
    office.check_clean()


def test_a_stranger_reaches_nobody():
    office = VirtualCalls(CARRIER)
    office.watches_topology = False     # a challenge names the domain
    alice, stranger = office.phone("201"), office.carrier("stranger", "203.0.113.77")
    call = stranger.invite("201")
    assert 200 not in call.statuses
    assert not alice.calls


def test_the_caller_with_a_media_line_of_ours_alone_is_not_confused_by_many_phones():
    """Ten bindings at most; each branch has ports of its own, all given back."""
    office = VirtualCalls()
    alice = office.phone("201")
    phones = [office.phone("202", f"192.168.1.{30 + place}", name=f"desk{place}") for place in range(8)]
    call = alice.invite("202")
    assert len(office.relay.sessions) == 8
    for phone in phones:
        phone.ringing.respond(183, body=phone.describe(port=40002))
    assert len({message.to_tag for message in call.got("183 INVITE")}) == 8
    phones[3].ringing.answer()
    call.acknowledge()
    assert len(office.relay.sessions) == 1
    for place, phone in enumerate(phones):
        if place != 3:
            phone.ringing.respond(487)
    call.bye()
    office.check_clean()
