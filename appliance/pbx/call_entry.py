# SPDX-License-Identifier: Apache-2.0
"""Where calls of the office enter the call engine: who calls, with whose rights, in what name (RFC 3261 22.4, 3325)."""

from typing import Final, Protocol

from appliance.call.engine import CallEngine
from appliance.call.line import Dial
from appliance.call.party import Party
from appliance.native.sip_scanner import Message, ScanError, split_address
from appliance.pbx.account import Account
from appliance.pbx.office_line import OfficeLine
from appliance.pbx.request_checks import read_extension
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack
from appliance.ua.call_taking import open_call
from appliance.ua.dialog_server import DialogServer

PRIVATE: Final = frozenset({b"id", b"user", b"header", b"session"})


class OutsideCalls(Protocol):
    """Who takes INVITEs that are not of the office's people: the gateway."""

    def take(self, message: Message, flow: Flow, now: float) -> bool:
        """Whether it was theirs; then it is served."""

    def is_emergency(self, request: Message) -> bool:
        """Whether an INVITE is a call for help, which nothing may stand in the way of."""

    def has_host(self, host: bytes) -> bool:
        """Whether this name or address is a trunk's: nothing gets there but by that trunk."""

    def has_uri(self, uri: bytes) -> bool:
        """Whether this SIP URI leads to such a host."""


class NoOutside:
    """An office without trunks."""

    __slots__ = ()

    def take(self, message: Message, flow: Flow, now: float) -> bool:
        """OutsideCalls."""
        return False

    def is_emergency(self, request: Message) -> bool:
        """OutsideCalls."""
        return False

    def has_host(self, host: bytes) -> bool:
        """OutsideCalls."""
        return False

    def has_uri(self, uri: bytes) -> bool:
        """OutsideCalls."""
        return False


class CallEntry:
    """roles: extension -> how calls to it are carried; those of numbers that are no extension are the engine's;
    carries_elsewhere: so are those to other domains."""

    __slots__ = ("_dialogs", "_line", "carries_elsewhere", "engine", "outside", "roles")

    def __init__(self, stack: SipStack, engine: CallEngine, line: OfficeLine) -> None:
        self._dialogs = DialogServer(stack, line.core.dialogs)
        self._line = line
        self.engine = engine
        self.roles: dict[bytes, str] = {}
        self.carries_elsewhere = False
        self.outside: OutsideCalls = NoOutside()

    @property
    def dialogs(self) -> DialogServer:
        """Serves what comes inside the dialogs of calls."""
        return self._dialogs

    def is_carried(self, extension: bytes) -> bool:
        """Whether a call to this number is a B2BUA's: of the extensions as configured, of all others always."""
        return self.roles.get(extension, "b2bua") == "b2bua"

    def take(self, message: Message, flow: Flow, caller: Account, now: float) -> None:
        """An INVITE of one of our users, a trusted source or another domain, to a number of ours."""
        server = open_call(self._line.core, message, flow, now)
        if server is None:
            return
        is_ours = caller.extension in self.roles
        dial = Dial(read_extension(message), message.uri, self._line, read_caller(message, caller, is_ours),
                    caller.extension if is_ours else b"", message)
        self.engine.take_invite(server, message, dial, now)

    def take_elsewhere(self, message: Message, flow: Flow, caller: Account, own_routes: int, now: float) -> None:
        """An INVITE of one of our users to another domain. own_routes: how many of its topmost Route values are ours;
        by the others it goes there (RFC 3261 16.4)."""
        server = open_call(self._line.core, message, flow, now)
        if server is None:
            return
        hostport = message.uri_hostport
        called = b"%s@%s" % (read_extension(message), hostport) if message.uri_user else hostport
        routes = tuple(message.values(b"Route")[own_routes:])
        dial = Dial(called, message.uri, self._line, read_caller(message, caller, True), caller.extension, message,
                    is_elsewhere=True, routes=routes)
        self.engine.take_invite(server, message, dial, now)


def read_caller(message: Message, account: Account, is_ours: bool) -> Party:
    """Who is shown: the extension with the name that its phone sends, else the configured one; somebody else's as
    written in From. Privacy as asked for (RFC 3323 4.2, RFC 3325 9.3)."""
    try:
        name = unquote(split_address(message.from_value)[0])
    except ScanError:
        name = b""
    is_anonymous = message.from_user == b"anonymous" or has_privacy(message)
    if is_ours:
        return Party(account.extension, b"" if is_anonymous else name or account.name.encode(), is_anonymous)
    domain = message.from_uri.partition(b"@")[2].partition(b";")[0]
    return Party(message.from_user, name, is_anonymous, domain)


def has_privacy(message: Message) -> bool:
    """Whether its Privacy (RFC 3323 4.2) says that the caller is not to be shown."""
    return any(wish.strip().lower() in PRIVATE for value in message.headers(b"Privacy") for wish in value.split(b";"))


def unquote(name: bytes) -> bytes:
    """A display name without its quotes and escapes (25.1 quoted-string)."""
    name = name.strip()
    if len(name) >= 2 and name[:1] == name[-1:] == b'"':
        name = name[1:-1]
        if b"\\" in name:
            written = bytearray()
            is_escaped = False
            for octet in name:
                if octet == 0x5C and not is_escaped:
                    is_escaped = True
                    continue
                written.append(octet)
                is_escaped = False
            name = bytes(written)
    return name
