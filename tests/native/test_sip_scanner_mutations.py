# SPDX-License-Identifier: Apache-2.0
"""Damaged messages: any octets give a message or a ScanError, and whatever is a message can be read and edited."""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from appliance.native.sip_scanner import Message, ScanError, find_parameter, split_address, split_values

VECTORS = Path(__file__).parent.parent / "vectors"
SEEDS = [path.read_bytes() for group in ("rfc4475", "rfc5118") for path in sorted((VECTORS / group).glob("*.dat"))]
PIECES = [b"\r\n", b"\n", b"\r", b"\r\n ", b"\x00", b'"', b"\\", b"<", b">", b",", b";", b":", b"[", b"]", b"@", b"?",
          b"%", b"=", b" ", b"\t", b"\xff", b";received=1", b";rport", b";branch=", b"Via: ",
          b"v:SIP/2.0/UDP a;rport ;received=b ,", b"To: ",
          b"Route:", b"9" * 30, b"-1", b"\r\n\r\n", b"Content-Length: 3\r\n", b"m:*\r\n", b"sip:", b"SIP/2.0"]
PROPERTIES = [name for name in dir(Message) if isinstance(getattr(Message, name), type(Message.uri))]
NAMES = [b"Via", b"m", b"X-None", b"", b"to", b"Route"]


def mutate(random: Random, octets: bytes) -> bytes:
    for _ in range(random.randint(1, 5)):
        place, other = random.randint(0, len(octets)), random.choice(SEEDS)
        end = min(len(octets), place + random.choice((0, 1, 1, 2, 8, 60)))
        cut = random.randint(0, len(other))
        insert = random.choice((b"", bytes([random.randrange(256)]), random.choice(PIECES), other[cut:cut + 40],
                                octets[place:place + 200] * 2))
        octets = octets[:place] + insert + octets[end:]
        if random.random() < 0.05:
            octets = octets[:place]
    return octets


def exercise(octets: bytes) -> bool:
    """Read and edit everything; whether it is a message at all."""
    try:
        message = Message(octets, b"198.51.100.99", 65535)
    except ScanError:
        return False
    for name in PROPERTIES:
        getattr(message, name)
    for name in NAMES:
        for value in (message.header(name) or b"", *message.headers(name), *message.values(name)):
            assert b"\n" not in value
            assert isinstance(split_values(value), list)
            find_parameter(value, b"branch")
            with suppress(ScanError):
                assert len(split_address(value)) == 3
    message.header_lines()
    message.credentials(True)
    message.loop_hash(bytes(16))
    check_edits(message)
    return True


def check_edits(message: Message) -> None:
    """Edits of a faulty message must not fail either; those of a sound one must give a sound one."""
    answer = message.reply(b"SIP/2.0 400 Bad Request\r\n", b"totag", b"Server: x\r\n", b"", True)
    forwarded = message.forward(b"sip:z@192.0.2.1", b"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKz\r\n", b"", 2, b"a")
    returned = message.without_top_via()
    assert answer.startswith(b"SIP/2.0 400 Bad Request\r\n")
    if message.fault_status:
        return
    if message.is_request:
        assert Message(answer).fault_status == 0
        sent = Message(forwarded)
        assert (sent.fault_status, sent.via_count) == (0, message.via_count + 1)
        assert (sent.body, sent.call_id, sent.from_value) == (message.body, message.call_id, message.from_value)
    elif message.via_count > 1:
        assert Message(returned).via_count == message.via_count - 1


@pytest.mark.parametrize("seed", range(4))
def test_mutated_vectors_give_a_message_or_a_scan_error(seed):
    random = Random(seed)
    judged = [exercise(mutate(random, random.choice(SEEDS))) for _ in range(5000)]
    assert sum(judged) > 1500            # the mutations are mild enough to reach behind the start line


def test_every_truncation_of_every_vector():
    for octets in SEEDS:
        for end in range(0, min(len(octets), 900), 7):
            exercise(octets[:end])


def test_the_largest_message_of_every_single_octet():
    for octet in range(256):
        exercise(bytes([octet]) * 65535)
        exercise(SEEDS[0][:60] + bytes([octet]) * 9000)
