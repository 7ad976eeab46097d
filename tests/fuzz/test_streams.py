# SPDX-License-Identifier: Apache-2.0
"""Stream framing under every segmentation: the messages do not depend on how the network cut them, nor does anything
else escape than a PeerError.
"""

import random
from collections.abc import Iterator

import pytest

from appliance.errors import PeerError
from appliance.sip.stream_framing import StreamFraming
from tests.fuzz.grammar import MessageGrammar
from tests.fuzz.mutation import mutate

BROKEN = b"<broken>"


def cut(chance: random.Random, octets: bytes, size_limit: int) -> Iterator[bytes]:
    start = 0
    while start < len(octets):
        size = chance.randint(1, size_limit)
        yield octets[start:start + size]
        start += size


def frame(pieces: Iterator[bytes]) -> list[bytes]:
    """What comes out of the framing; BROKEN last where it gave up."""
    framing, messages = StreamFraming(), []
    try:
        for piece in pieces:
            messages += framing.feed(piece, 0.0)
    except PeerError:
        messages.append(BROKEN)
    return messages


def build_stream(chance: random.Random) -> bytes:
    grammar = MessageGrammar(chance, 0.02)
    parts = [mutate(chance, grammar.message()) if chance.random() < 0.1 else grammar.message() for _ in range(8)]
    return b"".join(part + chance.choice((b"", b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n")) for part in parts)


@pytest.mark.parametrize("seed", range(60))
def test_any_segmentation_gives_the_same_messages(seed):
    chance = random.Random(seed)
    stream = build_stream(chance)
    whole = frame(iter([stream]))
    for size_limit in (1, 3, 40, 2000):
        assert frame(cut(chance, stream, size_limit)) == whole, (seed, size_limit)


@pytest.mark.parametrize("seed", range(20))
def test_sound_messages_come_out_octet_for_octet(seed):
    chance = random.Random(seed)
    grammar = MessageGrammar(chance, 0.0)
    messages = [grammar.request() for _ in range(20)]
    assert frame(cut(chance, b"".join(messages), 100)) == messages


@pytest.mark.parametrize("seed", range(40))
def test_random_octets_end_in_messages_or_a_peer_error(seed):
    chance = random.Random(seed)
    octets = bytearray(build_stream(chance))
    for _ in range(chance.choice((1, 5, 50, 500))):
        octets[chance.randrange(len(octets))] = chance.choice((0, 10, 13, 32, 58, 255, chance.randrange(256)))
    frame(cut(chance, bytes(octets), 500))
