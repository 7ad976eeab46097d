# SPDX-License-Identifier: Apache-2.0
"""A SIP message as its lines, read and written the slow and obvious way: a second opinion beside the scanner."""

from dataclasses import dataclass, field

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
           "c": "content-type", "s": "subject", "k": "supported", "e": "content-encoding"}


@dataclass
class Letter:
    """start: the start line, "" where a transcript leaves it out; fields: (name, value) in order; body: as octets."""

    start: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def is_request(self) -> bool:
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        return self.start.split(" ")[0] if self.is_request else self.first("CSeq").split()[-1]

    @property
    def status(self) -> int:
        return 0 if self.is_request else int(self.start.split(" ")[1])

    @property
    def label(self) -> str:
        return self.method if self.is_request else self.start[8:]

    @property
    def cseq(self) -> int:
        return int(self.first("CSeq").split()[0])

    def lines(self, name: str) -> list[str]:
        """The values of every line of this name."""
        return [value for said, value in self.fields if said.lower() == name.lower()]

    def first(self, name: str) -> str:
        """The first value, "" where there is none."""
        return next(iter(self.lines(name)), "")

    def print_octets(self) -> bytes:
        """The message on the wire."""
        head = [self.start, *(f"{name}: {value}" for name, value in self.fields)]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + self.body


def read_octets(octets: bytes) -> Letter:
    """What came from the wire; folded lines are joined, compact names written out."""
    head, _, body = octets.partition(b"\r\n\r\n")
    start, *lines = head.decode("utf-8").split("\r\n")
    fields: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in " \t":
            name, value = fields.pop()
            fields.append((name, f"{value} {line.strip()}"))
        else:
            name, _, value = line.partition(":")
            fields.append((COMPACT.get(name.strip().lower(), name.strip()), value.strip()))
    return Letter(start, fields, body)


def read_block(lines: list[str]) -> tuple[Letter, list[str]]:
    """The lines below an arrow: what they say, and the names of fields that must not be there (`!Name`)."""
    head, body = (lines[:lines.index("")], lines[lines.index("") + 1:]) if "" in lines else (lines, [])
    letter = Letter("", [], "".join(f"{line}\r\n" for line in body).encode())
    absent: list[str] = []
    for line in head:
        name, colon, value = line.partition(":")
        if line.startswith(" "):
            letter.fields[-1] = (letter.fields[-1][0], f"{letter.fields[-1][1]} {line.strip()}")
        elif line.startswith("!"):
            absent.append(line[1:].strip())
        elif line.startswith("SIP/2.0 ") or line.endswith(" SIP/2.0"):
            letter.start = line
        elif colon and " " not in name:
            letter.fields.append((name, value.strip()))
        else:
            raise ValueError(f"neither start line nor header field: {line}")
    return letter, absent
