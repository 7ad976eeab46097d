# SPDX-License-Identifier: Apache-2.0
"""The seam to whoever finds servers (RFC 3263): what a request asks for and how it is told, at once or later.

The element joins it to `sip.locating` or to its bindings; nothing in here keeps state.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from appliance.sip.flow import Flow, Listener
from appliance.sip.locating.search import Verdict


class Hop(NamedTuple):
    """Where a request is to go next. uri: of its topmost Route, else its Request-URI (RFC 3261 8.1.2); size_octets:
    about how large it will be, for what goes by TCP above 1300 (18.1.1); near: the listener to prefer, None for any;
    is_in_dialog: whether the other end has named it, by its Contact or by who stood in the way of the dialog; source:
    on whose behalf it is looked up, for shares of the resolver."""

    uri: bytes
    size_octets: int
    near: Listener | None = None
    is_in_dialog: bool = False
    source: bytes = b""


FlowsFound = Callable[[Sequence[Flow], Verdict, float], None]
"""The flows in the order in which to try them, why there are none, and the time."""


class Lookup(Protocol):
    """A search that has not ended."""

    def cancel(self) -> None:
        """Nobody wants to know any more: `found` is not called."""


class Locator(Protocol):
    """Finds the flows that lead to a hop."""

    def __call__(self, hop: Hop, found: FlowsFound, now: float) -> Lookup | None:
        """`found` is called once, before this returns or later; None where it has been called already."""


class PathHealth(Protocol):
    """Hears which servers answer, so that the next request need not wait for one that does not."""

    def note_failure(self, flow: Flow, now: float) -> None:
        """It was silent, or its connection failed."""

    def note_answer(self, flow: Flow) -> None:
        """It is there."""

    def has_server(self, flow: Flow) -> bool:
        """Whether one of the servers that we know is at the other end."""


class UnwatchedPaths:
    """For where nobody wants to know."""

    __slots__ = ()

    def note_failure(self, flow: Flow, now: float) -> None:
        """Nothing."""

    def note_answer(self, flow: Flow) -> None:
        """Nothing."""

    def has_server(self, flow: Flow) -> bool:
        """We know none."""
        return False
