# SPDX-License-Identifier: Apache-2.0
"""Finds the call that a Replaces names (RFC 3891 3) among the dialogs of our cores. It changes nothing."""

from appliance.ua.agent_core import DialogDirectory
from appliance.ua.dialog import DialogKey, DialogState
from appliance.ua.early_dialog import EarlyDialog
from appliance.ua.farewell import Farewell
from appliance.ua.invite_usage import InviteUsage
from appliance.ua.replaces import Replaced, Replaces, decide_replacement


def find_replaced(replaces: Replaces, dialogs: DialogDirectory) -> InviteUsage | int:
    """The call whose dialog may be replaced, or the status that the INVITE deserves. Whether its sender may do so is
    for the element to say: who is authenticated as the one replaced, or comes with his Referred-By, may."""
    usage, found = _find(replaces, dialogs)
    return decide_replacement(replaces, found) or usage or 481


def find_named(replaces: Replaces, dialogs: DialogDirectory) -> InviteUsage | None:
    """The call whose dialog a Replaces in a Refer-To names, in whatever state (RFC 5589 7): it is one of whoever
    refers, and rings or stands."""
    usage, _found = _find(replaces, dialogs)
    return usage if usage is not None and not usage.is_over else None


def _find(replaces: Replaces, dialogs: DialogDirectory) -> tuple[InviteUsage | None, Replaced | None]:
    usage: InviteUsage | None = None
    found: Replaced | None = None
    for key in _write_keys(replaces):
        if dialogs.has_ended(key):
            found = Replaced(is_call=True, was_initiated=False, is_confirmed=True, has_ended=True)
        entry = dialogs.entries.get(key)
        if entry is None:
            continue
        owner = entry.usages.get(b"BYE")
        has_ended = isinstance(owner, Farewell) or (isinstance(owner, EarlyDialog) and owner.is_over)
        call = owner.call if isinstance(owner, EarlyDialog) else owner
        usage = call if isinstance(call, InviteUsage) else None
        found = Replaced(
            is_call=owner is not None, was_initiated=usage is not None and usage.owns_call_id,
            is_confirmed=entry.dialog.state is not DialogState.EARLY,
            has_ended=has_ended or (usage is not None and usage.is_over))
        break
    return usage, found


def _write_keys(replaces: Replaces) -> list[DialogKey]:
    """The dialog IDs that it may mean, as we know them: 6.1: a tag of zero is also that of a peer without tags."""
    ours, theirs = replaces.to_tag, replaces.from_tag
    keys = [(replaces.call_id, ours, theirs)]
    if theirs == b"0":
        keys.append((replaces.call_id, ours, b""))
    return keys
