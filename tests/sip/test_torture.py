# SPDX-License-Identifier: Apache-2.0
"""Every message of RFC 4475 and RFC 5118 is treated as its RFC says; none is left out."""

import json
from pathlib import Path

import pytest

from appliance.native.sip_scanner import Message, ScanError, find_parameter, split_address
from appliance.sip.grammar import unescape
from appliance.sip.status import status_line

VECTORS = Path(__file__).parent.parent / "vectors"
GROUPS = {"rfc4475": 49, "rfc5118": 12}
MANIFEST = {(group, name): entry for group in GROUPS
            for name, entry in json.loads((VECTORS / group / "manifest.json").read_text("utf-8")).items()}
ALL = pytest.mark.parametrize(("group", "name"), list(MANIFEST))


def read_vector(group: str, name: str) -> bytes:
    return (VECTORS / group / f"{name}.dat").read_bytes()


def read_fact(message: Message, fact: str):
    kind, _, name = fact.rpartition(":")
    if kind == "header":
        return message.header(name.encode())
    if kind == "values":
        return message.values(name.encode())
    if kind == "display":
        return split_address(getattr(message, name))[0]
    if kind == "via_param":
        return find_parameter(message.via_params, name.encode())
    return len(message.body) if name == "body_size" else getattr(message, name)


def as_text(value):
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return value.decode("utf-8") if isinstance(value, bytes) else value


def test_no_vector_is_left_out():
    for group, count in GROUPS.items():
        files = {path.stem for path in (VECTORS / group).glob("*.dat")}
        assert files == {name for place, name in MANIFEST if place == group}
        assert len(files) == count


@ALL
def test_the_verdict_is_that_of_the_rfc(group, name):
    wanted = MANIFEST[group, name]["verdict"]
    try:
        message = Message(read_vector(group, name))
    except ScanError:
        assert wanted == "discard"
        return
    if wanted == "accept":
        assert (message.fault_status, message.fault_reason) == (0, b"")
    elif wanted == "discard":
        assert message.fault_status
        assert not message.is_request
    else:
        assert message.fault_status == wanted
        assert message.is_request
        assert message.fault_reason


@pytest.mark.parametrize(("group", "name"), [key for key, entry in MANIFEST.items() if "facts" in entry])
def test_what_is_read_out_of_it(group, name):
    message = Message(read_vector(group, name))
    wanted = MANIFEST[group, name]["facts"]
    assert {fact: as_text(read_fact(message, fact)) for fact in wanted} == wanted


@pytest.mark.parametrize(("group", "name"), [key for key, entry in MANIFEST.items()
                                             if isinstance(entry["verdict"], int)])
def test_a_refused_request_can_be_answered(group, name):
    message = Message(read_vector(group, name), b"203.0.113.9", 5060)
    answer = Message(message.reply(status_line(message.fault_status), b"totag"))
    assert answer.status == message.fault_status
    assert answer.branch == message.branch
    assert find_parameter(answer.via_params, b"received") == b"203.0.113.9" or answer.fault_status
    assert answer.headers(b"Call-ID") == message.headers(b"Call-ID")[:1]


RESPONSES = {"unreason", "noreason", "bcast"}


@pytest.mark.parametrize(("group", "name"), [key for key, entry in MANIFEST.items()
                                             if entry["verdict"] == "accept" and key[1] not in RESPONSES])
def test_what_is_accepted_is_forwarded_unchanged(group, name):
    message = Message(read_vector(group, name))
    sent = Message(message.forward(b"sip:elsewhere.example", b"Via: SIP/2.0/UDP 192.0.2.200;branch=z9hG4bKnew\r\n"))
    ours = {b"via", b"v", b"max-forwards", b"content-length", b"l"}
    assert [line for line in sent.header_lines() if line[0].lower() not in ours] == \
        [line for line in message.header_lines() if line[0].lower() not in ours]
    assert sent.values(b"Via")[1:] == message.values(b"Via")
    assert sent.body == message.body
    assert sent.method == message.method
    assert sent.fault_status == 0


def test_escapes_are_undone_once():
    message = Message(read_vector("rfc4475", "esc01"))
    assert unescape(message.uri_user) == b"sips:user@example.com"
    assert unescape(message.to_user) == b"user"
    assert unescape(b"v%61lue%25%34%31") == b"value%41"


def test_two_users_that_differ_by_a_nul_are_two():
    first, second = Message(read_vector("rfc4475", "escnull")).values(b"Contact")
    assert unescape(first) != unescape(second)
