# SPDX-License-Identifier: Apache-2.0
"""Messages made from a grammar: sound ones, odd but legal ones, and ones broken in a place that a reader might trust.

Addresses, users and tags come from a small pool, so that messages meet: retransmissions, merges, dialogs, collisions.
"""

import random

METHODS = (b"INVITE", b"ACK", b"BYE", b"CANCEL", b"REGISTER", b"OPTIONS", b"MESSAGE", b"SUBSCRIBE", b"NOTIFY",
           b"REFER", b"UPDATE", b"PRACK", b"INFO", b"PUBLISH", b"FROBNICATE", b"invite", b"!%*_+`'~")
USERS = (b"1001", b"1002", b"1003", b"1004", b"1005", b"%31%30%30%31", b"nobody", b"", b"a;b", b"%00", b"\xe3\x81\x82")
HOSTS = (b"office.test", b"127.0.1.1", b"127.0.1.1:5060", b"[::1]", b"[::1]:5060", b"127.0.0.3:5070", b"127.0.0.9",
         b"OFFICE.TEST:5060", b"example.com", b"office.test.", b"127.0.1.1:0", b"127.0.1.1:99999",
         b"[::ffff:127.0.1.1]", b"[", b"]", b"::1", b"0.0.0.0", b"255.255.255.255:5060", b"127.1", b"a" * 300)
PARAMETERS = (b"", b";lr", b";transport=tcp", b";transport=udp", b";transport=UDP", b";maddr=127.0.0.9", b";ttl=255",
              b";user=phone", b";method=INVITE", b";lr=on;x=\"y\"", b";", b";;", b";transport=", b";transport=sctp",
              b";ob")
NUMBERS = (b"0", b"1", b"2", b"70", b"255", b"256", b"60", b"300", b"7200", b"4294967295", b"4294967296", b"-1", b"+1",
           b"2147483647", b"2147483648", b"9" * 40, b"", b" ", b"0x10", b"1.5", b"\xd9\xa1")
STATUSES = (b"100", b"180", b"181", b"183", b"199", b"200", b"202", b"299", b"300", b"302", b"401", b"404", b"407",
            b"408", b"481", b"486", b"487", b"488", b"491", b"500", b"503", b"600", b"603", b"699", b"099", b"700",
            b"20", b"2000")
TAGS = (b"t1", b"t2", b"t3", b"", b"t1;t2", b"\"t\"")
CALLS = (b"call-1", b"call-2@127.0.0.3", b"call-3", b"", b"\"quoted\"", b"<>:\\/[]?{}")
BRANCHES = (b"z9hG4bK-1", b"z9hG4bK-2", b"z9hG4bK-3", b"z9hG4bK", b"old-style", b"", b"z9hG4bK" + b"x" * 200)
SPACES = (b" ", b" ", b" ", b" ", b"  ", b"\t", b"", b"\r\n ", b"\n\t")
COMPACT = {b"Via": b"v", b"From": b"f", b"To": b"t", b"Call-ID": b"i", b"Contact": b"m", b"Content-Length": b"l",
           b"Content-Type": b"c", b"Supported": b"k"}
BODY = b"v=0\r\no=- 1 1 IN IP4 127.0.0.3\r\ns=-\r\nc=IN IP4 127.0.0.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
EXTRAS = (b"Require: 100rel", b"Require: no-such", b"Proxy-Require: sec-agree", b"Supported: path, outbound, gruu",
          b"Path: <sip:127.0.0.9;lr>", b"Path: sip:127.0.0.9;lr, <sip:[::1]>", b"Reason: SIP;cause=200",
          b"Expires: 60", b"Min-Expires: 5", b"Timestamp: 54", b"Date: Sat, 13 Nov 2010 23:29:00 GMT",
          b"Authorization: Digest username=\"1001\", realm=\"office.test\", nonce=\"x\", uri=\"sip:x\", response=\"y\"",
          b"Authorization: Digest", b"Authorization: Basic QWxhZGRpbjpvcGVu", b"Authorization: Digest username=\"",
          b"Proxy-Authorization: Digest realm=\"office.test\",username=1001,nonce=,response=,uri=,nc=zz,qop=auth",
          b"Content-Type: application/sdp", b"Content-Encoding: gzip", b"Accept: text/plain", b"User-Agent: \xff\xfe",
          b"Record-Route: <sip:127.0.0.9;lr>, <sip:[::1];lr>", b"Warning: 399 x \"y\"",
          b"Retry-After: 5 (busy);duration=9", b"X-Folded: a\r\n b\r\n\tc", b"X: " + b"y" * 4000, b": empty name",
          b"No colon here", b"\x00: \x00")


