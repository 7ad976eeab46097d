# SPDX-License-Identifier: Apache-2.0
"""PUBLISH as RFC 3903 section 6 has it, and what watchers are shown of it (RFC 3856, 3863, 4479, 4480)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pbx.presence.event_office import (
    PIDF,
    EventOffice,
    activities,
    basics,
    call,
    document,
    hang_up,
    pick_up,
    pidf,
)
from tests.pbx.proxy.virtual_office import A, C, head

AWAY = ('<person xmlns="urn:ietf:params:xml:ns:pidf:data-model" id="p1"><activities '
        'xmlns="urn:ietf:params:xml:ns:pidf:rpid"><away/></activities><note>lunch &amp; tea</note></person>')
BUSY = AWAY.replace("<away/>", "<busy/>").replace("lunch", "work")


@pytest.fixture
def office() -> EventOffice:
    """201 watches 202."""
    office = EventOffice()
    office.subscribe("201", "202", "presence", 7200)
    office.notifies()
    return office


def etag_of(reply) -> str:
    assert reply.status == 200, reply.data
    return reply.header(b"SIP-ETag").decode()


def shown(office: EventOffice):
    """What the watcher was told last."""
    return office.notifies(A)[-1]


def test_published_state_reaches_the_watcher(office):
    reply = office.publish("202", pidf("open", "sb8"))
    assert (reply.status, reply.expires) == (200, 3600)
    assert etag_of(reply)
    assert basics(shown(office)) == {"sb8": "open", "registration": "closed"}
    assert document(office.subscribe("203", "202", "presence") and office.notifies()[-1]).get("entity") == \
        "sip:202@192.168.1.1"


def test_refresh_changes_the_entity_tag_and_tells_nobody(office):
    first = etag_of(office.publish("202", pidf("open"), expires=100))
    office.notifies()
    office.advance(90)
    second = etag_of(office.publish("202", etag=first, expires=100))
    assert second != first
    office.advance(90)
    assert office.notifies() == []
    assert office.publish("202", etag=first).status == 412


def test_modification_replaces_and_the_same_again_tells_nobody(office):
    first = etag_of(office.publish("202", pidf("open", "x")))
    second = etag_of(office.publish("202", pidf("closed", "x"), first))
    assert [basics(notify)["x"] for notify in office.notifies()] == ["open", "closed"]
    office.publish("202", pidf("closed", "x"), second)
    assert office.notifies() == []


def test_removal_takes_the_state_away(office):
    etag = etag_of(office.publish("202", pidf("open", "x")))
    reply = office.publish("202", etag=etag, expires=0)
    assert (reply.status, reply.expires) == (200, 0)
    assert basics(shown(office)) == {"registration": "closed"}
    assert office.publish("202", etag=etag).status == 412
    assert office.publication_rows.rows == {}


def test_publication_ends_by_itself(office):
    office.publish("202", pidf("open", "x"), expires=60)
    office.notifies()
    office.advance(59)
    assert office.notifies() == []
    office.advance(2)
    assert basics(shown(office)) == {"registration": "closed"}


def test_publication_with_expires_0_is_never_stored(office):
    assert office.publish("202", pidf("open", "x"), expires=0).status == 200
    assert office.notifies() == []


def test_several_publications_are_composed_the_youngest_first(office):
    first = etag_of(office.publish("202", pidf("open", "desk", AWAY)))
    office.publish("202", pidf("closed", "desk", BUSY))
    notify = shown(office)
    assert list(basics(notify).items()) == [("desk", "closed"), ("desk-2", "open"), ("registration", "closed")]
    assert activities(notify) == ["busy", "away"]
    office.publish("202", pidf("open", "desk", AWAY + "<note>back at two</note>"), first)
    notify = shown(office)
    assert activities(notify) == ["away", "busy"]
    assert list(basics(notify)) == ["desk", "desk-2", "registration"]


def test_a_person_is_written_once_with_his_note(office):
    office.publish("202", pidf("open", "t", AWAY))
    office.publish("202", pidf("open", "u", BUSY))
    persons = list(document(shown(office)).iter("{urn:ietf:params:xml:ns:pidf:data-model}person"))
    assert len(persons) == 1
    assert persons[0].findtext("{urn:ietf:params:xml:ns:pidf:data-model}note") == "work & tea"


def test_unknown_extensions_of_a_document_are_passed_on(office):
    more = '<x:mood xmlns:x="urn:example:mood" x:level="3" xml:lang="ja">元気 &lt;3</x:mood>'
    office.publish("202", pidf("open", "t", more))
    mood = document(shown(office)).find("{urn:example:mood}mood")
    assert mood.text == "元気 <3"
    assert mood.attrib == {"{urn:example:mood}level": "3", "{http://www.w3.org/XML/1998/namespace}lang": "ja"}


def test_never_published_shows_registration_and_calls(office):
    office.register("202", C)
    office.settle()
    assert basics(shown(office)) == {"registration": "open"}
    office.register("203", ("192.168.1.13", 5060))
    accepted = pick_up(office, call(office, "203", "202"))
    assert activities(shown(office)) == ["busy", "on-the-phone"]
    hang_up(office, accepted)
    assert activities(shown(office)) == []
    office.advance(3700)
    assert basics(shown(office)) == {"registration": "closed"}


def test_ringing_is_not_on_the_phone(office):
    office.register("202", C)
    office.settle()
    office.notifies()
    call(office, "203", "202")
    assert office.notifies() == []


def test_call_is_composed_with_what_is_published(office):
    office.register("202", C)
    office.publish("202", pidf("open", "t", AWAY))
    pick_up(office, call(office, "203", "202"))
    assert activities(shown(office)) == ["busy", "on-the-phone", "away"]


def test_only_ones_own_presence_may_be_published(office):
    assert office.publish("201", pidf("open"), target="202").status == 403
    assert office.notifies() == []


@pytest.mark.parametrize(("changes", "status"), [
    ({"extra": "Event: dialog\r\n"}, 489), ({"extra": ""}, 489),
    ({"etag": "unknown"}, 412), ({"etag": "two, tags"}, 400), ({"etag": '"quoted"'}, 400),
    ({"expires": 30}, 423), ({"content_type": "application/xpidf+xml"}, 415), ({"content_type": "text/plain"}, 415),
    ({"body": ""}, 400), ({"extra": "Event: presence\r\nRequire: magic\r\n"}, 420),
    ({"extra": "Event: presence\r\nContent-Encoding: gzip\r\n"}, 415)])
def test_publication_that_cannot_be_is_refused_and_changes_nothing(office, changes, status):
    body = changes.pop("body", pidf("open"))
    reply = office.publish("202", body, **changes)
    assert reply.status == status
    wanted = {489: b"Allow-Events", 423: b"Min-Expires", 415: b"Accept", 420: b"Unsupported"}.get(status)
    assert wanted is None or reply.header(wanted)
    assert office.notifies() == []
    assert office.publication_rows.rows == {}


BOMB = ('<?xml version="1.0"?><!DOCTYPE presence [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
        '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:x@y"><note>&b;</note></presence>')


@pytest.mark.parametrize("body", [
    "not xml", "<presence/>", pidf("open")[:-5], pidf("half"), pidf("open", ""), BOMB,
    BOMB.replace("DOCTYPE", "doctype"),
    pidf("open", "t", '<tuple id="t"><status/></tuple>'), pidf("open", "t", '<tuple id="u"/>'),
    pidf("open", "t", "<a>" * 40 + "</a>" * 40), pidf("open", "t", "<a/>" * 500), pidf("open", "t", "&unknown;"),
    '<?xml version="1.0" encoding="utf-16"?><presence xmlns="urn:ietf:params:xml:ns:pidf"', "\x00" * 20,
    pidf("open", "t", "<a " + " ".join(f'b{n}="1"' for n in range(40)) + "/>")])
def test_malformed_document_is_answered_400(office, body):
    assert office.publish("202", body).status == 400
    assert office.notifies() == []


def test_too_large_a_document_is_answered_413(office):
    assert office.publish("202", pidf("open", "t", f"<note>{'x' * 17000}</note>")).status == 413


def test_one_user_has_few_publications_and_the_oldest_goes(office):
    etags = [etag_of(office.publish("202", pidf("open", f"t{number}"), expires=3600 + number)) for number in range(12)]
    assert office.publish("202", etag=etags[0]).status == 412
    assert office.publish("202", etag=etags[1]).status == 412
    assert len(office.publication_rows.rows) == 10
    assert office.publish("202", etag=etags[11]).status == 200


def test_document_fits_into_a_datagram_whatever_is_published(office):
    office.publish("202", pidf("open", "small"))
    for number in range(8):
        office.publish("202", pidf("open", f"t{number}", f"<note>{'&gt;' * 3900}</note>"))
        assert len(shown(office).data) < 65507


def test_publications_outlive_a_restart_in_their_order(office):
    first = etag_of(office.publish("202", pidf("open", "desk", AWAY)))
    office.publish("202", pidf("closed", "mobile", BUSY))
    before = shown(office)
    office.restart(lost_s=10.0)
    office.settle()
    after = shown(office)
    assert after.body == before.body
    assert office.publish("202", etag=first).status == 200


SOUND = pidf("open", "t", AWAY).encode()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode)
       | st.builds(lambda at, junk: SOUND[:at] + junk + SOUND[at:], st.integers(0, 400), st.binary(max_size=6)))
def test_whatever_is_published_the_watchers_get_well_formed_documents(body):
    office = EventOffice()
    office.subscribe("201", "202", "presence")
    reply = publish_octets(office, body)
    assert reply.status in (200, 400)
    for notify in office.notifies():
        assert document(notify).tag == f"{PIDF}presence"


def publish_octets(office: EventOffice, body: bytes):
    octets = head("PUBLISH", "sip:202@192.168.1.1", C, "p", "202", "202",
                  extra="Event: presence\r\nContent-Type: application/pidf+xml\r\n")
    office.send(C, octets.replace(b"Content-Length: 0", b"Content-Length: %d" % len(body)) + body)
    (reply,) = office.settle()
    return reply
