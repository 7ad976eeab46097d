# SPDX-License-Identifier: Apache-2.0
"""What watchers are told of publications: bounded however it is spelt, and sound XML whatever it is."""

import tracemalloc

import pytest

from appliance.pbx.presence.pidf import SIZE_LIMIT_OCTETS
from appliance.pbx.presence.pidf_writing import RENDERING_OCTETS_MAX
from tests.pbx.presence.event_office import EventOffice, activities, basics, pidf
from tests.pbx.proxy.virtual_office import A
from tests.work import count_work

LONG = "urn:x:" + "a" * 9000
ON_ELEMENTS = f'<p:a xmlns:p="{LONG}" xmlns="urn:q">{"<b><p:e/></b>" * 100}</p:a>'
CHILDREN = '<b p:c="1" p:d="2"/>' * 100
ON_ATTRIBUTES = f'<a xmlns:p="{LONG}" xmlns="urn:q">{CHILDREN}</a>'


@pytest.fixture
def office() -> EventOffice:
    """201 watches 202."""
    office = EventOffice()
    office.subscribe("201", "202", "presence", 7200)
    office.notifies()
    return office


def shown(office: EventOffice):
    return office.notifies(A)[-1]


@pytest.mark.parametrize("more", [ON_ELEMENTS, ON_ATTRIBUTES, f"<note>{'>' * 5000}</note>"])
def test_document_that_grows_when_it_is_told_is_refused_and_changes_nothing(office, more):
    body = pidf("open", "t", more)
    assert len(body.encode()) < SIZE_LIMIT_OCTETS
    assert office.publish("202", pidf("closed", "before")).status == 200
    told = shown(office).body
    assert office.publish("202", body).status == 413
    assert office.notifies() == []
    office.subscribe("203", "202", "presence")
    assert office.notifies()[-1].body == told


def test_long_namespace_that_is_said_once_is_told(office):
    assert office.publish("202", pidf("open", "t", f'<a xmlns="{LONG}"><b/><b/></a>')).status == 200
    assert shown(office).body.count(LONG.encode()) == 1


def test_neither_publishing_nor_watching_takes_much_work_whatever_is_published(office):
    publish_plain = count_work(lambda: office.publish("202", pidf("open", "t")))
    watch_plain = count_work(lambda: office.subscribe("203", "202", "presence", 0))
    body = pidf("open", "t", ON_ELEMENTS)
    largest = pidf("open", "t", "<a b='1'/>" * 380 + f"<note>{'x' * 9000}</note>")
    for number in range(10):
        assert office.publish("202", largest.replace('id="t"', f'id="t{number}"')).status == 200
    office.notifies()
    assert count_work(lambda: office.publish("202", body)) < 8 * publish_plain
    # composing joins what was written when it was published
    assert count_work(lambda: office.subscribe("203", "202", "presence", 0)) < 1.5 * watch_plain


def test_a_document_that_is_refused_was_not_written_to_its_end_before(office):
    body = pidf("open", "t", ON_ELEMENTS)
    tracemalloc.start()
    try:
        assert office.publish("202", body).status == 413
        most_octets = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most_octets < len(LONG) * 100 / 2


def test_what_is_too_much_loses_the_oldest_and_never_the_small_ones(office):
    office.publish("202", pidf("open", "small"), expires=3600)
    for number in range(8):
        office.publish("202", pidf("open", f"t{number}", f"<note>{'x' * 15000}</note>"))
    notify = shown(office)
    assert len(notify.body) <= 60_000
    assert list(basics(notify)) == ["t7", "t6", "t5", "small", "registration"]


def test_publication_on_disk_that_is_too_much_today_is_forgotten(office):
    office.publish("202", pidf("open", "old"))
    (key, row), = office.publication_rows.rows.items()
    office.publication_rows.rows[key] = row._replace(body=pidf("open", "t", ON_ELEMENTS).encode())
    office.restart()
    office.settle()
    assert list(basics(shown(office))) == ["registration"]
    assert office.publication_rows.rows == {}


def test_limit_leaves_room_for_every_id_to_become_another(office):
    many = "".join(f'<tuple id="{LONG[:40]}{number}"><status/></tuple>' for number in range(190))
    for _ in range(10):
        assert office.publish("202", pidf("open", "t", many)).status == 200
    body = shown(office).body
    assert 3 * RENDERING_OCTETS_MAX // 2 < len(body) <= 60_000
    identities = [piece.partition(b'"')[0] for piece in body.split(b'<tuple id="')[1:]]
    assert len(set(identities)) == len(identities)


def test_persons_of_all_are_one_with_the_first_ones_word(office):
    person = ('<person xmlns="urn:ietf:params:xml:ns:pidf:data-model" id="p"><r:activities '
              'xmlns:r="urn:ietf:params:xml:ns:pidf:rpid"><r:{0}/><r:{0}/></r:activities>{1}</person>')
    office.publish("202", pidf("open", "a", person.format("away", "<note>old</note>")))
    office.publish("202", pidf("open", "b", person.format("meal", "") + person.format("busy", "<note>new</note>")))
    office.publish("202", pidf("open", "c"))
    notify = shown(office)
    assert activities(notify) == ["meal", "busy", "away"]
    assert b"old" not in notify.body
    assert b"new" not in notify.body
