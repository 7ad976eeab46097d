# SPDX-License-Identifier: Apache-2.0
"""Messages that wait: asked for, told, heard in the dial tone and seen at the lamp (RFC 3842)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.handset.message_summary import WaitingMessages, read_summary
from tests.handset.desk import DOMAIN, HOST, SERVER, Desk, Registrar, credentials
from tests.handset.test_handset import PEER
from tests.ua.virtual_network import Network, Phone

YES = b"Messages-Waiting: yes\r\nMessage-Account: sip:201@office.test\r\nVoice-Message: 2/8 (0/2)\r\n"
NO = b"Messages-Waiting: no\r\n"


class MailServer:
    """A server with a mailbox: accepts the subscription and tells `body`."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.phone = Phone(network, SERVER, "server")
        self.registrar = Registrar(self.phone)
        self.phone.core.methods += [b"SUBSCRIBE"]
        self.phone.agent.serve_method(b"SUBSCRIBE", self)
        self.asked: list = []
        self.body = NO
        self._count = 0

    def request_received(self, server, request, dialog, now) -> None:
        self.asked.append(request)
        server.tag = b"mail"
        server.respond(200, now, b"Expires: 3600\r\nContact: <sip:mail@10.0.0.1:5060>\r\n")
        self.tell(self.body)

    def tell(self, body: bytes, source: str = SERVER, lines: bytes = b"") -> None:
        """A NOTIFY in the subscription's dialog, from wherever."""
        request = self.asked[-1]
        self.write(body, source, request.from_value, request.call_id, b"Subscription-State: active\r\n" + lines)

    def tell_unasked(self, body: bytes, source: str = SERVER) -> None:
        self.write(body, source, b"<sip:201@office.test>", b"unasked%d" % self._count, b"")

    def write(self, body, source, to, call_id, lines) -> None:
        self._count += 1
        self.network.send((source.encode(), 5060), (HOST.encode(), 5060), b"".join([
            b"NOTIFY sip:201@10.0.0.9:5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKm%d\r\n" % (
                source.encode(), self._count),
            b"Max-Forwards: 70\r\nFrom: <sip:201@office.test>;tag=mail\r\nTo: %s\r\nCall-ID: %s\r\n" % (to, call_id),
            b"CSeq: %d NOTIFY\r\nContact: <sip:mail@10.0.0.1:5060>\r\nEvent: message-summary\r\n" % self._count,
            b"Content-Type: application/simple-message-summary\r\n%sContent-Length: %d\r\n\r\n" % (lines, len(body)),
            body]))
        self.network.run(0.2)


class MailOffice:
    def __init__(self, is_there: bool = True) -> None:
        self.network = Network()
        self.server = MailServer(self.network)
        Phone(self.network, PEER, "x")
        self.desk = Desk(self.network, credentials())
        self.desk.account.start(self.network.now)
        self.network.run(1.0)

    @property
    def mailbox(self):
        return self.desk.handset.mailbox


@pytest.fixture
def office() -> MailOffice:
    return MailOffice()


def test_it_asks_its_server_once_it_is_registered(office):
    subscribe = office.server.asked[0]
    assert (subscribe.uri, subscribe.header(b"Event")) == (f"sip:201@{DOMAIN}".encode(), b"message-summary")
    assert len(office.server.asked) == 1
    assert office.mailbox.is_watched
    assert (office.mailbox.waiting, office.desk.voice.reminds) == (WaitingMessages(), False)


def test_news_stutters_in_the_dial_tone_and_at_the_lamp_until_it_was_heard(office):
    desk = office.desk
    office.server.tell(YES)
    assert office.mailbox.waiting == WaitingMessages(True, 2, 8)
    assert (desk.voice.reminds, desk.voice.is_lit) == (True, False)
    desk.do("lift")
    assert desk.voice.tone == "stutter dial"
    desk.do("hang_up")
    office.server.tell(NO)
    assert desk.voice.reminds is False
    desk.do("lift")
    assert desk.voice.tone == "dial"
    assert desk.journal.events.count("handset_messages") == 2


