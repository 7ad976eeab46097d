# SPDX-License-Identifier: Apache-2.0
"""A locator that answers when the test says so, or at once; and what else a test needs to play with addresses."""

from collections.abc import Sequence

from appliance.sip.flow import Flow
from appliance.sip.locating.search import Verdict
from tests.ua.virtual_network import Phone


class SlowLocator:
    """Satisfies location.Locator; with `flows` it answers at once."""

    def __init__(self, flows: Sequence[Flow] | None = None) -> None:
        self.flows = flows
        self.hops: list = []
        self.waiting: list = []
        self.cancelled = 0

    def __call__(self, hop, found, now: float):
        self.hops.append(hop)
        if self.flows is not None:
            found(self.flows, Verdict.FOUND if self.flows else Verdict.ABSENT, now)
            return None
        self.waiting.append(found)
        return self

    def cancel(self) -> None:
        self.cancelled += 1
        self.waiting.clear()

    def answer(self, flows: Sequence[Flow], now: float, verdict: Verdict = Verdict.FOUND) -> None:
        for found in [self.waiting.pop(0) for _ in list(self.waiting)]:
            found(flows, verdict, now)


class HealthBook:
    """Satisfies location.PathHealth."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, bytes]] = []

    def note_failure(self, flow: Flow, now: float) -> None:
        self.notes.append(("failed", flow.host))

    def note_answer(self, flow: Flow) -> None:
        self.notes.append(("answered", flow.host))


def flows_to(asker: Phone, *phones: Phone) -> list[Flow]:
    return [asker.flow_to(asker.listener, *phone.address) for phone in phones]
