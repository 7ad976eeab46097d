# SPDX-License-Identifier: Apache-2.0
"""A 1-kB INVITE: scanned and its hot values read from Python, beside sofia-sip's full parse in C."""

import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from appliance.native.sip_scanner import Message
from tests.bench.figures import Figure, Report, median, paired, spread
from tests.bench.scale import Scale

HERE = Path(__file__).parent
INVITE = HERE / "invite.sip"
ROUNDS = 7
GOAL_OF_SOFIA = 0.63  # pjsip's full parse needs 0.63 of sofia-sip's time


def build_sofia(folder: Path) -> Path:
    """Compile the C driver; its path."""
    flags = shlex.split(subprocess.run(["pkg-config", "--cflags", "--libs", "sofia-sip-ua"], capture_output=True,
                                       text=True, check=True).stdout)
    program = folder / "sofia_parser"
    subprocess.run(["gcc", "-O2", "-o", str(program), str(HERE / "sofia_parser.c"), *flags], check=True)
    return program


def read_hot_values(data: bytes) -> tuple[object, ...]:
    """What a registrar or proxy reads from every request."""
    message = Message(data, b"192.0.2.42", 5060)
    return (message.server_key, message.uri, message.branch, message.sent_by, message.from_value, message.from_tag,
            message.to_value, message.cseq, message.method, message.call_id, message.contact, message.max_forwards)


def scan_alone(data: bytes) -> Message:
    return Message(data, b"192.0.2.42", 5060)


def processor_us(function: Callable[[bytes], object], data: bytes, count: int) -> float:
    """Microseconds of processor time per call, the loop included."""
    begun = time.process_time_ns()
    for _ in range(count):
        function(data)
    return (time.process_time_ns() - begun) / count / 1000


def measure_parser(report: Report, scale: Scale, folder: Path) -> None:
    sofia = ["taskset", "-c", "0", str(build_sofia(folder)), str(INVITE), str(scale.parses)]
    data = INVITE.read_bytes()
    ours, scans, theirs = [], [], []
    for _ in range(ROUNDS):
        theirs.append(float(subprocess.run(sofia, capture_output=True, text=True, check=True).stdout))
        ours.append(processor_us(read_hot_values, data, scale.parses))
        scans.append(processor_us(scan_alone, data, scale.parses))
    report.add(Figure(f"INVITE of {len(data)} octets: scan + 12 values", "us", median(ours), spread(ours), "sofia-sip",
                      median(theirs), judged="ratio", limit=1.0, goal=GOAL_OF_SOFIA,
                      paired_ratio=paired(ours, theirs)))
    report.add(Figure("the same, scan and validation alone", "us", median(scans), spread(scans), "sofia-sip",
                      median(theirs)))
