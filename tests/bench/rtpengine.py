# SPDX-License-Identifier: Apache-2.0
"""rtpengine in userspace with one thread, told of calls over its control protocol (ng: bencode on UDP)."""

import re
import secrets
import shutil
import socket
import subprocess
import time

CONTROL_PORT = 22230
ANSWER_S = 5.0


def find_rtpengine() -> str | None:
    return shutil.which("rtpengine")


def start_rtpengine(prefix: list[str]) -> subprocess.Popen[bytes]:
    """Answering on its control port when this returns."""
    command = [*prefix, "rtpengine", "--foreground", "--table=-1", "--interface=127.0.0.1", "--num-threads=1",
               f"--listen-ng=127.0.0.1:{CONTROL_PORT}", "--port-min=40000", "--port-max=49999", "--log-level=2",
               "--log-stderr", "--config-file=none"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            ask({"command": "ping"}, 0.1)
        except OSError:
            time.sleep(0.05)
            continue
        return process
    process.terminate()
    raise RuntimeError("rtpengine does not answer")


def open_call(name: str, first_port: int, second_port: int) -> tuple[int, int]:
    """The ports of rtpengine that the first and the second phone send to."""
    offer = ask({"command": "offer", "call-id": name, "from-tag": "a", "ICE": "remove", "sdp": write_sdp(first_port)})
    answer = ask({"command": "answer", "call-id": name, "from-tag": "a", "to-tag": "b", "ICE": "remove",
                  "sdp": write_sdp(second_port)})
    return read_port(answer), read_port(offer)


def write_sdp(port: int) -> str:
    return (f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
            "a=rtpmap:0 PCMU/8000\r\n")


def read_port(answer: bytes) -> int:
    found = re.search(rb"m=audio (\d+)", answer)
    if found is None:
        raise RuntimeError(f"rtpengine says {answer!r}")
    return int(found[1])


def ask(command: dict[str, str], patience_s: float = ANSWER_S) -> bytes:
    """The answer as it came. Raises OSError when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(patience_s)
        asking.connect(("127.0.0.1", CONTROL_PORT))
        cookie = secrets.token_hex(8).encode()      # the same one again would get the same answer again
        content = b"".join(bencode(key) + bencode(command[key]) for key in sorted(command))
        asking.send(cookie + b" d" + content + b"e")
        return asking.recv(65536)


def bencode(text: str) -> bytes:
    octets = text.encode()
    return b"%d:%b" % (len(octets), octets)
