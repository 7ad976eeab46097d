# SPDX-License-Identifier: Apache-2.0
"""SIP messages as this carrier reads and writes them: compact names understood and, where it likes them, used."""

import hashlib
import re
from collections.abc import Iterable

from tests.interop.raw_sip import SipMessage

COMPACT = {b"via": b"v", b"from": b"f", b"to": b"t", b"call-id": b"i", b"contact": b"m", b"content-length": b"l",
           b"content-type": b"c", b"supported": b"k", b"session-expires": b"x"}
LONG = {short: name for name, short in COMPACT.items()}
Lines = Iterable[tuple[str, str]]


class Letter(SipMessage):
    """A received message with header names in their long form; `source` is where it came from."""

    def __init__(self, octets: bytes, source: tuple[str, int]) -> None:
        super().__init__(octets)
        self.source = source
        self.headers = [(LONG.get(name, name), value) for name, value in self.headers]

    @property
    def uri(self) -> str:
        return "" if self.status else self.start.split(b" ")[1].decode()

    @property
    def call_id(self) -> bytes:
        return self.header(b"call-id")

    @property
    def branch(self) -> bytes:
        found = re.search(rb"branch=([^;\s,]+)", self.header(b"via"))
        return found[1] if found else b""

    @property
    def cseq(self) -> tuple[int, bytes]:
        number, method = self.header(b"cseq").split()
        return int(number), method

    @property
    def contact(self) -> str:
        return uri_of(self.header(b"contact"))

    def tag(self, name: bytes) -> str:
        found = re.search(rb";\s*tag=([^;\s]+)", self.header(name))
        return found[1].decode() if found else ""

    def has_option(self, header: bytes, option: bytes) -> bool:
        return any(option in value.replace(b" ", b"").split(b",") for value in self.all(header))


def uri_of(value: bytes) -> str:
    """The URI of a name-addr or addr-spec."""
    found = re.search(rb"<([^>]+)>", value)
    return (found[1] if found else value.split(b";")[0].strip()).decode()


def user_of(uri: str) -> str:
    found = re.match(r"(?:sips?|tel):([^@;]+)", uri)
    return found[1] if found else ""


def target_of(uri: str) -> tuple[str, int]:
    """Address and port of a URI whose host is an IPv4 address."""
    found = re.match(r"sips?:(?:[^@]*@)?([0-9.]+)(?::(\d+))?", uri)
    assert found, f"not an address: {uri}"
    return found[1], int(found[2] or 5060)


def write(start: str, lines: Lines, body: bytes = b"", *, is_compact: bool = False) -> bytes:
    """A message; its Content-Length comes last."""
    head = [start.encode()]
    for name, value in [*lines, ("Content-Length", str(len(body)))]:
        shown = COMPACT.get(name.lower().encode(), name.encode()) if is_compact else name.encode()
        head.append(shown + b": " + value.encode())
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def copied_lines(request: Letter, tag: str) -> list[tuple[str, str]]:
    """What a response copies (RFC 3261 section 8.2.6); `received` and `rport` are filled in as RFC 3581 has it."""
    lines = []
    for name, value in request.headers:
        text = value.decode()
        if name == b"via" and not any(line[0] == "Via" for line in lines):
            text = re.sub(r";rport(?![=\w])", f";rport={request.source[1]}", text) + f";received={request.source[0]}"
        if name == b"to" and tag and not request.tag(b"to"):
            text += f";tag={tag}"
        if name in (b"via", b"from", b"to", b"call-id", b"cseq", b"record-route"):
            lines.append((name.decode().title().replace("Cseq", "CSeq").replace("Call-Id", "Call-ID"), text))
    return lines


def is_authorized(request: Letter, header: bytes, nonce: str, account: tuple[str, str]) -> bool:
    """Whether the credentials answer our challenge (RFC 2617 section 3.2.2, MD5, with or without qop)."""
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()
    value = request.header(header).decode()
    said = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', value)}
    user, secret = account
    if said.get("username") != user or said.get("nonce") != nonce:
        return False
    ha1, ha2 = md5(f"{user}:{said.get('realm')}:{secret}"), md5(f"{request.method.decode()}:{said.get('uri')}")
    if "qop" not in said:
        return said.get("response") == md5(f"{ha1}:{nonce}:{ha2}")
    return said.get("response") == md5(f"{ha1}:{nonce}:{said['nc']}:{said['cnonce']}:{said['qop']}:{ha2}")


def write_session(host: str, port: int, version: int = 1, *, direction: str = "sendrecv",
                  has_digits: bool = True) -> bytes:
    """PCMU, with or without telephone-event."""
    kinds, digits = ("0 101", "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n") if has_digits else ("0", "")
    return (f"v=0\r\no=carrier 77 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {kinds}\r\na=rtpmap:0 PCMU/8000\r\n{digits}a=ptime:20\r\n"
            f"a={direction}\r\n").encode()
