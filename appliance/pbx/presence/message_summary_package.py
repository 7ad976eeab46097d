# SPDX-License-Identifier: Apache-2.0
"""The message-summary package (RFC 3842): what waits in a user's mailbox."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

COUNT_MAX: Final = 2**32 - 1


class Waiting(NamedTuple):
    """Messages of one kind: new and old, and how many of each are urgent."""

    new: int
    old: int = 0
    urgent_new: int = 0
    urgent_old: int = 0


class MailboxCounts(Protocol):
    """Who keeps messages for users."""

    def counts_of(self, extension: bytes) -> Mapping[bytes, Waiting]:
        """By message-context-class as the summary lines name it (RFC 3842 5.2): b"Voice-Message", b"Text-Message"."""

    def on_change(self, listener: Callable[[bytes], None]) -> None:
        """Have the listener called with the extension after each change of its counts."""


class MessageSummaryPackage:
    """mailboxes: all that keep messages; their counts stand side by side."""

    __slots__ = ("_mailboxes", "domain")

    name = b"message-summary"
    content_type = b"application/simple-message-summary"
    default_expires_s = 3600        # RFC 3842 3.4: hours to days, as the subscriber wants
    is_private = True
    is_partial = False

    def __init__(self, domain: bytes, mailboxes: list[MailboxCounts]) -> None:
        self.domain = domain
        self._mailboxes = mailboxes

    def build_document(self, target: bytes, version: int, changes: Iterable[bytes] | None, now: float) -> bytes:
        """The summary (RFC 3842 5.2)."""
        counts: dict[bytes, Waiting] = {}
        for mailbox in self._mailboxes:
            for kind, waiting in mailbox.counts_of(target).items():
                sums = zip(counts.get(kind, Waiting(0)), waiting, strict=True)
                counts[kind] = Waiting(*[min(one + other, COUNT_MAX) for one, other in sums])
        has_new = any(waiting.new for waiting in counts.values())
        lines = [b"%b: %d/%d (%d/%d)\r\n" % (kind, *waiting) for kind, waiting in counts.items()]
        return b"Messages-Waiting: %b\r\nMessage-Account: sip:%b@%b\r\n%b" % (
            b"yes" if has_new else b"no", target, self.domain, b"".join(lines))
