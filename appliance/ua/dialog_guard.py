# SPDX-License-Identifier: Apache-2.0
"""From where requests inside a dialog are believed: its identifiers alone are no secret where a dialog package (RFC
4235) or a proxy on the way has told them to others. No state of its own.
"""

from typing import Protocol

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, split_address
from appliance.sip.flow import Flow
from appliance.sip.uri import SipUri
from appliance.ua.agent_core import DialogEntry
from appliance.ua.dialog import Dialog
from appliance.ua.inspection import Refusal


class DialogGuard(Protocol):
    """Judges what comes from another host than the one where the dialog's peer was last heard."""

    def may_speak(self, entry: DialogEntry, flow: Flow) -> bool:
        """Whether this source needs no further proof to speak in this dialog."""

    def challenge(self, entry: DialogEntry, message: Message, flow: Flow, now: float) -> Refusal | None:
        """What to answer where it does; None where the request proves whose it is (RFC 3261 22)."""


class OpenDialogs:
    """For whoever tells nobody the identifiers of its dialogs: who knows them is the peer (RFC 3261 19.3)."""

    __slots__ = ()

    def may_speak(self, entry: DialogEntry, flow: Flow) -> bool:
        """DialogGuard."""
        return True

    def challenge(self, entry: DialogEntry, message: Message, flow: Flow, now: float) -> Refusal | None:
        """DialogGuard."""
        return None


def is_where_heard(dialog: Dialog, flow: Flow) -> bool:
    """Whether it comes from the host of the dialog's flow, on the same side; from whatever port: a phone's connection
    may be another one by now."""
    known = dialog.flow
    return known is flow or (
        known is not None and known.host == flow.host and known.listener.side is flow.listener.side)


def is_on_way(dialog: Dialog, flow: Flow) -> bool:
    """Whether it comes from a host that the dialog itself names: in its remote target or its route set. Hosts that
    stand there by name are believed by the listener alone: what they mean would have to be looked up."""
    known = dialog.flow
    is_near = known is None or known.listener.name == flow.listener.name
    for uri in (dialog.remote_target, *[split_address(route)[1] for route in dialog.route_set]):
        try:
            host = SipUri.parse(uri).host
        except PeerError:
            continue
        if host.strip(b"[]") == flow.host or (is_near and is_name(host)):
            return True
    return False


def is_name(host: bytes) -> bool:
    """Whether this is no IP address (25.1: the last label of a hostname begins with a letter)."""
    return b":" not in host and host.rstrip(b".").rpartition(b".")[2][:1].isalpha()
