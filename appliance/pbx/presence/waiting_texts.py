# SPDX-License-Identifier: Apache-2.0
"""Instant messages that wait for a user, as what his message lamp is about (RFC 3842)."""

from collections.abc import Callable, Mapping

from appliance.pbx.instant_message.relay import MessageRelay
from appliance.pbx.presence.message_summary_package import Waiting


class WaitingTexts:
    """Satisfies MailboxCounts. All that waits is new: a message that was delivered does not wait any more."""

    __slots__ = ("_relay",)

    def __init__(self, relay: MessageRelay) -> None:
        self._relay = relay

    def counts_of(self, extension: bytes) -> Mapping[bytes, Waiting]:
        """How many text messages wait."""
        return {b"Text-Message": Waiting(self._relay.count_waiting(extension))}

    def on_change(self, listener: Callable[[bytes], None]) -> None:
        """Have the listener called with the extension after each change."""
        self._relay.on_change(lambda extension, _now: listener(extension))
