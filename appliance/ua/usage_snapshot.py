# SPDX-License-Identifier: Apache-2.0
"""A call that stands, as plain values for a journal, and the call made of them again after a restart: its dialog and
both sessions, its session timer (RFC 4028). Nothing is sent: the other side does not notice (RFC 3261 12).

Values are JSON's: octets become text, one character each (latin-1).
"""

from collections.abc import Callable
from typing import Any, Final

from appliance.errors import MachineError
from appliance.sip.flow import Flow
from appliance.ua.agent_core import AgentCore
from appliance.ua.call_events import CallEvents
from appliance.ua.dialog import Dialog, FlowKey
from appliance.ua.invite_usage import CONFIRMED, InviteUsage
from appliance.ua.session_timer import SessionTimer

CSEQ_AHEAD: Final = 1000
"""Requests that may leave between a snapshot and a crash; numbers that nobody has used do no harm (12.2.1.1)."""
FlowFinder = Callable[[FlowKey], Flow | None]
"""The flow of a key: over UDP to the same address again; None for a connection, which is gone."""
Snapshot = dict[str, Any]


def take_snapshot(call: InviteUsage) -> Snapshot | None:
    """None for a call that does not stand (yet, or any more): peers give those up by themselves."""
    if call.state is not CONFIRMED:
        return None
    dialog, timer = call.dialog, call.timer
    flow = dialog.flow
    return {
        "call_id": _write(dialog.call_id), "local": _write(dialog.local), "remote": _write(dialog.remote),
        "remote_target": _write(dialog.remote_target), "route_set": [_write(route) for route in dialog.route_set],
        "local_cseq": dialog.local_cseq, "remote_cseq": dialog.remote_cseq, "state": int(dialog.state),
        "is_secure": dialog.is_secure, "is_on_flow": dialog.is_on_flow,
        "flow": None if flow is None else _write_flow(flow.key),
        "local_session": _write(call.exchange.local), "remote_session": _write(call.exchange.remote),
        "owns_call_id": call.owns_call_id,
        "peer_methods": [_write(method) for method in sorted(call.peer_methods)],
        "interval_s": timer.seconds if timer is not None else 0,
        "is_refresher": timer is not None and timer.is_refresher,
    }


def restore_call(core: AgentCore, saved: Snapshot, events: CallEvents, find_flow: FlowFinder,
                 now: float) -> InviteUsage:
    """The call, confirmed, in its dialog; `events` hears of what happens from now on. MachineError: what was kept
    cannot be read."""
    try:
        dialog = _read_dialog(saved, find_flow)
        call = InviteUsage(core, dialog, events, CONFIRMED)
        call.owns_call_id = bool(saved["owns_call_id"])
        call.exchange.local = _read(saved["local_session"])
        call.exchange.remote = _read(saved["remote_session"])
        call.restore_peer_methods(frozenset(_read(method) for method in saved["peer_methods"]))
        interval_s, is_refresher = int(saved["interval_s"]), bool(saved["is_refresher"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MachineError("reading a call that was kept") from error
    call.join()
    if interval_s > 0:
        timer = call.timer = SessionTimer(core, call)
        # when it was refreshed last nobody knows any more: ours comes early, theirs may come late
        timer.start(interval_s, is_refresher, now - interval_s / 4 if is_refresher else now)
    return call


def _read_dialog(saved: Snapshot, find_flow: FlowFinder) -> Dialog:
    key = None if saved["flow"] is None else _read_flow(saved["flow"])
    return Dialog.restore({
        "state": int(saved["state"]), "call_id": _read(saved["call_id"]), "local": _read(saved["local"]),
        "remote": _read(saved["remote"]), "remote_target": _read(saved["remote_target"]),
        "route_set": [_read(route) for route in saved["route_set"]],
        "local_cseq": int(saved["local_cseq"]) + CSEQ_AHEAD, "remote_cseq": int(saved["remote_cseq"]),
        "is_secure": bool(saved["is_secure"]), "is_on_flow": bool(saved["is_on_flow"]), "flow": key,
    }, None if key is None else find_flow(key))


def _write(octets: bytes) -> str:
    return octets.decode("latin-1")


def _read(text: str) -> bytes:
    return text.encode("latin-1")


def _write_flow(key: FlowKey) -> list[Any]:
    name, transport, host, port = key
    return [name, _write(transport), _write(host), port]


def _read_flow(written: list[Any]) -> FlowKey:
    name, transport, host, port = written
    return str(name), _read(transport), _read(host), int(port)
