# SPDX-License-Identifier: Apache-2.0
"""Messages that have something to do with what went before: they reach the places that a lone message never does.

Registrations and calls of the users 1001 to 1005 from trusted and from challenged addresses, CANCEL, ACK and in-dialog
requests along the route set that the office itself has built. Sound as they leave here; the runner may spoil them.
"""

import random

from tests.fuzz.grammar import BODY, MessageGrammar
from tests.interop.raw_sip import SipMessage, authorize

USERS = (b"1001", b"1002", b"1003", b"1004", b"1005")
IN_DIALOG = (b"BYE", b"SUBSCRIBE", b"INVITE", b"ACK", b"UPDATE", b"INFO", b"NOTIFY", b"REFER", b"PRACK", b"MESSAGE")
PORTS = (b"5070", b"5071", b"5072", b"5073")
EVENTS = (b"presence", b"presence", b"dialog", b"reg", b"message-summary", b"refer", b"no-such-package")
PIDF = (b'<?xml version="1.0" encoding="UTF-8"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" '
        b'entity="pres:1001@office.test"><tuple id="a"><status><basic>open</basic></status></tuple></presence>\r\n')
Q_VALUES = (b"", b"", b"", b";q=1", b";q=0.5", b";q=0.5", b";q=0")


class Conversation:
    """Makes the next sensible message; what it needs to remember it is told by `note_sent` and `note_heard`."""

    def __init__(self, chance: random.Random, grammar: MessageGrammar) -> None:
        self.chance, self.grammar = chance, grammar
        self._invites: list[bytes] = []
        self._answers: list[bytes] = []
        self._challenges: list[tuple[bytes, bytes]] = []
        self._etags: list[bytes] = []
        self._count = 0

    def message(self) -> bytes:
        kind = self.chance.random()
        if kind < 0.22:
            return self.register()
        if kind < 0.50:
            return self.invite()
        if kind < 0.58 and self._invites:
            return self.cancel(self.chance.choice(self._invites))
        if kind < 0.82 and self._answers:
            return self.follow(self.chance.choice(self._answers))
        if kind < 0.88 and self._challenges:
            request, challenge = self._challenges.pop()
            self._count += 1
            secret = self.chance.choice(("secret-1001", "secret-1001", "wrong"))
            return authorize(request, SipMessage(challenge), "1001", secret, f"a{self._count}")
        return self.event()

    def note_sent(self, octets: bytes) -> None:
        if octets.startswith(b"INVITE ") and b";tag=" in octets:
            self._keep(self._invites, octets)

    def note_heard(self, octets: bytes, cause: bytes) -> None:
        """What the office sent, and the message that made it do so."""
        if octets.startswith((b"SIP/2.0 401", b"SIP/2.0 407")) and cause.isascii() and cause.count(b" ") > 2:
            self._challenges = [*self._challenges[-20:], (cause, octets)]
        elif b"\r\nSIP-ETag: " in octets:
            self._etags = [*self._etags[-10:], octets.partition(b"\r\nSIP-ETag: ")[2].partition(b"\r\n")[0]]
        elif octets.startswith((b"SIP/2.0 2", b"SIP/2.0 18", b"INVITE ")) and (
                b"\r\nRecord-Route:" in octets or b" SUBSCRIBE\r\n" in octets):
            self._keep(self._answers, octets)

    def _keep(self, pool: list[bytes], octets: bytes) -> None:
        if len(pool) < 40:
            pool.append(octets)
        else:
            pool[self.chance.randrange(40)] = octets

    def request(self, method: bytes, user: bytes, peer: bytes, lines: bytes = b"", body: bytes = b"") -> bytes:
        self._count += 1
        uri = b"sip:office.test" if method == b"REGISTER" else b"sip:%s@office.test" % peer
        to = user if method == b"REGISTER" else peer
        port = self.chance.choice(PORTS)
        return (b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.3:%s;branch=z9hG4bK-f%d;rport\r\nMax-Forwards: 70\r\n"
                b"From: <sip:%s@office.test>;tag=f%d\r\nTo: <sip:%s@office.test>\r\nCall-ID: f%d\r\nCSeq: %d %s\r\n%s"
                b"Content-Length: %d\r\n\r\n" % (method, uri, port, self._count, user, self._count % 50,
                                                 to, self._count % 500, self._count,
                                                 method, lines, len(body))) + body

    def register(self) -> bytes:
        chance = self.chance
        user = chance.choice(USERS)
        if chance.random() < 0.03:
            return self.request(b"REGISTER", user, user, b"Contact: *\r\nExpires: 0\r\n")
        contacts = b", ".join(b"<sip:%s@127.0.0.3:%s>%s;expires=%s" % (
            user, chance.choice(PORTS), chance.choice(Q_VALUES), chance.choice((b"60", b"300", b"7200", b"0")))
            for _ in range(chance.choice((1, 1, 1, 3))))
        extra = chance.choice((b"", b"", b"Supported: path, outbound\r\n",
                               b"Supported: path\r\nPath: <sip:127.0.0.9;lr>\r\n"))
        return self.request(b"REGISTER", user, user, b"Contact: %s\r\n%s" % (contacts, extra))

    def invite(self) -> bytes:
        user, peer = self.chance.choice(USERS), self.chance.choice(USERS)
        contact = b"<sip:%s@127.0.0.3:%s>" % (user, self.chance.choice(PORTS))
        lines = b"Contact: %s\r\nContent-Type: application/sdp\r\n" % contact
        return self.request(b"INVITE", user, peer, lines, BODY)

    def event(self) -> bytes:
        """Subscriptions, publications and messages: what keeps state for somebody who may never come back."""
        chance = self.chance
        user, peer = chance.choice(USERS), chance.choice(USERS)
        kind = chance.random()
        if kind < 0.5:
            lines = b"Event: %s\r\nExpires: %s\r\nContact: <sip:%s@127.0.0.3:%s>\r\n" % (
                chance.choice(EVENTS), chance.choice((b"600", b"60", b"0", b"3600")), user, chance.choice(PORTS))
            return self.request(b"SUBSCRIBE", user, peer, lines)
        if kind < 0.75:
            lines = b"Event: presence\r\nExpires: 600\r\nContent-Type: application/pidf+xml\r\n"
            if chance.random() < 0.4:
                lines += b"SIP-If-Match: %s\r\n" % chance.choice(self._etags or [b"x"])
            return self.request(b"PUBLISH", user, user, lines, PIDF[:chance.choice((len(PIDF), chance.randrange(150)))])
        return self.request(b"MESSAGE", user, peer, b"Content-Type: text/plain\r\n", b"hello \xe3\x81\x82")

    def cancel(self, invite: bytes) -> bytes:
        head = invite.partition(b"\r\n\r\n")[0].replace(b"INVITE ", b"CANCEL ", 1).replace(b" INVITE", b" CANCEL")
        lines = [line for line in head.split(b"\r\n") if not line.startswith((b"Content-", b"Contact:"))]
        return b"\r\n".join([*lines, b"Content-Length: 0", b"", b""])

    def follow(self, known: bytes) -> bytes:
        """A request inside the dialog of a response the caller got, or of an INVITE the callee got (12.2.1.1)."""
        message, chance = SipMessage(known), self.chance
        self._count += 1
        method = chance.choice(IN_DIALOG)
        contact = message.header(b"Contact").partition(b"<")[2].partition(b">")[0] or b"sip:1001@127.0.0.3:5070"
        ends = [message.header(b"From"), message.header(b"To")]
        if not message.status:
            ends[1] += b"" if b";tag=" in ends[1] else b";tag=p1"
            ends.reverse()
        route = b"".join(b"Route: %s\r\n" % value for value in message.all(b"Record-Route"))
        via = b"SIP/2.0/UDP 127.0.0.3:5070;branch=z9hG4bK-d%d" % self._count
        head = [b"%s %s SIP/2.0" % (method, contact), b"Via: " + via,
                b"Max-Forwards: 70", b"From: " + ends[0], b"To: " + ends[1], b"Call-ID: " + message.header(b"Call-ID"),
                b"CSeq: %d %s" % (chance.randrange(1 << 31), method), b"Contact: <sip:1001@127.0.0.3:5071>"]
        return b"\r\n".join(head) + b"\r\n" + route + b"Content-Length: 0\r\n\r\n"
