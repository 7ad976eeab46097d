# SPDX-License-Identifier: Apache-2.0
"""Sound SIP messages in every form the grammar allows: folded, compact, split over lines, in any order."""

from dataclasses import dataclass

from hypothesis import strategies as st

TOKEN = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=8).map(str.encode)
SPACE = st.sampled_from([b"", b"", b"", b" ", b"\t", b"\r\n ", b" \r\n\t "])
GAP = st.sampled_from([b" ", b" ", b" ", b"  ", b"\t", b"\r\n "])
HOST = st.sampled_from([b"example.com", b"Pc33.Atlanta.example", b"192.0.2.1", b"[2001:db8::9:1]",
                        b"[::ffff:192.0.2.1]"])
QUOTED = st.sampled_from([b'"A. G. Bell"', b'"Bell, Alexander"', b'"a\\"b<c;d,e\\\\"', b'""',
                          '"\N{SNOWMAN}"'.encode()])
METHODS = [b"INVITE", b"ACK", b"BYE", b"REGISTER", b"OPTIONS", b"CANCEL", b"PUBLISH", b"NEW-thing"]
URIS = st.sampled_from([b"sip:alice@example.com", b"sips:bob@[2001:db8::1]:5062", b"sip:example.com",
                        b"tel:+81312345678", b"sip:a;b=c,d?e@host:5060", b"sip:%61@192.0.2.7:7000"])
BRACKETED_URIS = URIS | st.sampled_from([b"sip:proxy.example;lr", b"sip:u@h;a=b;lr?Subject=x,y;z"])


@dataclass
class Sample:
    """A message and what it says."""

    octets: bytes
    method: bytes
    uri: bytes
    branch: bytes
    via_count: int
    from_tag: bytes
    to_tag: bytes
    call_id: bytes
    cseq: int
    max_forwards: int
    body: bytes
    is_request: bool


@st.composite
def parameters(draw, fixed: list[bytes] = ()) -> bytes:
    """Parameters in any order, white space round ";" and "="."""
    names = draw(st.lists(TOKEN.filter(lambda name: name.lower() not in
                                       (b"tag", b"branch", b"rport", b"received", b"expires")), max_size=2,
                          unique_by=bytes.lower))
    made = [*fixed]
    for name in names:
        value = draw(st.none() | TOKEN | st.just(b'"q,;>"'))
        made.append(name if value is None else name + draw(SPACE) + b"=" + draw(SPACE) + value)
    return b"".join(draw(SPACE) + b";" + draw(SPACE) + part for part in draw(st.permutations(made)))


@st.composite
def via_values(draw, branch: bytes, is_top: bool) -> bytes:
    slash = draw(SPACE) + b"/" + draw(SPACE)
    protocol = b"SIP/2.0/" if draw(st.booleans()) else b"SIP" + slash + b"2.0" + slash
    port = draw(st.sampled_from([b"", b":5060", b" : 5070", b":65535"]))
    fixed = [b"branch=" + branch] if branch else []
    if is_top:
        fixed += draw(st.lists(st.sampled_from([b"rport", b"rport = 9", b"received=192.0.2.99", b"ttl=1"]), max_size=2,
                               unique_by=lambda part: part[:5]))
    tail = b"".join(draw(SPACE) + b";" + draw(SPACE) + part for part in draw(st.permutations(fixed)))
    return protocol + draw(st.sampled_from([b"UDP", b"TCP", b"tls", b"SCTP"])) + draw(GAP) + draw(HOST) + port + tail


@st.composite
def addresses(draw, fixed: list[bytes] = (), needs_brackets: bool = False) -> bytes:
    if not needs_brackets and draw(st.booleans()):
        uri = draw(URIS.filter(lambda uri: not set(uri) & set(b";,?")))
        return uri + draw(parameters(fixed))
    display = draw(st.sampled_from([b"", b"Alice ", b"Two Words\t", b"tight"]) | QUOTED.map(lambda name: name + b" "))
    return display + b"<" + draw(BRACKETED_URIS) + b">" + draw(parameters(fixed))


