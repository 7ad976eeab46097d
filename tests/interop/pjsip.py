# SPDX-License-Identifier: Apache-2.0
"""A real telephone of another make: PJSIP, driven over a pipe by tests.interop.pjsip_worker, one process a phone.

It does what baresip 1.0 does not: attended transfer, PUBLISH, presence with activities, MESSAGE in any script.
"""

import importlib.util
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.interop.network import PATIENCE_S, LoopbackNetwork, wait_until

WORKER = Path(__file__).with_name("pjsip_worker.py")
WAV_HEADER_OCTETS = 44
ACTIVE, LOCAL_HOLD, REMOTE_HOLD = 1, 2, 3                          # pjsua_call_media_status
ONLINE, OFFLINE = 1, 2                                             # pjsua_buddy_status


def require_pjsip() -> None:
    """Skip where there is no build of it for this Python and machine."""
    if importlib.util.find_spec("pjsua2") is None:
        pytest.skip("pjsip is not installed")


class Pjsip:
    """One phone; a context manager that starts its process and ends it (deregistered) or kills it."""

    def __init__(self, network: LoopbackNetwork, folder: Path, account: dict[str, str], voice: Path,
                 **switches: bool) -> None:
        """account: user, secret, server, domain, transport. switches: has_presence, has_mailbox,
        is_reachable (its Contact over TCP is not its end of the connection, but where it listens)."""
        folder.mkdir(parents=True, exist_ok=True)
        self.user, self.folder, self.log = account["user"], folder, folder / "log"
        self.wanted = {**account, **switches, "host": network.new_host(), "sip_port": network.port(),
                       "rtp_port": network.port(), "voice": str(voice), "folder": str(folder)}
        self.events: list[dict[str, object]] = []
        self._buffer = b""

    def __enter__(self) -> "Pjsip":
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-I", WORKER, json.dumps(self.wanted)], stderr=log,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        try:
            self.wait("ready")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            try:
                self._send({"command": "quit"})
                self.process.wait(8)
            except (OSError, subprocess.TimeoutExpired):
                self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()

    def kill(self) -> None:
        """The power fails: no BYE, no deregistration."""
        self.process.kill()
        self.process.wait(5)

    def _send(self, order: dict[str, object]) -> None:
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def _read(self, timeout_s: float) -> None:
        if not select.select([self.process.stdout], [], [], max(timeout_s, 0))[0]:
            return
        octets = os.read(self.process.stdout.fileno(), 65536)
        assert octets, f"the phone of {self.user} has gone:\n{self.read_log()[-3000:]}"
        *lines, self._buffer = (self._buffer + octets).split(b"\n")
        self.events += [json.loads(line) for line in lines]

    def read_log(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, event: str, timeout_s: float = PATIENCE_S, **wanted: object) -> dict[str, object]:
        """The next event of that name whose fields are as wanted; those before it that are not remain."""
        end = time.monotonic() + timeout_s
        while True:
            for place, seen in enumerate(self.events):
                if seen["event"] == event and all(seen.get(name) == value for name, value in wanted.items()):
                    return self.events.pop(place)
            assert time.monotonic() < end, f"{self.user}: no {event} {wanted}; seen {self.events[-12:]}; see {self.log}"
            self._read(min(0.5, end - time.monotonic()))

    def forget(self) -> None:
        """Let go of the events so far: what is waited for next is new."""
        self._read(0)
        self.events.clear()

    def _order(self, command: str, **arguments: object) -> object:
        self._send({"command": command, **arguments})
        return self.wait("done", command=command)["value"]

    # the telephone
    def wait_registered(self) -> None:
        self.wait("registration", code=200)

    def dial(self, number: str) -> int:
        """The number of the call at this phone."""
        return self._order("dial", number=number)

    def wait_incoming(self) -> int:
        return self.wait("incoming")["call"]

    def wait_confirmed(self, call: int) -> None:
        self.wait("call", call=call, state="CONFIRMED")

    def wait_ended(self, call: int) -> None:
        self.wait("call", call=call, state="DISCONNECTED")

    def answer(self, call: int) -> None:
        self._order("answer", call=call)

    def hang_up(self, call: int) -> None:
        self._order("hang_up", call=call)

    def hold(self, call: int) -> None:
        self._order("hold", call=call)

    def resume(self, call: int) -> None:
        self._order("resume", call=call)

    def transfer(self, call: int, number: str) -> None:
        """Blind: REFER (RFC 3515)."""
        self._order("transfer", call=call, number=number)

    def transfer_to_call(self, call: int, other: int) -> None:
        """Attended: REFER with Replaces (RFC 3891, RFC 5589)."""
        self._order("transfer_to_call", call=call, other=other)

    def watch(self, number: str) -> None:
        self._order("watch", number=number)

    def set_presence(self, activity: str = "", note: str = "") -> None:
        self._order("set_presence", activity=activity, note=note)

    def write(self, number: str, text: str) -> None:
        self._order("write", number=number, text=text)

    def heard(self) -> list[Path]:
        """Recordings, one for each time that the voice of a peer began; of calls that have ended or are on hold."""
        files = sorted(self.folder.glob("heard-*.wav"), key=lambda file: int(file.stem.partition("-")[2]))
        for file in files:
            wait_until(lambda file=file: is_whole(file), PATIENCE_S, f"the end of the recording {file}")
        return files


def is_whole(recording: Path) -> bool:
    """Whether its length has been written, which the library does a moment after the call has ended."""
    octets = recording.read_bytes()
    return len(octets) >= WAV_HEADER_OCTETS and int.from_bytes(octets[4:8], "little") == len(octets) - 8
