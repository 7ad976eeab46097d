# SPDX-License-Identifier: Apache-2.0
"""SIPp as the load: a closed or open loop of one of our scenarios, and what it counted."""

import csv
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

SCENARIOS = Path(__file__).parent / "scenarios"
LOAD_CPU = "1"
IN_FLIGHT = 30
NO_RATE_LIMIT = 20_000
PHONES = "127.0.0.1"          # where registered phones answer
PHONE_PORT = 5090
CARRIER_PORT = 5092           # where a carrier does
CODES = "*_error_codes.csv"   # as SIPp names them
TRUSTED = "127.0.0.3"         # calls from here are not challenged


class Outcome(NamedTuple):
    """What one SIPp run counted against a target; causes: SIPp's own names of the failures, with their numbers;
    refused: how many of the failed were answered with 503 (RFC 3261 21.5.4) instead of getting lost."""

    succeeded: int
    failed: int
    retransmissions: int
    elapsed_s: float
    causes: str = ""
    target: str = ""
    refused: int = 0


class Load(NamedTuple):
    """One SIPp client run: scenario, injection file, where to send from, how many, calls a second (0: closed loop)."""

    scenario: str
    users: Path
    source: str
    port: int
    count: int
    rate: int = 0
    in_flight: int = IN_FLIGHT


def run_load(load: Load, target: str, folder: Path) -> Outcome:
    """Run SIPp to its end, pinned to the second processor."""
    counted = folder / "sipp.csv"
    counted.unlink(missing_ok=True)
    for codes in folder.glob(CODES):
        codes.unlink()
    command = ["taskset", "-c", LOAD_CPU, "sipp", target, "-sf", str(SCENARIOS / f"{load.scenario}.xml"),
               "-inf", str(load.users), "-i", load.source, "-p", str(load.port), "-m", str(load.count),
               "-l", str(load.in_flight), "-r", str(load.rate or NO_RATE_LIMIT), "-nostdin", "-buff_size", "4000000",
               "-trace_stat", "-stf", str(counted), "-fd", "5", "-timeout", "900", "-timeout_error",
               "-trace_error_codes"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    with counted.open(newline="") as lines:
        last = list(csv.DictReader(lines, delimiter=";"))[-1]
    return Outcome(int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), int(last["Retransmissions(C)"]),
                   _seconds(last["CurrentTime"]) - _seconds(last["StartTime"]), _read_causes(last),
                   target, sum(count_codes(codes.read_text(), "503") for codes in folder.glob(CODES)))


def count_codes(table: str, code: str) -> int:
    """How often a response with this code was unexpected, of SIPp's table: a line each few seconds, codes last."""
    return sum(line.rpartition(";")[2].split(",").count(code) for line in table.splitlines())


def _read_causes(last: dict[str, str]) -> str:
    names = [name for name in last if name and name.startswith("Failed") and name.endswith("(C)")]
    return " ".join(f"{name}={last[name]}" for name in names if name != "FailedCall(C)" and last[name] != "0")


def _seconds(text: str) -> float:
    """Of a date, a time and the same as seconds, separated by tabs and blanks."""
    return float(text.split()[-1])


Measurement = tuple[float, Outcome]


def run_rounds(rounds: int, loads: list[Callable[[], Measurement]]) -> Iterator[list[Measurement]]:
    """Rounds in which every load runs once, one after the other. A round with a failure or a repeated message measures
    a neighbour of ours or a fault: it is told, and made up for at most as often as there are rounds."""
    spare = rounds
    while rounds:
        measured = [load() for load in loads]
        spoilt = [outcome for _, outcome in measured if outcome.failed or outcome.retransmissions]
        if spoilt:
            print(f"spoilt round: {spoilt}", file=sys.stderr)
        if spoilt and spare:
            spare -= 1
            continue
        rounds -= 1
        yield measured


class Phones(AbstractContextManager["Phones"]):
    """The side that answers: every registered phone at one address, or a carrier."""

    def __init__(self, folder: Path, port: int = PHONE_PORT) -> None:
        self._process = subprocess.Popen(
            ["taskset", "-c", LOAD_CPU, "sipp", "-sf", str(SCENARIOS / "callee.xml"), "-i", PHONES,
             "-p", str(port), "-nostdin", "-buff_size", "4000000"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def write_users(path: Path, count: int, domain: str) -> Path:
    """Injection file of register.xml: user, credentials, contact, domain."""
    contact = f"{PHONES}:{PHONE_PORT}"
    lines = [f"u{number:05};[authentication username=u{number:05} password=pw{number:05}];{contact};{domain}"
             for number in range(count)]
    path.write_text("\n".join(["SEQUENTIAL", *lines, ""]))
    return path


def write_outside(path: Path, count: int, domain: str) -> Path:
    """Injection file of caller.xml: caller, a number outside, domain."""
    lines = [f"u{number:05};03{number:08};{domain}" for number in range(count)]
    path.write_text("\n".join(["SEQUENTIAL", *lines, ""]))
    return path


def write_pairs(path: Path, count: int, domain: str) -> Path:
    """Injection file of caller.xml: caller, callee, domain."""
    lines = [f"u{number:05};u{(number + count // 2) % count:05};{domain}" for number in range(count)]
    path.write_text("\n".join(["SEQUENTIAL", *lines, ""]))
    return path
