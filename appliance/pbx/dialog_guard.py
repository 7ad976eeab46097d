# SPDX-License-Identifier: Apache-2.0
"""Who may speak inside the dialogs of calls: the office tells everybody the identifiers of its phones' dialogs (RFC
4235), so that knowing them proves nothing. Satisfies ua.dialog_guard.DialogGuard; no state of its own.
"""

from appliance.call.leg import Leg
from appliance.native.sip_scanner import Message
from appliance.pbx.authentication import Authentication, Challenge
from appliance.pbx.location import Location
from appliance.sip.flow import Flow
from appliance.ua.agent_core import DialogEntry
from appliance.ua.dialog_guard import is_on_way
from appliance.ua.early_dialog import EarlyDialog
from appliance.ua.inspection import Refusal
from appliance.ua.invite_usage import InviteUsage


class OfficeDialogGuard:
    """A phone that has moved is known by its registration, or by its digest as in its first INVITE (22.3); a carrier or
    another domain by its servers and by what its dialog names."""

    __slots__ = ("_authentication", "_location")

    def __init__(self, authentication: Authentication, location: Location) -> None:
        self._authentication = authentication
        self._location = location

    def may_speak(self, entry: DialogEntry, flow: Flow) -> bool:
        """DialogGuard."""
        if self._authentication.is_trusted(flow):
            return True
        extension = read_owner(entry)
        if not extension:
            return entry.core.health.has_server(flow) or is_on_way(entry.dialog, flow)
        return any(binding.flow.host == flow.host for binding in self._location.bindings_of(extension))

    def challenge(self, entry: DialogEntry, message: Message, flow: Flow, now: float) -> Refusal | None:
        """DialogGuard."""
        extension = read_owner(entry)
        if not extension:
            return Refusal(403)
        verdict = self._authentication.judge(message, flow, now, True)
        if isinstance(verdict, Challenge):
            return Refusal(verdict.status, verdict.lines)
        return None if verdict.extension == extension else Refusal(403)     # 22.4


def read_owner(entry: DialogEntry) -> bytes:
    """The extension of ours whose dialog this is, b"" for everybody else's."""
    usage: object = entry.usages.get(b"BYE")
    if isinstance(usage, EarlyDialog):
        usage = usage.call
    leg = usage.events if isinstance(usage, InviteUsage) else None
    return leg.extension if isinstance(leg, Leg) else b""
