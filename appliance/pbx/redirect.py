# SPDX-License-Identifier: Apache-2.0
"""The redirect server (RFC 3261 8.3): answers with the bindings of an extension and sends no request itself.

It keeps no state: the server transaction repeats the 302, absorbs its ACK and answers a CANCEL.
"""

from appliance.native.sip_scanner import Message
from appliance.pbx.binding import Binding
from appliance.pbx.dialog_table import DialogTable
from appliance.pbx.location import Location
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack


class RedirectServer:
    """Serves the extensions whose role is redirect."""

    __slots__ = ("_dialogs", "_location", "_stack", "extensions")

    def __init__(self, stack: SipStack, location: Location, dialogs: DialogTable,
                 extensions: frozenset[bytes] = frozenset()) -> None:
        self._stack = stack
        self._location = location
        self._dialogs = dialogs
        self.extensions = extensions

    def redirect(self, message: Message, flow: Flow, extension: bytes, now: float) -> None:
        """Answer a request outside a dialog for one of its extensions: 302 with every Contact, or 480 without any."""
        bindings = self._location.bindings_of(extension)
        if message.uri_scheme == b"sips":   # 26.2.2: nobody who asks for security is sent where there is none
            bindings = [binding for binding in bindings if binding.contact[:5].lower() == b"sips:"]
        # 8.3: never to the Request-URI itself; a request for a phone's own address has nowhere else to go
        others = [binding for binding in bindings if binding.contact != message.uri]
        status = 302 if others else 404 if bindings else 480
        server = self._stack.open_server(message, flow, now)
        if message.method == b"INVITE":
            call = self._dialogs.open_call(message, message.from_user, flow, now)
            self._dialogs.end_call(call, status, "server", now)
        server.respond(status, now, build_contact_lines(others, now))


def build_contact_lines(bindings: list[Binding], now: float) -> bytes:
    """The Contact lines of a 302, the most preferred first, each with its q and for how long it is good (20.10)."""
    ordered = sorted(bindings, key=lambda binding: -binding.q)
    return b"".join(b"Contact: <%s>;q=%s;expires=%d\r\n" % (one.contact, print_q(one.q), max(0, one.deadline - now))
                    for one in ordered)


def print_q(thousandths: int) -> bytes:
    """A qvalue: 1.0, 0.5, 0.25 (25.1)."""
    if thousandths >= 1000:
        return b"1.0"
    return b"0." + (b"%03d" % thousandths).rstrip(b"0").ljust(1, b"0")