def test_the_second_dial_tone_stays_what_it_is(office):
    office.server.tell(YES)
    desk = office.desk
    office.server.phone.user.script["offered"] = lambda call, now: call.answer(
        b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n", now)
    desk.do("lift")
    desk.press("202")
    office.network.run(1)
    desk.do("flash")
    assert desk.voice.tone == "second dial"


def test_what_nobody_asked_for_is_believed_of_the_server_alone(office):
    office.server.tell_unasked(YES, PEER)
    assert office.mailbox.waiting == WaitingMessages()
    assert office.network.messages("481 NOTIFY", office.desk)
    office.server.tell_unasked(YES)
    assert office.mailbox.waiting == WaitingMessages(True, 2, 8)
    assert len(office.network.messages("200 NOTIFY", office.desk)) == 2


def test_a_dialog_that_nobody_has_opened_is_no_way_in(office):
    office.server.write(YES, SERVER, b"<sip:201@office.test>;tag=guessed", b"guessed",
                        b"Subscription-State: active\r\n")
    assert office.network.messages("481 NOTIFY", office.desk)
    assert office.mailbox.waiting == WaitingMessages()


@pytest.mark.parametrize("body", [b"", b"Voice-Message: 1/0\r\n", b"\0" * 100, YES + b"X: y\r\n" * 1000])
def test_what_is_no_summary_changes_nothing(office, body):
    office.server.tell(YES)
    office.server.tell(body)
    assert office.mailbox.waiting == WaitingMessages(True, 2, 8)


def test_a_server_that_comes_back_is_asked_again_at_once(office):
    phone = office.server.phone
    del office.network.phones[phone.address]
    office.network.run(4000)                    # registration and subscription have failed
    assert not office.mailbox.is_watched
    office.network.phones[phone.address] = phone
    office.server.asked.clear()
    office.network.run(61)                      # the longest wait between two REGISTERs
    assert office.server.asked
    assert office.mailbox.is_watched


def test_a_server_without_mailboxes_is_not_asked_at_each_registration():
    network = Network()
    Registrar(Phone(network, SERVER, "server"))         # 405 to SUBSCRIBE
    desk = Desk(network, credentials())
    desk.account.start(network.now)
    network.run(3000)
    assert len(network.messages("REGISTER", desk)) > 10
    assert len(network.messages("SUBSCRIBE", desk)) == 1
    assert desk.journal.events.count("handset_messages_untold") == 1


def test_ending_ends_the_subscription(office):
    office.desk.handset.stop(office.network.now)
    office.network.run(0.2)
    assert office.network.messages("SUBSCRIBE", office.desk)[-1].expires == 0


@pytest.mark.parametrize(("body", "waiting"), [
    (NO, WaitingMessages()),
    (b"messages-waiting : YES\n", WaitingMessages(True)),
    (YES + b"Fax-Message: 1/0\r\n", WaitingMessages(True, 3, 8)),
    (YES + b"\r\nVoice-Message: 5/5\r\n", WaitingMessages(True, 2, 8)),
    (YES + b"Pager-Message: x/y\r\n", WaitingMessages(True, 2, 8))])
def test_a_summary_is_read_as_5_2_writes_it(body, waiting):
    assert read_summary(body) == waiting


@given(st.binary(max_size=300))
def test_no_octets_do_any_harm(body):
    try:
        waiting = read_summary(b"Messages-Waiting: yes\r\n" + body)
    except PeerError:
        raise AssertionError("the first line was there") from None
    assert waiting.new >= 0


def test_its_server_knows_it_as_the_same_telephone_in_its_next_life(office):
    """RFC 5626 4.1: what a dead life has left gives way to the next one; Contacts of calls do not bear it."""
    asked = [office.network.messages(method, office.desk)[0].header(b"Contact") for method in ("REGISTER", "SUBSCRIBE")]
    assert all(b';+sip.instance="<urn:uuid:' in contact for contact in asked)
    assert asked[0].partition(b"+sip.instance=")[2].partition(b";")[0] == asked[1].partition(b"+sip.instance=")[2]
