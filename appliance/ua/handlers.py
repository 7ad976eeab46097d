# SPDX-License-Identifier: Apache-2.0
"""Who serves a method that belongs to no usage of a dialog. A seam; nothing in here keeps state."""

from typing import Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.dialog import Dialog


class RequestHandler(Protocol):
    """Made by an element, known to a user agent by method."""

    def request_received(self, server: ServerTransaction, request: Message, dialog: Dialog | None, now: float) -> None:
        """A request of this method, inside a dialog or, with None, outside; to be answered."""
