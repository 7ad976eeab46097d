# SPDX-License-Identifier: Apache-2.0
"""A waiting instant message as the console sees it: about it, never what it says."""

from appliance.control.observed import WaitingMessage
from appliance.native.sip_scanner import ScanError, split_address
from appliance.pbx.instant_message.mailbox import WaitingMessage as Waiting


def describe_waiting(waiting: Waiting, now: float, received_at: str) -> WaitingMessage:
    """One message; received_at: RFC 3339."""
    kept = waiting.kept
    return {
        "number": waiting.number,
        "extension": waiting.extension.decode("utf-8", "replace"),
        "sender": _read_uri(kept.sender).decode("utf-8", "replace"),
        "content_type": _read_content_type(kept.lines).decode("utf-8", "replace"),
        "size_octets": kept.size_octets,
        "received_at": received_at,
        "expires_s": max(0, int(waiting.ends_at - now)),
        "attempts": waiting.attempts,
    }


def _read_uri(value: bytes) -> bytes:
    try:
        return split_address(value)[1]
    except ScanError:
        return value


def _read_content_type(lines: bytes) -> bytes:
    """Of the kept header lines; b"" where there is none. The compact form counts (RFC 3261 7.3.3)."""
    for line in lines.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"content-type", b"c"):
            return value.strip()
    return b""
