# SPDX-License-Identifier: Apache-2.0
"""What all usages of one identity share: the stack, the profile, credentials, the dialogs and who uses each.

Several cores (the office's phones, each trunk) may share one stack and one directory of dialogs. User agent, usages
and registrations change it through its methods.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.digest.client import DigestClient
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.alarm import Alarm
from appliance.ua.dialog import Dialog, DialogKey
from appliance.ua.location import Locator, PathHealth, UnwatchedPaths
from appliance.ua.profile import AgentProfile
from appliance.ua.request_draft import RequestDraft

ENDED_KEPT: Final = 256


class DialogUsage(Protocol):
    """Who gets the requests that come inside a dialog."""

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """A request of a method that the usage has claimed, in order; to be answered."""

    def ack_received(self, ack: Message, now: float) -> None:
        """An ACK of a 2xx, however often it comes."""


class DialogEntry:
    """A dialog, whose it is, and its usages by method (RFC 5057: several usages may share one). rest: who gets the
    methods that no usage has claimed, None for nobody; desk: of the REFERs that came in it, None before the first."""

    __slots__ = ("core", "desk", "dialog", "rest", "usages")

    def __init__(self, dialog: Dialog, core: "AgentCore") -> None:
        self.dialog = dialog
        self.core = core
        self.usages: dict[bytes, DialogUsage] = {}
        self.rest: DialogUsage | None = None
        self.desk: DialogUsage | None = None


class DialogDirectory:
    """Every dialog of the cores that share it; of those that have ended the last ones (RFC 3891 3 asks)."""

    __slots__ = ("_ended", "entries")

    def __init__(self) -> None:
        self.entries: dict[DialogKey, DialogEntry] = {}
        self._ended: deque[DialogKey] = deque(maxlen=ENDED_KEPT)

    def __len__(self) -> int:
        return len(self.entries)

    def join(self, dialog: Dialog, core: "AgentCore", usage: DialogUsage, methods: Sequence[bytes]) -> DialogEntry:
        """From now on `usage` gets these methods inside `dialog`, which is one of `core`."""
        entry = self.entries.get(dialog.key)
        if entry is None:
            entry = self.entries[dialog.key] = DialogEntry(dialog, core)
        entry.usages.update(dict.fromkeys(methods, usage))
        return entry

    def leave(self, dialog: Dialog, usage: DialogUsage) -> None:
        """A usage is over; with the last one the dialog is (RFC 5057 4.1)."""
        entry = self.entries.get(dialog.key)
        if entry is None:
            return
        others = set(entry.usages.values())
        others.discard(usage)       # mostly it was the only one
        entry.usages = {method: other for method, other in entry.usages.items() if other in others} if others else {}
        if entry.rest is usage:
            entry.rest = None
        if not entry.usages:
            del self.entries[dialog.key]
            self._ended.append(dialog.key)
            dialog.terminate()

    def has_ended(self, key: DialogKey) -> bool:
        """Whether this was a dialog until just now."""
        return key in self._ended

    def find(self, request: Message) -> DialogEntry | None:
        """The dialog of a request that has come (12.2.2)."""
        return self.entries.get((request.call_id, request.to_tag, request.from_tag))


class AgentCore:
    """locate: finds servers; random_octets: n -> n octets nobody can guess; dialogs: shared with other cores of the
    same stack, None for a directory of its own; methods: what Allow says (20.5); health: hears which servers answer;
    serves_phones: who calls is a phone of ours, reached where it was last heard (Dialog.is_on_flow)."""

    __slots__ = ("_random_octets", "dialogs", "digest", "health", "locate", "methods", "profile", "serves_phones",
                 "stack")

    def __init__(self, stack: SipStack, profile: AgentProfile, digest: DigestClient, locate: Locator,
                 random_octets: Callable[[int], bytes], dialogs: DialogDirectory | None = None) -> None:
        self.stack = stack
        self.profile = profile
        self.digest = digest
        self.locate = locate
        self._random_octets = random_octets
        self.dialogs = DialogDirectory() if dialogs is None else dialogs
        self.health: PathHealth = UnwatchedPaths()
        self.serves_phones = False
        self.methods: list[bytes] = [b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"PRACK", b"UPDATE"]

    # dialogs

    def join_dialog(self, dialog: Dialog, usage: DialogUsage, methods: Sequence[bytes]) -> DialogEntry:
        """From now on `usage` gets these methods inside `dialog`."""
        return self.dialogs.join(dialog, self, usage, methods)

    def leave_dialog(self, dialog: Dialog, usage: DialogUsage) -> None:
        """A usage is over."""
        self.dialogs.leave(dialog, usage)

    # requests

    def draft_request(self, method: bytes, uri: bytes, local: bytes = b"") -> RequestDraft:
        """A request outside every dialog (8.1.1), by the profile's outbound proxies. local: From with its tag where it
        is not the profile's."""
        profile = self.profile
        local = local or profile.from_value(self.stack.new_tag())
        draft = RequestDraft(method, uri, local, b"<%s>" % uri, self.new_call_id())
        if profile.routes:
            draft.set_routes(profile.routes)
        draft.supported = profile.supported
        if profile.product:
            draft.lines = b"User-Agent: %s\r\n" % profile.product
        return draft

    # chance

    def new_call_id(self) -> bytes:
        """8.1.1.4: 128 bits that nobody can guess, of the stack's keyed hash; says nothing about the host."""
        return self.stack.new_tag() + self.stack.new_tag()

    def random_fraction(self) -> float:
        """From 0 up to but not 1."""
        return int.from_bytes(self._random_octets(4), "big") / 4294967296.0

    # wire

    def via(self, flow: Flow, branch: bytes) -> bytes:
        """Our Via line (8.1.1.7) with rport (RFC 3581 3)."""
        return b"%s%s;rport\r\n" % (flow.listener.via_prefix, branch)

    def alarm(self) -> Alarm:
        """A deadline on the stack's timer."""
        return Alarm(self.stack.timers)

    @property
    def allow_line(self) -> bytes:
        """20.5"""
        return _write_list(b"Allow", tuple(self.methods))

    @property
    def supported_line(self) -> bytes:
        """20.37; nothing where we know no extension."""
        supported = self.profile.supported
        return _write_list(b"Supported", supported) if supported else b""


@lru_cache(maxsize=64)      # of a core they are the same in every message
def _write_list(name: bytes, words: tuple[bytes, ...]) -> bytes:
    return b"%s: %s\r\n" % (name, b", ".join(words))
