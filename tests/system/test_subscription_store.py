# SPDX-License-Identifier: Apache-2.0
"""Subscriptions and publications in SQLite: what goes in comes out, octet for octet; what was taken out stays out."""

import time

from appliance.pbx.presence.event_row import PublicationRow, SubscriptionRow
from appliance.system.store.subscription_store import EventStores

LATER = time.time() + 100_000
SUBSCRIPTION = SubscriptionRow(b"call@\x00host", b"ours", b"theirs", b"dialog", b"dialog;id=7", b"201", b"202",
                               b"<sip:202@o>;tag=ours", b"<sip:201@o>;tag=theirs", b"sip:201@192.0.2.1",
                               b"<sip:a;lr>,<sip:b;lr>", 104, 7, 0.5, LATER, "office", b"UDP", b"192.0.2.1", 5060)
PUBLICATION = PublicationRow(b"202", b"etag1", b"<presence>\xff</presence>", 3, LATER)


def fail_on_alarm(name: str, sentence: str, remedy: str, is_raised: bool) -> None:
    raise AssertionError(f"{name}: {sentence}")


def test_rows_survive_closing_and_opening(tmp_path):
    stores = EventStores(tmp_path, fail_on_alarm)
    other = SUBSCRIPTION._replace(local_tag=b"another")
    stores.subscriptions.save([SUBSCRIPTION, other])
    stores.publications.save([PUBLICATION])
    assert stores.close()
    found = EventStores(tmp_path, fail_on_alarm).load()
    assert sorted(found.subscriptions) == sorted([SUBSCRIPTION, other])
    assert found.publications == [PUBLICATION]


def test_a_row_is_replaced_by_its_key_and_removed_by_it(tmp_path):
    stores = EventStores(tmp_path, fail_on_alarm)
    stores.subscriptions.save([SUBSCRIPTION])
    stores.subscriptions.save([SUBSCRIPTION._replace(local_cseq=204)])
    stores.publications.save([PUBLICATION, PUBLICATION._replace(etag=b"etag2")])
    stores.publications.delete([PUBLICATION.key])
    assert stores.close()
    found = EventStores(tmp_path, fail_on_alarm).load()
    assert [row.local_cseq for row in found.subscriptions] == [204]
    assert [row.etag for row in found.publications] == [b"etag2"]
