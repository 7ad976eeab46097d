# SPDX-License-Identifier: Apache-2.0
"""Refused SUBSCRIBEs and PUBLISHes in the journal: each reason is said, none of them for ever."""

import pytest

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.pbx.presence.refusals import KEPT_MAX, Refusals
from appliance.sip.flow import UDP, Flow, Listener
from tests.pbx.presence.event_office import EventOffice, pidf
from tests.pbx.proxy.virtual_office import A, head


class Lines:
    """A journal that can be looked at."""

    def __init__(self) -> None:
        self.lines = []

    def record(self, event: str, **values: object) -> None:
        self.lines.append((event, values))

    def take(self, event: str) -> list[dict[str, object]]:
        taken = [values for name, values in self.lines if name == event]
        self.lines = []
        return taken


class WatchedOffice(EventOffice):
    def _assemble(self):
        self.journal = Lines()
        surroundings = Surroundings(self._flow_to, self._octets, self.journal)
        surroundings.signing_key = self.signing_key
        return assemble_office(self.configuration, self.listeners, surroundings)


@pytest.fixture
def office() -> WatchedOffice:
    return WatchedOffice()


def test_refused_subscribe_is_a_line_a_minute_for_each_user_and_reason(office):
    for _ in range(30):
        assert office.subscribe("201", "202", "conference").status == 489
        assert office.subscribe("201", "202", "message-summary").status == 403
        assert office.subscribe("203", "202", "conference").status == 489
    told = office.journal.take("subscription_refused")
    assert [(line["status"], line["user"], line["count"]) for line in told] == \
        [(489, b"201", 1), (403, b"201", 1), (489, b"203", 1)]
    office.advance(61)
    office.subscribe("201", "202", "conference")
    (line,) = office.journal.take("subscription_refused")
    assert (line["user"], line["count"]) == (b"201", 30)
    assert office.office.stack.counters["subscriptions_refused"] == 91


def test_refused_refresh_is_bounded_as_well(office):
    accepted = office.subscribe("201", "202", "presence", cseq=100)
    for _ in range(5):
        assert office.refresh("201", accepted, "presence", 600).status == 500
    assert [line["user"] for line in office.journal.take("subscription_refused")] == [b"201"]


def test_refused_publish_is_a_line_a_minute(office):
    for _ in range(5):
        assert office.publish("201", "no XML").status == 400
        assert office.publish("201", pidf("open"), target="202").status == 403
    assert [line["status"] for line in office.journal.take("publication_refused")] == [400, 403]
    office.advance(61)
    office.publish("201", "no XML")
    assert [line["count"] for line in office.journal.take("publication_refused")] == [5]


def test_what_is_remembered_is_bounded():
    journal = Lines()
    refusals = Refusals(journal)
    message = Message(head("SUBSCRIBE", "sip:202@192.168.1.1", A, "b", "201", "202"))
    flow = Flow(Listener("office", UDP, b"192.168.1.1", 5060), b"192.168.1.11", 5060)
    for number in range(KEPT_MAX + 50):
        refusals.note("subscription_refused", b"%d" % number, PeerError("no"), message, flow, 0.0)
    assert len(refusals) == KEPT_MAX
    assert len(journal.lines) == KEPT_MAX + 50
