# SPDX-License-Identifier: Apache-2.0
"""Where journal lines go: JSON on standard error, or the native protocol of systemd's journal.

A sink never raises: a journal that cannot be written must not stop a telephone.
"""

import json
import os
import socket
import stat
import struct
from typing import Protocol

from appliance.system.clock import render_wall

SYSTEMD_SOCKET = "/run/systemd/journal/socket"
VALUE_LIMIT = 1024          # characters of one value
WARNING, INFORMATIONAL = 4, 6       # syslog(3)
GRAVE_ENDINGS = ("_failed", "_refused", "_raised", "_lost", "_suppressed", "_dropped")

Line = tuple[float, str, dict[str, object]]
"""Seconds since 1970, event, values."""


class JournalSink(Protocol):
    """Takes lines and never raises."""

    def write(self, lines: list[Line]) -> None:
        """Write them all, or lose them."""


class JsonSink:
    """One JSON object a line: time, event, then the values. What a full pipe does not take is lost by whole lines."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""        # of a line that went out in part

    def write(self, lines: list[Line]) -> None:
        """Format and write in one go."""
        text = "".join(render_json(at, event, values) + "\n" for at, event, values in lines)
        octets = self._rest + text.encode("utf-8", "backslashreplace")
        written = 0
        try:
            while written < len(octets):
                written += os.write(self._descriptor, octets[written:])
        except OSError:             # a reader that is slow, or gone
            pass
        is_between_lines = (written == 0 and not self._rest) or octets[written - 1:written] == b"\n"
        self._rest = b"" if is_between_lines else octets[written:octets.index(b"\n", written) + 1]


class SystemdSink:
    """Datagrams to systemd's journal: MESSAGE is the event with its values, each value a field of its own."""

    def __init__(self, address: str = SYSTEMD_SOCKET) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    def close(self) -> None:
        """Nothing can be written after this."""
        self._socket.close()

    def write(self, lines: list[Line]) -> None:
        """One datagram a line."""
        for _, event, values in lines:
            try:
                self._socket.sendto(render_fields(event, values), self._address)
            except OSError:     # journald is restarting or overrun
                pass


def open_sink() -> JournalSink:
    """systemd's journal where $JOURNAL_STREAM says that standard error is connected to it, else JSON lines."""
    if is_journal_stream(os.environ.get("JOURNAL_STREAM", "")) and os.path.exists(SYSTEMD_SOCKET):
        return SystemdSink()
    return JsonSink(open_error_stream())


def open_error_stream() -> int:
    """Standard error; a pipe by a description of our own that does not block, so that its other writers still may."""
    try:
        if stat.S_ISFIFO(os.fstat(2).st_mode):
            return os.open("/proc/self/fd/2", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:         # closed, or no /proc: then it may block
        pass
    return 2


def is_journal_stream(value: str) -> bool:
    """Whether standard error is the file that $JOURNAL_STREAM names as device:inode (systemd.exec(5))."""
    try:
        found = os.fstat(2)
    except OSError:
        return False
    return value == f"{found.st_dev}:{found.st_ino}"


def render_json(at: float, event: str, values: dict[str, object]) -> str:
    """One line without its end."""
    line = {"time": render_wall(at), "event": event, **{name: plain_value(value) for name, value in values.items()}}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def render_fields(event: str, values: dict[str, object]) -> bytes:
    """The fields of one datagram, in the form that allows line ends in a value."""
    plain = {name: plain_value(value) for name, value in values.items()}
    message = " ".join([event, *(f"{name}={value}" for name, value in plain.items())])
    priority = WARNING if event.endswith(GRAVE_ENDINGS) else INFORMATIONAL
    fields = {"MESSAGE": message, "PRIORITY": str(priority), "SYSLOG_IDENTIFIER": "denwaban", "DENWABAN_EVENT": event}
    fields.update({f"DENWABAN_{name.upper()}": str(value) for name, value in plain.items()})
    return b"".join(render_field(name, value.encode("utf-8", "backslashreplace")) for name, value in fields.items())


def render_field(name: str, value: bytes) -> bytes:
    """Name, line end, 64-bit size, value, line end."""
    return b"%s\n%s%s\n" % (name.encode("ascii"), struct.pack("<Q", len(value)), value)


def plain_value(value: object) -> str | int | float | bool | None:
    """What JSON can carry: octets as text with what is no UTF-8 escaped, everything else as its text; shortened."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 6) if value - value == 0.0 else str(value)      # JSON knows no infinity
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= VALUE_LIMIT else text[:VALUE_LIMIT] + "…"