class MessageGrammar:
    """Makes messages with one random source; `oddity`: the chance that a part is taken from the odd end of its pool."""

    def __init__(self, chance: random.Random, oddity: float = 0.15) -> None:
        self.chance = chance
        self.oddity = oddity

    def pick(self, pool: tuple[bytes, ...], sound: int) -> bytes:
        """One of the first `sound` entries, now and then any of them."""
        last = len(pool) if self.chance.random() < self.oddity else sound
        return pool[int(self.chance.random() * last)]

    def uri(self) -> bytes:
        if self.chance.random() < self.oddity / 3:
            return self.chance.choice((b"tel:+81501111", b"tel:1001", b"sips:1001@office.test", b"urn:service:sos",
                                       b"*", b"", b"http://office.test/", b"sip:", b"sip:1001@", b"sip:@office.test",
                                       b"<sip:1001@office.test>"))
        user = self.pick(USERS, 5)
        return b"sip:%s%s%s%s" % (user, b"@" if user else b"", self.pick(HOSTS, 3), self.pick(PARAMETERS, 1))

    def address(self, tag: bytes | None) -> bytes:
        name = self.pick((b"", b"\"Reception\" ", b"Reception ", b"\"\\\"\" ", b"\"unbalanced ", b"\xe3\x81\x82 "), 3)
        form = b"%s%s" if self.chance.random() < self.oddity / 3 else b"%s<%s>"
        return form % (name, self.uri()) + (b";tag=" + tag if tag else b"")

    def via(self) -> bytes:
        transport = self.pick((b"UDP", b"TCP", b"udp", b"TLS", b"SCTP", b"", b"X-Y"), 1)
        extra = self.pick((b"", b";rport", b";received=127.0.0.9", b";rport=5", b";maddr=127.0.0.9", b";alias", b";;"),
                          2)
        host = self.pick((b"127.0.0.3:5070", b"127.0.0.3", b"127.0.1.1:5060", b"[::3]:5070", b"phone.example.com",
                          *HOSTS), 3)
        branch = self.pick(BRANCHES, 3) if self.chance.random() < 0.4 else b"z9hG4bK-%x" % self.chance.getrandbits(40)
        return b"SIP/2.0/%s %s;branch=%s%s" % (transport, host, branch, extra)

    def contact(self) -> bytes:
        if self.chance.random() < self.oddity / 2:
            return self.chance.choice((b"*", b"", b"<>", b"\"", b"sip:1001@127.0.0.3?a=b", b"<sip:1001@127.0.0.3",
                                       b"*, <sip:x@y>"))
        parameters = self.pick((b"", b";expires=%s" % self.pick(NUMBERS, 9), b";q=0.5", b";q=7",
                                b";+sip.instance=\"<urn:x>\";reg-id=1",
                                b";reg-id=x", b";expires"), 4)
        where = self.pick((b"127.0.0.3:5070", b"127.0.0.3:5071", b"[::3]:5070", b"127.0.0.3;transport=tcp", *HOSTS), 3)
        return b"<sip:%s@%s>%s" % (self.pick(USERS, 5), where, parameters)

    def message(self) -> bytes:
        """One message: mostly requests, one in five a response."""
        return self.response() if self.chance.random() < 0.2 else self.request()

    def request(self) -> bytes:
        method = self.pick(METHODS, 8)
        version = self.pick((b"SIP/2.0", b"sip/2.0", b"SIP/3.0", b"SIP/2", b""), 1)
        return self._finish(b"%s%s%s%s%s" % (method, self.pick(SPACES, 4), self.uri(), self.pick(SPACES, 4), version),
                            method)

    def response(self) -> bytes:
        reason = self.pick((b"OK", b"", b"\xe3\x81\x82", b"Not Found"), 2)
        return self._finish(b"SIP/2.0 %s %s" % (self.pick(STATUSES, 22), reason), self.pick(METHODS, 8))

    def _finish(self, start: bytes, method: bytes) -> bytes:
        chance = self.chance
        body = BODY if chance.random() < 0.3 else b""
        headers = [(b"Via", self.via()) for _ in range(1 if chance.random() < 0.8 else chance.randrange(5))]
        headers += [(b"Max-Forwards", self.pick(NUMBERS, 5)), (b"From", self.address(self.pick(TAGS, 3))),
                    (b"To", self.address(self.pick(TAGS, 3) if chance.random() < 0.4 else None)),
                    (b"Call-ID", self.pick(CALLS, 3)),
                    (b"CSeq", b"%s %s" % (self.pick(NUMBERS, 3), self.pick((method, *METHODS), 1)))]
        for _ in range(chance.choice((0, 1, 1, 1, 2, 12) if method in (b"REGISTER", b"INVITE") else (0, 0, 1))):
            headers.append((b"Contact", self.contact()))
        if chance.random() < 0.15:
            headers.append((b"Route", b", ".join(b"<%s>" % self.uri() for _ in range(chance.randint(1, 3)))))
        lines = [(COMPACT.get(name, name) if chance.random() < 0.1 else name) + b":" + self.pick(SPACES, 4) + value
                 for name, value in headers]
        lines += chance.choices(EXTRAS, k=chance.choice((0, 0, 1, 2, 4)))
        size = self.pick(NUMBERS, 1) if chance.random() < self.oddity / 2 else b"%d" % len(body)
        lines.append(b"Content-Length: " + size)
        if chance.random() < self.oddity:
            chance.shuffle(lines)
        if chance.random() < self.oddity / 2:
            lines.pop(chance.randrange(len(lines)))
        end = b"\n" if chance.random() < self.oddity / 3 else b"\r\n"
        return end.join([start, *lines, b"", b""]) + body
