# SPDX-License-Identifier: Apache-2.0
"""The scanner against the slow oracle: sound messages in every allowed form are read and edited alike."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.native.sip_scanner import Message, split_values
from tests.models.sip_message_generator import Sample, samples
from tests.models.sip_message_oracle import OracleMessage, split_commas, strip_space

KINDS = [b"via", b"from", b"to", b"call-id", b"cseq", b"contact", b"route", b"record-route", b"subject", b"x-other",
         b"authorization", b"proxy-authorization", b"max-forwards"]
SOURCES = st.sampled_from([(b"", 0), (b"192.0.2.1", 5060), (b"198.51.100.7", 65535), (b"2001:db8::9:1", 1)])
TAIL = st.sampled_from([b"", b"surplus"])
VIA = b"Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKours\r\n"

few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def scan(sample: Sample, source: tuple[bytes, int] = (b"", 0)) -> Message:
    message = Message(sample.octets, *source)
    assert (message.fault_status, message.fault_reason) == (0, b"")
    return message


@few
@given(samples())
def test_the_hot_headers_say_what_was_written(sample):
    message = scan(sample)
    assert message.is_request == sample.is_request
    assert (message.method, message.uri, message.branch) == (sample.method, sample.uri, sample.branch)
    assert (message.from_tag, message.to_tag, message.call_id) == (sample.from_tag, sample.to_tag, sample.call_id)
    assert (message.cseq, message.max_forwards) == (sample.cseq, sample.max_forwards)
    assert (message.via_count, message.body) == (sample.via_count, sample.body)


@few
@given(samples())
def test_headers_and_values_are_those_of_the_oracle(sample):
    message, oracle = scan(sample), OracleMessage(sample.octets)
    for kind in KINDS:
        assert message.headers(kind) == oracle.headers(kind)
        assert message.values(kind) == oracle.values(kind)
        assert message.header(kind.upper()) == (oracle.headers(kind) or [None])[0]
    assert message.header_lines() == [(line.name, b" ".join(part.strip(b" \t\r") for part in line.value.split(b"\n")))
                                      for line in oracle.lines]
    assert message.contact == (oracle.values(b"contact") or [None])[0]
    assert message.route == (oracle.values(b"route") or [None])[0]


@few
@given(samples(is_request=True), SOURCES, st.sampled_from([b"", b"mine"]), st.booleans(), st.sampled_from([100, 200]),
       st.binary(max_size=9))
def test_a_reply_is_that_of_the_oracle(sample, source, to_tag, has_record_route, status, body):
    arguments = (b"SIP/2.0 %d OK\r\n" % status, to_tag, b"Server: x\r\n", body, has_record_route)
    made = scan(sample, source).reply(*arguments)
    assert made == OracleMessage(sample.octets, *source).reply(*arguments)
    answer = Message(made)
    assert answer.fault_status == 0
    assert answer.client_key == sample.branch + b" " + sample.method


@few
@given(samples(is_request=True), SOURCES, st.integers(0, 4), st.sampled_from([b"", b"ours", b"a"]))
def test_a_forwarded_request_is_that_of_the_oracle(sample, source, routes_to_drop, realm):
    arguments = (b"sip:next@192.0.2.77", VIA, b"Record-Route: <sip:me;lr>\r\n", routes_to_drop, realm)
    message, oracle = scan(sample, source), OracleMessage(sample.octets, *source)
    made = message.forward(*arguments)
    assert made == oracle.forward(*arguments)
    sent = Message(made)
    assert sent.fault_status == 0
    assert sent.branch == b"z9hG4bKours"
    assert sent.values(b"route") == oracle.values(b"route")[routes_to_drop:]


@few
@given(samples(is_request=False))
def test_a_response_without_its_top_via_is_that_of_the_oracle(sample):
    message = scan(sample)
    made = message.without_top_via()
    assert made == OracleMessage(sample.octets).without_top_via()
    if sample.via_count > 1:
        assert Message(made).values(b"Via") == message.values(b"Via")[1:]


@few
@given(samples(), TAIL)
def test_bare_line_feeds_and_empty_lines_in_front_change_nothing(sample, tail):
    head_size = scan(sample).head_size
    head, body = sample.octets[:head_size], sample.octets[head_size:]
    changed = Message(b"\r\n\r\n" + head.replace(b"\r\n", b"\n") + body)
    assert changed.fault_status == 0
    assert changed.data == sample.octets


@given(st.text('ab,;<>"\\ \t', max_size=40).map(str.encode))
def test_splitting_at_commas_loses_nothing(value):
    parts = split_values(value)
    assert sum(map(len, parts)) <= len(value)
    assert all(part == strip_space(part) for part in parts)
    if value.count(b'"') % 2 == 0 and b"\\" not in value and b"<" not in value:
        assert parts == [strip_space(part) for part in split_commas(value)]
