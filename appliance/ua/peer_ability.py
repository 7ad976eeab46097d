# SPDX-License-Identifier: Apache-2.0
"""What the other side of a call can do, by what it says of itself: Allow and Supported, RFC 3261 20.5 and 20.37.

Its call changes it with the messages that come.
"""

from appliance.native.sip_scanner import Message


class PeerAbility:
    """peer_message: the INVITE, or the last response above 100 to ours; None before there is one."""

    __slots__ = ("_peer_methods", "peer_message")

    def __init__(self) -> None:
        self._peer_methods: frozenset[bytes] | None = None
        self.peer_message: Message | None = None

    def meet_peer(self, message: Message) -> None:
        """The INVITE or a response to ours."""
        self.peer_message = message
        self._peer_methods = None

    @property
    def peer_methods(self) -> frozenset[bytes]:
        """What its Allow says (20.5), empty where it says nothing."""
        if self._peer_methods is None:
            message = self.peer_message
            self._peer_methods = frozenset(message.values(b"Allow")) if message is not None else frozenset()
        return self._peer_methods

    def restore_peer_methods(self, methods: frozenset[bytes]) -> None:
        """What was known before a restart."""
        self._peer_methods = methods

    def learn_peer(self, message: Message) -> None:
        """ChangeHost. Somebody else may be there since a change of session (RFC 5589 behind a B2BUA)."""
        if message.header(b"Allow") is not None:
            self._peer_methods = frozenset(message.values(b"Allow"))

    def peer_allows(self, method: bytes) -> bool:
        """Whether it has said that it serves this method."""
        return method in self.peer_methods

    def peer_supports(self, tag: bytes) -> bool:
        """Whether it has said that it knows this extension (20.37)."""
        message = self.peer_message
        return message is not None and tag in [known.lower() for known in message.values(b"Supported")]
