# SPDX-License-Identifier: Apache-2.0
"""One SIP message the slow, obvious way: lists of lines, values split octet by octet. What the scanner must agree with.

Only for messages that are sound; it checks nothing (RFC 3261 7, 8.2.6.2, 16.6, 16.7; RFC 3581 4).
"""

import re
from dataclasses import dataclass

FULL_NAMES = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"m": b"contact", b"l": b"content-length",
              b"c": b"content-type", b"k": b"supported", b"s": b"subject"}


def unfold(value: bytes) -> bytes:
    return re.sub(rb"[ \t]*\r\n[ \t]+", b" ", value)


def split_commas(value: bytes) -> list[bytes]:
    """Values between the commas that stand outside quoted strings and <>, white space kept."""
    parts, place, is_quoted, is_bracketed = [b""], 0, False, False
    while place < len(value):
        octet = value[place:place + 1]
        if is_quoted and octet == b"\\":
            parts[-1] += value[place:place + 2]
            place += 2
            continue
        if octet == b'"' and not is_bracketed:
            is_quoted = not is_quoted
        elif not is_quoted and octet in b"<>":
            is_bracketed = octet == b"<"
        if octet == b"," and not is_quoted and not is_bracketed:
            parts.append(b"")
        else:
            parts[-1] += octet
        place += 1
    return parts


def strip_space(value: bytes) -> bytes:
    return value.strip(b" \t\r\n")


@dataclass
class Line:
    """One header line with its folds, without its line end: everything before the value, and the value."""

    before: bytes
    value: bytes
    trailing: bytes

    @property
    def name(self) -> bytes:
        return re.match(rb"[^ \t:]*", self.before)[0]

    @property
    def kind(self) -> bytes:
        name = self.name.lower()
        return FULL_NAMES.get(name, name)

    @property
    def octets(self) -> bytes:
        return self.before + self.value + self.trailing + b"\r\n"


def split_line(octets: bytes) -> Line:
    name, colon, rest = octets.partition(b":")
    value = strip_space(rest)
    begin = len(rest) - len(rest.lstrip(b" \t\r\n")) if value else len(rest)
    return Line(name + colon + rest[:begin], value, rest[begin + len(value):])


