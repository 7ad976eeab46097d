# SPDX-License-Identifier: Apache-2.0
"""A subscription from its subscriber's side: set up, refreshed, ended, refused; the notifier is a script."""

import pytest

from appliance.ua.event_subscription import ENDED, HELD, WAITING, EventSubscription
from appliance.ua.subscription_state import SubscriptionWord, read_state
from tests.ua.virtual_network import Network, Phone

SUBSCRIBER, NOTIFIER = "10.0.0.2", "10.0.0.1"
ACTIVE_LINE = b"active;expires=3600"


class Notifier:
    """Accepts or refuses SUBSCRIBE as told, and sends what it is told to. status, lines: of its answers."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.status, self.lines = 200, b"Expires: 3600\r\n"
        self.asked: list = []
        self.first: bytes | None = ACTIVE_LINE     # what it says at once, None for nothing
        self.before = False                     # whether that comes before the 200
        self._cseq = 100
        phone.stack.serve(self)

    def ack_received(self, message, flow, now) -> None:
        raise AssertionError("an ACK")

    def request_received(self, request, flow, now) -> None:
        server = self.phone.stack.open_server(request, flow, now)
        self.asked.append(request)
        server.tag = server.tag or request.to_tag or b"notifier"
        if self.status >= 300:
            server.respond(self.status, now, self.lines)
            return
        if self.before:
            self._notify_first(request, now)
        server.respond(self.status, now, b"Contact: <sip:n@10.0.0.1:5060>\r\n" + self.lines)
        if not self.before:
            self._notify_first(request, now)

    def _notify_first(self, request, now) -> None:
        if self.first is not None:
            self.notify(request, b"terminated;reason=timeout" if request.expires == 0 else self.first, now)

    def notify(self, request, state: bytes, now: float, tag: bytes = b"notifier", package: bytes = b"message-summary",
               contact: bytes = b"<sip:n@10.0.0.1:5060>") -> None:
        """Written by hand: this is not the code under test."""
        self._cseq += 1
        branch = b"z9hG4bKn%d" % self._cseq
        body = b"Messages-Waiting: yes\r\n"
        lines = [b"NOTIFY sip:a@10.0.0.2:5060 SIP/2.0", b"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=" + branch,
                 b"Max-Forwards: 70", b"From: <sip:a@office>;tag=" + tag, b"To: " + request.from_value,
                 b"Call-ID: " + request.call_id, b"CSeq: %d NOTIFY" % self._cseq, b"Contact: " + contact,
                 b"Event: " + package, b"Content-Type: text/plain", b"Content-Length: %d" % len(body)]
        if state:
            lines.append(b"Subscription-State: " + state)
        self.phone.network.send(self.phone.address, (SUBSCRIBER.encode(), 5060),
                                b"\r\n".join([*lines, b"", body]))


class Remembered:
    def __init__(self) -> None:
        self.documents = 0
        self.losses: list[tuple[int, float]] = []
        self.is_readable = True

    def document_received(self, notify, now) -> bool:
        self.documents += 1
        return self.is_readable

    def subscription_lost(self, status, retry_s, now) -> None:
        self.losses.append((status, retry_s))


class Desk:
    """A subscriber and a notifier."""

    def __init__(self) -> None:
        self.network = Network()
        self.notifier = Notifier(Phone(self.network, NOTIFIER, "n"))
        self.phone = Phone(self.network, SUBSCRIBER, "a")
        self.phone.core.methods += [b"NOTIFY"]
        self.phone.agent.serve_method(b"NOTIFY", self)
        self.events = Remembered()
        self.one = EventSubscription(self.phone.core, b"sip:a@10.0.0.1", b"message-summary", b"text/plain", self.events)

    def request_received(self, server, request, dialog, now) -> None:
        if self.one.is_of(request):
            self.one.request_received(server, request, now)
        else:
            server.respond(481, now)

    def run(self, seconds: float = 1.0) -> None:
        self.network.run(seconds)

    def start(self) -> None:
        self.one.start(self.network.now)
        self.run()

    def answers(self, wanted: str) -> int:
        return len(self.network.messages(wanted, self.phone))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("before", [False, True])
def test_a_notify_makes_the_dialog_whichever_of_it_and_the_200_is_first(desk, before):
    desk.notifier.before = before
    desk.start()
    assert (desk.one.state, desk.events.documents) == (HELD, 1)
    subscribe = desk.notifier.asked[0]
    assert subscribe.header(b"Event") == b"message-summary"
    assert subscribe.header(b"Accept") == b"text/plain"
    assert (subscribe.expires, subscribe.to_tag) == (3600, b"")
    desk.notifier.notify(subscribe, ACTIVE_LINE, desk.network.now)
    desk.run()
    assert (desk.events.documents, desk.answers("200 NOTIFY")) == (2, 2)


def test_it_is_refreshed_well_before_its_end_in_its_dialog(desk):
    desk.start()
    desk.run(1800 - 2)
    assert len(desk.notifier.asked) == 1
    desk.run(3240 - 1800 + 4)
    first, second = desk.notifier.asked
    assert (second.to_tag, second.call_id, second.cseq) == (b"notifier", first.call_id, first.cseq + 1)
    assert second.uri == b"sip:n@10.0.0.1:5060"
    desk.run(6 * 3600)
    assert desk.one.state is HELD
    assert not desk.events.losses


def test_a_shorter_time_than_asked_for_is_kept_to(desk):
    desk.notifier.lines, desk.notifier.first = b"Expires: 100\r\n", b"active;expires=100"
    desk.start()
    desk.run(1000)
    assert 11 <= len(desk.notifier.asked) <= 21


def test_a_notifier_that_wants_it_refreshed_each_second_is_not_flooded_with(desk):
    desk.notifier.lines, desk.notifier.first = b"Expires: 1\r\n", b"active;expires=1"
    desk.start()
    desk.run(100)
    assert len(desk.notifier.asked) <= 21


def test_an_accepted_one_without_a_word_is_no_subscription(desk):
    desk.notifier.first = None
    desk.start()
    desk.run(30)
    assert not desk.events.losses
    desk.run(3)
    assert desk.events.losses[0][0] == 408
    desk.notifier.first = ACTIVE_LINE
    desk.run(6)
    assert desk.one.state is HELD


def test_a_refresh_that_finds_nothing_is_a_new_subscription_at_once(desk):
    desk.start()
    desk.notifier.status, desk.notifier.lines = 481, b""
    desk.run(3242)
    assert desk.events.losses[0] == (481, 0.0)
    desk.notifier.status, desk.notifier.lines = 200, b"Expires: 3600\r\n"
    desk.run(400)
    assert desk.one.state is HELD
    assert desk.notifier.asked[-1].call_id != desk.notifier.asked[0].call_id


def test_a_refresh_that_fails_for_a_moment_keeps_the_subscription(desk):
    desk.start()
    desk.notifier.status, desk.notifier.lines = 500, b"Retry-After: 20\r\n"
    desk.run(3242)
    assert desk.one.state is HELD
    asked = len(desk.notifier.asked)
    desk.notifier.status, desk.notifier.lines = 200, b"Expires: 3600\r\n"
    desk.run(21)
    assert len(desk.notifier.asked) == asked + 1
    assert not desk.events.losses


@pytest.mark.parametrize(("status", "least_s"), [(489, 3600), (403, 3600), (405, 3600), (404, 3600), (500, 2.5)])
def test_a_refusal_for_good_is_asked_again_an_hour_later_any_other_soon(desk, status, least_s):
    desk.notifier.status, desk.notifier.lines = status, b""
    desk.start()
    assert desk.one.state is WAITING
    assert desk.events.losses[0][0] == status
    assert least_s <= desk.events.losses[0][1] <= max(5.0, least_s)
    desk.notifier.status, desk.notifier.lines = 200, b"Expires: 3600\r\n"
    desk.run(max(5.0, least_s) + 1)
    assert desk.one.state is HELD


def test_retry_after_is_obeyed(desk):
    desk.notifier.status, desk.notifier.lines = 503, b"Retry-After: 120\r\n"
    desk.start()
    assert desk.events.losses[0] == (503, 120)


def test_too_brief_an_interval_is_lengthened(desk):
    desk.one.expires_s = 60
    desk.notifier.status, desk.notifier.lines = 423, b"Min-Expires: 600\r\n"
    original = desk.notifier.request_received

    def relent(request, flow, now):
        if request.expires >= 600:
            desk.notifier.status, desk.notifier.lines = 200, b"Expires: 600\r\n"
        original(request, flow, now)
    desk.notifier.request_received = relent
    desk.start()
    assert desk.one.state is HELD
    assert [request.expires for request in desk.notifier.asked] == [60, 600]


def test_a_dead_notifier_is_asked_less_and_less(desk):
    del desk.network.phones[desk.notifier.phone.address]
    desk.start()
    desk.run(3600)
    assert {status for status, _ in desk.events.losses} == {408}
    assert 12 <= len(desk.events.losses) <= 30
    assert max(retry_s for _, retry_s in desk.events.losses) <= 300


@pytest.mark.parametrize(("reason", "least_s", "most_s"), [
    (b"deactivated", 0, 0), (b"timeout", 0, 0), (b"giveup", 2.5, 5), (b"giveup;retry-after=60", 60, 60),
    (b"probation;retry-after=60", 60, 60), (b"rejected", 3600, 3600), (b"noresource", 3600, 3600),
    (b"invariant", 3600, 3600), (b"new-word", 2.5, 5)])
def test_the_reason_of_an_end_says_when_to_come_again(desk, reason, least_s, most_s):
    desk.start()
    desk.notifier.notify(desk.notifier.asked[0], b"terminated;reason=" + reason, desk.network.now)
    desk.run(0.1)
    status, retry_s = desk.events.losses[0]
    assert (status, least_s <= retry_s <= most_s) == (0, True)
    desk.run(most_s + 1)
    assert desk.answers("200 NOTIFY") == 3
    assert desk.one.state is HELD
    assert len(desk.notifier.asked) == 2


def test_who_ends_it_at_once_each_time_is_not_asked_each_time_at_once(desk):
    desk.notifier.first = b"terminated;reason=deactivated"
    desk.start()
    desk.run(600)
    assert len(desk.notifier.asked) <= 12


def test_stopping_says_so_and_leaves_nothing(desk):
    desk.start()
    desk.one.stop(desk.network.now)
    desk.run(40)
    assert desk.notifier.asked[-1].expires == 0
    assert desk.one.state is ENDED
    assert not desk.phone.core.dialogs


def test_stopping_while_it_is_asked_for_leaves_nothing(desk):
    desk.one.start(desk.network.now)
    desk.one.stop(desk.network.now)
    desk.run(80)
    assert desk.one.state is ENDED
    assert not desk.phone.core.dialogs


def test_a_second_notifier_of_a_forked_subscribe_is_not_heard(desk):
    desk.start()
    desk.notifier.notify(desk.notifier.asked[0], ACTIVE_LINE, desk.network.now, tag=b"other")
    desk.run()
    assert (desk.events.documents, desk.answers("481 NOTIFY")) == (1, 1)


def test_what_is_no_notify_of_ours_is_refused_and_changes_nothing(desk):
    desk.start()
    subscribe = desk.notifier.asked[0]
    desk.notifier.notify(subscribe, ACTIVE_LINE, desk.network.now, package=b"dialog")
    desk.run()
    desk.notifier.notify(subscribe, b"", desk.network.now)
    desk.run()
    desk.events.is_readable = False
    desk.notifier.notify(subscribe, ACTIVE_LINE, desk.network.now)
    desk.run()
    assert (desk.answers("489 NOTIFY"), desk.answers("400 NOTIFY")) == (1, 2)
    assert desk.one.state is HELD


def test_a_first_notify_without_a_way_back_is_refused(desk):
    desk.notifier.first = None
    desk.start()
    desk.notifier.notify(desk.notifier.asked[0], ACTIVE_LINE, desk.network.now, contact=b"<tel:110>")
    desk.run()
    assert desk.answers("400 NOTIFY") == 1
    assert not desk.phone.core.dialogs


@pytest.mark.parametrize(("value", "word"), [
    (b"active;expires=60", SubscriptionWord(b"active", b"", 60, 0)),
    (b" Terminated ; reason=Rejected;retry-after=5", SubscriptionWord(b"terminated", b"rejected", -1, 5)),
    (b"active;expires=x;expires=3", SubscriptionWord(b"active", b"", -1, 0)),
    (b"", None), (b";expires=5", None), (None, None)])
def test_subscription_state_is_read_as_written(value, word):
    assert read_state(value) == word
