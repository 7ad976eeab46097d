# SPDX-License-Identifier: Apache-2.0
"""A small SIP speaker over plain sockets, for what no well-behaved phone would do. Independent of the appliance's code.

`UdpPeer` and `TcpPeer` send octets exactly as given and hand back messages; `build_request` and `authorize` make honest
ones (RFC 3261, RFC 2617 digest), `register` puts a binding in place.
"""

import hashlib
import itertools
import os
import re
import socket
import time

from tests.interop.network import PATIENCE_S

_numbers = itertools.count(1)


class SipMessage:
    """A received message: `start`, `status` (0 for a request), `method`, `headers` in order, `body`, `octets`."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        head, _, self.body = octets.partition(b"\r\n\r\n")
        self.start, *lines = head.split(b"\r\n")
        self.headers = [(name.strip().lower(), value.strip()) for name, _, value in (x.partition(b":") for x in lines)]
        words = self.start.split(b" ", 2)
        self.status = int(words[1]) if words[0] == b"SIP/2.0" else 0
        self.method = b"" if self.status else words[0]

    def header(self, name: bytes) -> bytes:
        """The first value of that header, b"" where absent."""
        return next((value for key, value in self.headers if key == name.lower()), b"")

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name.lower()]

    def __repr__(self) -> str:
        return self.octets.decode("utf-8", "replace")


def new_branch() -> bytes:
    return b"z9hG4bK-%d-%s" % (next(_numbers), os.urandom(4).hex().encode())


class UdpPeer:
    """One UDP socket towards one server."""

    transport = b"UDP"

    def __init__(self, server: tuple[str, int], host: str, port: int = 0) -> None:
        self.server = server
        self.taken: set[tuple[bytes, bytes]] = set()
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.host, self.port = self.socket.getsockname()[:2]

    @property
    def hostport(self) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}".encode()

    def send(self, octets: bytes) -> None:
        self.socket.sendto(octets, self.server)

    def receive(self, timeout_s: float = PATIENCE_S) -> SipMessage | None:
        """The next datagram as a message, None when there is none in time."""
        self.socket.settimeout(timeout_s)
        try:
            return SipMessage(self.socket.recv(65536))
        except TimeoutError:
            return None

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "UdpPeer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TcpPeer:
    """One TCP connection to one server; `receive` frames by Content-Length (RFC 3261 section 18.3)."""

    transport = b"TCP"

    def __init__(self, server: tuple[str, int], host: str, port: int = 0) -> None:
        self.server = server
        self.socket = socket.create_connection(server, PATIENCE_S, source_address=(host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host, self.port = self.socket.getsockname()[:2]
        self.buffer = b""

    hostport = UdpPeer.hostport
    __enter__ = UdpPeer.__enter__
    __exit__ = UdpPeer.__exit__
    close = UdpPeer.close

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def read(self, timeout_s: float) -> bytes | None:
        """What the stream brings next: b"" when the peer has closed, None when nothing came in time."""
        self.socket.settimeout(max(timeout_s, 0.001))
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            return None
        except ConnectionResetError:
            return b""

    def receive(self, timeout_s: float = PATIENCE_S) -> SipMessage | None:
        end = time.monotonic() + timeout_s
        while True:
            self.buffer = self.buffer.lstrip(b"\r\n")
            head, separator, _ = self.buffer.partition(b"\r\n\r\n")
            if separator:
                match = re.search(rb"\r\n(?:Content-Length|l)[ \t]*:[ \t]*(\d+)", head, re.IGNORECASE)
                size = len(head) + 4 + (int(match[1]) if match else 0)
                if len(self.buffer) >= size:
                    message, self.buffer = SipMessage(self.buffer[:size]), self.buffer[size:]
                    return message
            octets = self.read(end - time.monotonic())
            if not octets:
                return None
            self.buffer += octets

    def is_closed_within(self, timeout_s: float) -> bool:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            octets = self.read(end - time.monotonic())
            if octets == b"":
                return True
            self.buffer += octets or b""
        return False


Peer = UdpPeer | TcpPeer


def build_request(peer: Peer, method: str, uri: str, *, user: str = "1001", domain: str = "office.test", cseq: int = 1,
                  lines: tuple[str, ...] = (), body: bytes = b"", branch: bytes = b"", rport: str = ";rport",
                  to: str = "", call_id: str = "", max_forwards: int = 70) -> bytes:
    """A sound request outside any dialog; `lines`: header lines to add; `rport`: what the Via says after the branch."""
    branch = branch or new_branch()
    via = f"SIP/2.0/{peer.transport.decode()} {peer.hostport.decode()};branch={branch.decode()}{rport}"
    head = [f"{method} {uri} SIP/2.0", f"Via: {via}", f"Max-Forwards: {max_forwards}",
            f"From: <sip:{user}@{domain}>;tag=t{next(_numbers)}", f"To: <{to or uri}>",
            f"Call-ID: {call_id or f'raw-{os.getpid()}-{next(_numbers)}'}", f"CSeq: {cseq} {method}", *lines,
            f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def build_response(request: SipMessage, status: int, reason: str, *, tag: str = "raw", contact: str = "",
                   body: bytes = b"") -> bytes:
    """A response as RFC 3261 section 8.2.6 has it: Via, From, Call-ID, CSeq, Record-Route copied, a tag in To."""
    copied = [b"%s: %s" % (name.title(), value) for name, value in request.headers
              if name in (b"via", b"from", b"call-id", b"cseq", b"record-route")]
    to = request.header(b"To") + (b"" if b";tag=" in request.header(b"To") else f";tag={tag}".encode())
    more = [f"Contact: <{contact}>".encode()] if contact else []
    head = [f"SIP/2.0 {status} {reason}".encode(), *copied, b"To: " + to, *more, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def _parameter(challenge: str, name: str) -> str:
    match = re.search(rf'\b{name}=(?:"([^"]*)"|([^\s,]+))', challenge)
    return (match[1] or match[2] or "") if match else ""


def digest_value(challenge: str, method: str, uri: str, user: str, secret: str, cnonce: str = "") -> str:
    """The value of an Authorization header that answers one MD5 challenge (RFC 2617 section 3.2.2), nonce count 1."""
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()
    realm, nonce, qop = (_parameter(challenge, name) for name in ("realm", "nonce", "qop"))
    ha1, ha2 = md5(f"{user}:{realm}:{secret}"), md5(f"{method}:{uri}")
    text = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm=MD5'
    if qop:
        cnonce = cnonce or os.urandom(4).hex()
        response = md5(f"{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}")
        return f'{text}, qop=auth, nc=00000001, cnonce="{cnonce}", response="{response}"'
    return f'{text}, response="{md5(f"{ha1}:{nonce}:{ha2}")}"'


def authorize(octets: bytes, challenge: SipMessage, user: str, secret: str, unique: str = "") -> bytes:
    """The same request with credentials for `challenge`, the next CSeq and a new branch (RFC 3261 section 22.2).

    unique: what makes branch and cnonce; without it they are random.
    """
    method, uri = (word.decode() for word in octets.split(b" ", 2)[:2])
    is_proxy = challenge.status == 407
    value = challenge.header(b"Proxy-Authenticate" if is_proxy else b"WWW-Authenticate").decode()
    line = f"{'Proxy-' if is_proxy else ''}Authorization: {digest_value(value, method, uri, user, secret, unique)}\r\n"
    branch = b"z9hG4bK-" + unique.encode() if unique else new_branch()
    octets = re.sub(rb"branch=[^;\r]+", b"branch=" + branch, octets, count=1)
    octets = re.sub(rb"\r\nCSeq: (\d+)", lambda match: b"\r\nCSeq: %d" % (int(match[1]) + 1), octets, count=1)
    return octets.replace(b"\r\nContent-Length:", b"\r\n" + line.encode() + b"Content-Length:", 1)


def transact(peer: Peer, octets: bytes, timeout_s: float = PATIENCE_S) -> SipMessage | None:
    """Send one request and return its final response; what else comes, late answers to others too, is passed over."""
    (branch,) = re.findall(rb"branch=([^;\s,]+)", octets)[:1]
    peer.send(octets)
    end = time.monotonic() + timeout_s
    while (answer := peer.receive(max(end - time.monotonic(), 0.001))) is not None:
        if answer.status >= 200 and branch in answer.header(b"Via"):          # RFC 3261 section 17.1.3
            return answer
    return None


def take_request(peer: "UdpPeer", method: bytes, timeout_s: float = PATIENCE_S) -> SipMessage:
    """The next request, which must be of this method, answered with 200; so is one that comes once more, since our
    answer took its time."""
    while (request := peer.receive(timeout_s)) is not None:
        assert request.method == method, request
        peer.send(build_response(request, 200, "OK"))
        name = (request.header(b"Call-ID"), request.header(b"CSeq"))
        if name not in peer.taken:
            peer.taken.add(name)
            return request
    raise AssertionError(f"no {method.decode()}")


def register(peer: Peer, user: str, secret: str, *, contact: str = "", expires_s: int = 300,
             domain: str = "office.test", lines: tuple[str, ...] = (),
             timeout_s: float = PATIENCE_S) -> SipMessage:
    """Register `contact` (default: this very socket) with digest and return the 200; else AssertionError."""
    contact = contact or f"<sip:{user}@{peer.hostport.decode()};transport={peer.transport.decode().lower()}>"
    request = build_request(peer, "REGISTER", f"sip:{domain}", user=user, domain=domain, to=f"sip:{user}@{domain}",
                            lines=(f"Contact: {contact}", f"Expires: {expires_s}", *lines))
    challenge = transact(peer, request, timeout_s)
    assert challenge is not None, "no answer to REGISTER"
    assert challenge.status == 401, challenge
    answer = transact(peer, authorize(request, challenge, user, secret), timeout_s)
    assert answer is not None, "no answer to REGISTER with credentials"
    assert answer.status == 200, answer
    return answer
