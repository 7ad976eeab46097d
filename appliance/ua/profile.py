# SPDX-License-Identifier: Apache-2.0
"""Who a user agent is and what it can do: its address of record, Contact, option tags, body types (RFC 3261 8.1.1, 20).

Set up by the element; registration alone enters the mapped addresses it has learnt (RFC 3581).
"""

from collections.abc import Callable

from appliance.sip.flow import Flow, Listener
from appliance.sip.grammar import quote


class AgentProfile:
    """aor: the URI in From; user: the user part of Contact; routes: Route values of every request outside a dialog, the
    outbound proxies (8.1.2); answers_for: user parts of Request-URIs that reach us, None for every one; supported:
    option tags we know; product: for User-Agent; accepted: body types we take; demanded: option tags that
    callers must know (421); session_expires_s: the session interval we ask for (RFC 4028), 0 for none; min_se_s: the
    shortest that we take; may_follow: whether a redirection to
    this URI may be obeyed; mapped: listener name -> our host:port as the outside sees it."""

    __slots__ = ("accepted", "answers_for", "aor", "demanded", "display_name", "mapped", "may_follow", "min_se_s",
                 "product", "routes", "session_expires_s", "supported", "user")

    def __init__(self, aor: bytes, user: bytes, display_name: bytes = b"") -> None:
        self.aor = aor
        self.user = user
        self.display_name = display_name
        self.routes: tuple[bytes, ...] = ()
        self.supported: tuple[bytes, ...] = ()
        self.accepted: tuple[bytes, ...] = (b"application/sdp",)
        self.demanded: tuple[bytes, ...] = ()
        self.session_expires_s = 0
        self.min_se_s = 90
        self.product = b""
        self.answers_for: frozenset[bytes] | None = None
        self.may_follow: Callable[[bytes], bool] = follow_everything
        self.mapped: dict[str, bytes] = {}

    def from_value(self, tag: bytes) -> bytes:
        """Our From with this tag (8.1.1.3)."""
        name = quote(self.display_name) + b" " if self.display_name else b""
        return b"%s<%s>;tag=%s" % (name, self.aor, tag)

    def contact_uri(self, listener: Listener, is_secure: bool = False) -> bytes:
        """Where requests reach us (8.1.1.8): SIPS where the dialog is."""
        hostport = self.mapped.get(listener.name, listener.hostport)
        user = self.user + b"@" if self.user else b""
        if is_secure:
            return b"<sips:%s%s>" % (user, hostport)
        transport = b"" if not listener.is_reliable else b";transport=%s" % listener.transport.lower()
        return b"<sip:%s%s%s>" % (user, hostport, transport)

    def contact(self, flow: Flow) -> bytes:
        """The Contact value of a request or response that takes this flow."""
        return self.contact_uri(flow.listener)

    def secure_contact(self, flow: Flow) -> bytes:
        """The same in a secure dialog (12.1.1)."""
        return self.contact_uri(flow.listener, True)


def follow_everything(uri: bytes) -> bool:
    """No redirection is refused."""
    return bool(uri)
