# SPDX-License-Identifier: Apache-2.0
"""Mutations of octets: small ones that keep a message nearly sound, and large ones that break limits."""

import random
from collections.abc import Callable

TOKENS = (b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\x00", b"\xff", b"\"", b"<", b">", b",", b";", b":", b"=", b"@", b"%",
          b"\\", b" ", b"\t", b"\r\n ", b"[", b"]", b"(", b")", b"SIP/2.0", b"sip:", b"z9hG4bK",
          b"Via: SIP/2.0/UDP a\r\n", b"Content-Length: 0\r\n", b"Contact: *\r\n", b"l: -1\r\n", b"4294967296", b"-1",
          b";lr", b";tag=x", b"%00", b"\xe3\x81\x82", b"Route: <sip:127.0.1.1;lr>\r\n")

Mutation = Callable[[random.Random, bytearray], None]


def flip_octets(chance: random.Random, octets: bytearray) -> None:
    for _ in range(chance.choice((1, 1, 2, 8))):
        octets[chance.randrange(len(octets))] = chance.randrange(256)


def flip_bit(chance: random.Random, octets: bytearray) -> None:
    octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)


def insert_token(chance: random.Random, octets: bytearray) -> None:
    place = chance.randrange(len(octets) + 1)
    octets[place:place] = chance.choice(TOKENS)


def delete_piece(chance: random.Random, octets: bytearray) -> None:
    start = chance.randrange(len(octets))
    del octets[start:start + chance.choice((1, 1, 3, 20, 200))]


def repeat_piece(chance: random.Random, octets: bytearray) -> None:
    start = chance.randrange(len(octets))
    piece = bytes(octets[start:start + chance.choice((1, 4, 40))])
    octets[start:start] = piece * chance.choice((1, 2, 10, 300))


def swap_lines(chance: random.Random, octets: bytearray) -> None:
    lines = octets.split(b"\r\n")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    octets[:] = b"\r\n".join(lines)


def repeat_line(chance: random.Random, octets: bytearray) -> None:
    lines = octets.split(b"\r\n")
    place = chance.randrange(len(lines))
    lines[place:place] = [lines[place]] * chance.choice((1, 1, 3, 260))
    octets[:] = b"\r\n".join(lines)


def truncate(chance: random.Random, octets: bytearray) -> None:
    del octets[chance.randrange(len(octets)):]


def change_number(chance: random.Random, octets: bytearray) -> None:
    places = [place for place, octet in enumerate(octets) if 48 <= octet <= 57]
    if places:
        place = chance.choice(places)
        octets[place:place + 1] = chance.choice((b"0", b"9", b"-", b"99999999999", b"", b"65536", b"a"))


def change_line_ends(_: random.Random, octets: bytearray) -> None:
    octets[:] = octets.replace(b"\r\n", b"\n")


def blow_up(chance: random.Random, octets: bytearray) -> None:
    place = chance.randrange(len(octets) + 1)
    piece = chance.choice((b"a", b",", b"\"", b"(", b" ", b";x", b"%41", b"\r\n "))
    octets[place:place] = piece * chance.choice((500, 9000, 30000))


MUTATIONS: tuple[Mutation, ...] = (flip_octets, flip_bit, insert_token, delete_piece, repeat_piece, swap_lines,
                                   repeat_line, truncate, change_number, change_line_ends)


def mutate(chance: random.Random, octets: bytes) -> bytes:
    """One to four mutations of a message; now and then one that makes it very long."""
    changed = bytearray(octets)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if not changed:
            break
        mutation = blow_up if chance.random() < 0.004 else MUTATIONS[int(chance.random() * len(MUTATIONS))]
        mutation(chance, changed)
    return bytes(changed[:65535])


def splice(chance: random.Random, first: bytes, second: bytes) -> bytes:
    """The beginning of one message with the end of another."""
    return first[:chance.randrange(len(first) + 1)] + second[chance.randrange(len(second) + 1):]
