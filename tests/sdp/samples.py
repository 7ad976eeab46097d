# SPDX-License-Identifier: Apache-2.0
"""Session descriptions to test with: those of tests/vectors, those of the RFCs' messages, and made ones."""

from pathlib import Path

from hypothesis import strategies as st

VECTORS = Path(__file__).parents[1] / "vectors"
SAMPLES = {path.stem: path.read_bytes() for path in sorted((VECTORS / "sdp").glob("*.sdp"))}
TORTURE = {path.stem: path.read_bytes().partition(b"\r\n\r\n")[2]
           for folder in ("rfc4475", "rfc5118") for path in sorted((VECTORS / folder).glob("*.dat"))
           if b"\r\nv=0\r\n" in path.read_bytes() and path.stem != "dblreq"}    # its session lies beyond its end


def crlf(text: str) -> bytes:
    """Octets of an indented text, each line with CRLF."""
    return b"".join(line.strip().encode() + b"\r\n" for line in text.strip().splitlines())


def audio(lines: str = "", port: int = 49170, formats: str = "0", address: str = "192.0.2.11") -> bytes:
    """A description with one audio stream and these lines below it."""
    return crlf(f"v=0\no=- 1 1 IN IP4 {address}\ns=-\nc=IN IP4 {address}\nt=0 0\n"
                f"m=audio {port} RTP/AVP {formats}\n{lines}")


WORDS = st.text(alphabet="abcXYZ019-._", min_size=1, max_size=8)
PORTS = st.integers(0, 65535)
ADDRESSES = st.one_of(st.ip_addresses(v=4).map(lambda address: f"IP4 {address}"),
                      st.ip_addresses(v=6).map(lambda address: f"IP6 {address}"))
ATTRIBUTES = st.one_of(
    st.sampled_from(["a=sendonly", "a=recvonly", "a=inactive", "a=sendrecv", "a=rtcp-mux", "a=ptime:20", "a=mid:1",
                     "a=candidate:1 1 UDP 1 192.0.2.9 9 typ host", "a=ice-ufrag:abcd", "b=AS:64", "a=setup:actpass",
                     "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"]),
    st.builds("a={}:{}".format, WORDS, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)),
    st.builds("a=rtcp:{} IN {}".format, PORTS, ADDRESSES))


@st.composite
def descriptions(draw, most_media: int = 4) -> bytes:
    """Sound descriptions, with an address for every stream."""
    lines = ["v=0", f"o={draw(WORDS)} 1 1 IN {draw(ADDRESSES)}", "s=" + draw(WORDS), f"c=IN {draw(ADDRESSES)}", "t=0 0"]
    lines += draw(st.lists(ATTRIBUTES, max_size=3))
    for _ in range(draw(st.integers(0, most_media))):
        kind = draw(st.sampled_from(["audio", "video", "image", "application"]))
        formats = draw(st.lists(st.integers(0, 127).map(str), min_size=1, max_size=5))
        lines.append(f"m={kind} {draw(PORTS)} RTP/AVP {' '.join(formats)}")
        if draw(st.booleans()):
            lines.append(f"c=IN {draw(ADDRESSES)}")
        lines += draw(st.lists(ATTRIBUTES, max_size=5))
    return "".join(line + "\r\n" for line in lines).encode()