@st.composite
def header_lines(draw, names: list[bytes], values: list[bytes]) -> list[bytes]:
    """Lines for these values: some in one line with commas, some in lines of their own."""
    lines: list[bytes] = []
    for value in values:
        if lines and draw(st.booleans()):
            lines[-1] += draw(SPACE) + b"," + draw(SPACE) + value
        else:
            name = draw(st.sampled_from(names))
            name = draw(st.sampled_from([name, name.lower(), name.upper()]))
            lines.append(name + draw(st.sampled_from([b":", b": ", b" : ", b"\t:\r\n "])) + value)
    return [line + draw(st.sampled_from([b"", b"", b" ", b"\t"])) for line in lines]


@st.composite
def samples(draw, is_request: bool | None = None) -> Sample:
    """A whole message."""
    if is_request is None:
        is_request = draw(st.booleans())
    method, uri, cseq = draw(st.sampled_from(METHODS)), draw(BRACKETED_URIS), draw(st.integers(0, 2**31 - 1))
    uri = uri.partition(b"?S")[0]
    branches = [draw(TOKEN.map(lambda end: b"z9hG4bK" + end) | st.just(b"")) for _ in range(draw(st.integers(1, 4)))]
    tags = [draw(st.just(b"") | TOKEN) for _ in range(2)]
    vias = [draw(via_values(branch, index == 0)) for index, branch in enumerate(branches)]
    call_id = draw(TOKEN) + draw(st.sampled_from([b"", b"@host", b"@<x>"]))
    groups = [draw(header_lines([b"Via", b"v"], vias))]
    for names, tag in (([b"From", b"f"], tags[0]), ([b"To", b"t"], tags[1])):
        groups.append(draw(header_lines(names, [draw(addresses([b"tag=" + tag] if tag else []))])))
    groups.append(draw(header_lines([b"Call-ID", b"i"], [call_id])))
    groups.append(draw(header_lines([b"CSeq"], [b"%d" % cseq + draw(GAP) + method])))
    max_forwards = draw(st.integers(0, 255) | st.just(-1))
    if max_forwards >= 0:
        groups.append(draw(header_lines([b"Max-Forwards"], [b"%03d" % max_forwards])))
    for names in ([b"Contact", b"m"], [b"Route"], [b"Record-Route"]):
        values = draw(st.lists(addresses(needs_brackets=names != [b"Contact", b"m"]), max_size=3))
        groups.append(draw(header_lines(names, values)))
    groups.append(draw(header_lines([b"X-Other", b"Subject", b"s"], draw(st.lists(st.sampled_from(
        [b"", b",;,", b'"unbalanced', b"a\r\n b\r\n\tc", b"\xff\xfe"]), max_size=2)))))
    groups.append(draw(header_lines([b"Proxy-Authorization", b"Authorization"], draw(st.sampled_from([[], [
        b'Digest username="a,b", realm="ours", nonce="x"'], [b'Digest realm="other", response="y"']])))))
    groups.append(draw(header_lines([b"Timestamp"], draw(st.sampled_from([[], [b"54.2"]])))))
    body = draw(st.binary(max_size=30))
    if draw(st.booleans()):
        groups.append(draw(header_lines([b"Content-Length", b"l"], [b"%d" % len(body)])))
    merged = merge(draw, groups)
    start = b"%s %s SIP/2.0" % (method, uri) if is_request else b"SIP/2.0 %d Some reason" % draw(st.integers(100, 699))
    octets = b"\r\n".join([start, *merged, b"", body])
    return Sample(octets, method, uri if is_request else b"", branches[0], len(vias), tags[0], tags[1], call_id, cseq,
                  max_forwards, body, is_request)


def merge(draw, groups: list[list[bytes]]) -> list[bytes]:
    """All lines in a drawn order in which those of one group keep theirs."""
    order = draw(st.permutations([index for index, group in enumerate(groups) for _ in group]))
    rests = [iter(group) for group in groups]
    return [next(rests[index]) for index in order]
