# SPDX-License-Identifier: Apache-2.0
"""How a trunk stands, as its owner tells whoever asks: the console, and the search for causes."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol


class TrunkFault(StrEnum):
    """What kind of thing keeps a trunk from working, or went wrong last."""

    NONE = ""
    CREDENTIALS = "wrong_credentials"
    """401, 403 or 407 to what carried our credentials."""
    REFUSED = "refused"
    """Any other final response that is a refusal."""
    UNREACHABLE = "unreachable"
    """No answer, or no way there."""
    DNS = "dns_failed"
    """Its name leads nowhere, or nobody could say where."""
    OVERLOADED = "overloaded"
    """503 with Retry-After."""
    NOT_OPEN = "listener_not_open"
    """The interface of its listener has no address yet."""
    FULL = "channels_full"
    """Its channels are all in use."""


class TrunkState(NamedTuple):
    """One trunk now. state: up, registering, down; fault, reason: why it is not up, reason in words; server: host:port
    that is used, "" before any; channels_limit: 0 for none; registered_until, failed_at, down_since: monotonic seconds,
    0.0 for never; qualify_s: how long the peer took to answer OPTIONS, None unknown; last_failure: in words, of what
    went wrong last, also where the trunk is up again; barred_since: when the carrier began to ask for other credentials
    for calls, 0.0 where it does not; refusing_since: when it began to refuse every call, 0.0 where it does not."""

    name: str
    is_registered: bool
    state: str
    listener: str
    number: str = ""
    fault: TrunkFault = TrunkFault.NONE
    reason: str = ""
    server: str = ""
    registered_until: float = 0.0
    channels_used: int = 0
    channels_limit: int = 0
    qualify_s: float | None = None
    is_emergency: bool = False
    last_fault: TrunkFault = TrunkFault.NONE
    last_failure: str = ""
    failed_at: float = 0.0
    down_since: float = 0.0
    barred_since: float = 0.0
    refusing_since: float = 0.0


class TrunksObserved(Protocol):
    """Whoever has the trunks."""

    def trunk_states(self, now: float) -> Iterable[TrunkState]:
        """Every trunk, in the order of the configuration."""


class NoTrunks:
    """Where there is none."""

    __slots__ = ()

    def trunk_states(self, now: float) -> Iterable[TrunkState]:
        """Nothing."""
        return ()