class OracleMessage:
    """The parts of one sound message, and the same edits as the scanner has."""

    def __init__(self, octets: bytes, source_host: bytes = b"", source_port: int = 0) -> None:
        octets = octets.lstrip(b"\r\n")
        end = re.search(rb"\n\r?\n", octets).end()
        head, rest = re.sub(rb"\r?\n", b"\r\n", octets[:end]), octets[end:]
        self.source_host, self.source_port = source_host, source_port
        self.start, *raw_lines = re.split(rb"\r\n(?![ \t])", head[:-4])
        self.lines = [split_line(raw) for raw in raw_lines]
        length = self.headers(b"content-length")
        self.body = rest[:int(length[0])] if length else rest

    def headers(self, kind: bytes) -> list[bytes]:
        return [unfold(line.value) for line in self.lines if line.kind == kind]

    def values(self, kind: bytes) -> list[bytes]:
        return [strip_space(part) for value in self.headers(kind) for part in split_commas(value)]

    def first(self, kind: bytes) -> Line:
        return next(line for line in self.lines if line.kind == kind)

    def parameter(self, value: bytes, name: bytes) -> bytes | None:
        for part in value.split(b";")[1:]:
            key, _, text = part.partition(b"=")
            if strip_space(key).lower() == name:
                return strip_space(text)
        return None

    def stamp(self, value: bytes) -> bytes:
        """The top Via value with rport and received (RFC 3261 18.2.1, RFC 3581 4)."""
        host = re.match(rb"[^;]*?/[^;]*?/\s*\S+\s+(\[[^\]]*\]|[^\s:;]+)", value)[1].strip(b"[]")
        has_rport = self.parameter(value, b"rport") is not None
        must_say = has_rport or self.parameter(value, b"received") is not None
        if not self.source_host or not (must_say or host.lower() != self.source_host.lower()):
            return value
        first, *segments = value.split(b";")
        made = first
        for segment in segments:
            bare = segment.rstrip(b" \t\r\n")
            space = segment[len(bare):]
            name = strip_space(bare.partition(b"=")[0]).lower()
            if name == b"received":
                made += space
            elif name == b"rport":
                made += b";" + bare.partition(b"=")[0].rstrip(b" \t\r\n") + b"=%d" % self.source_port + space
            else:
                made += b";" + segment
        return made + b";received=" + self.source_host

    def stamped_line(self, line: Line) -> bytes:
        values = split_commas(line.value)
        top = values[0].rstrip(b" \t\r\n")
        return line.before + self.stamp(top) + line.value[len(top):]

    def reply(self, status_line: bytes, to_tag: bytes, lines: bytes, body: bytes, has_record_route: bool) -> bytes:
        made, top = status_line, self.first(b"via")
        for line in self.lines:
            octets = line.before + line.value
            if line.kind == b"via":
                made += (self.stamped_line(line) if line is top else octets) + b"\r\n"
            elif line.kind == b"to" and to_tag and self.parameter(after_address(line.value), b"tag") is None:
                made += octets + b";tag=" + to_tag + b"\r\n"
            elif (line.kind in (b"from", b"to", b"call-id", b"cseq")
                  or (line.kind == b"record-route" and has_record_route)
                  or (line.kind == b"timestamp" and status_line[8:11] == b"100")):
                made += octets + b"\r\n"
        return made + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def forward(self, uri: bytes, via: bytes, lines: bytes, routes_to_drop: int, realm: bytes) -> bytes:
        made, top, kinds = b"", self.first(b"via"), {line.kind for line in self.lines}
        for line in self.lines:
            if line is top:
                made += self.stamped_line(line) + line.trailing + b"\r\n"
            elif line.kind == b"max-forwards":
                made += line.before + b"%d" % max(0, int(line.value) - 1) + line.trailing + b"\r\n"
            elif line.kind == b"route" and routes_to_drop:
                values = split_commas(line.value)
                dropped = min(routes_to_drop, len(values))
                routes_to_drop -= dropped
                if dropped < len(values):
                    rest = b",".join(values[dropped:]).lstrip(b" \t\r\n")
                    made += line.before + rest + line.trailing + b"\r\n"
            elif (line.kind in (b"authorization", b"proxy-authorization") and realm
                  and b'realm="%s"' % realm in line.value):
                continue
            else:
                made += line.octets
        if b"max-forwards" not in kinds:
            made += b"Max-Forwards: 70\r\n"
        method = self.start.split(b" ")[0]
        return b"%s %s SIP/2.0\r\n" % (method, uri) + via + lines + made + self.tail()

    def tail(self) -> bytes:
        has_length = any(line.kind == b"content-length" for line in self.lines)
        return (b"" if has_length else b"Content-Length: %d\r\n" % len(self.body)) + b"\r\n" + self.body

    def without_top_via(self) -> bytes:
        made, top = self.start + b"\r\n", self.first(b"via")
        for line in self.lines:
            if line is not top:
                made += line.octets
                continue
            values = split_commas(line.value)
            if len(values) > 1:
                made += line.before + b",".join(values[1:]).lstrip(b" \t\r\n") + line.trailing + b"\r\n"
        return made + self.tail()


def after_address(value: bytes) -> bytes:
    """The parameters of a From or To value: from the first ";" behind the URI."""
    display = re.match(rb'\s*"(?:[^"\\]|\\.)*"', value, re.DOTALL)
    rest = value[display.end():] if display else value
    before, bracket, behind = rest.partition(b">")
    if bracket and b"<" in before:
        return behind
    return rest[rest.index(b";"):] if b";" in rest else b""
