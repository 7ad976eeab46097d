# SPDX-License-Identifier: Apache-2.0
"""Subscriptions and publications on disk: satisfies the stores of pbx.presence.event_row."""

from pathlib import Path
from time import monotonic
from typing import NamedTuple

from appliance.pbx.presence.event_row import PublicationRow, SubscriptionRow
from appliance.system.store.row_store import CLOSE_LIMIT_S, AlarmListener, SqliteRowStore
from appliance.system.store.row_table import Table

SUBSCRIPTIONS = Table("subscriptions", SubscriptionRow, {"call_id": bytes, "local_tag": bytes, "remote_tag": bytes}, 1,
                      "phones subscribe again by themselves, at the latest when they would have refreshed")
PUBLICATIONS = Table("publications", PublicationRow, {"target": bytes, "etag": bytes}, 1,
                     "phones publish again by themselves when they would have refreshed")


class EventRows(NamedTuple):
    """What was stored of both kinds."""

    subscriptions: list[SubscriptionRow]
    publications: list[PublicationRow]


class EventStores:
    """Both kinds, each in a file of its own under the state directory."""

    def __init__(self, directory: Path | str, on_alarm: AlarmListener) -> None:
        self.subscriptions: SqliteRowStore[SubscriptionRow] = SqliteRowStore(
            SUBSCRIPTIONS, Path(directory, "subscriptions.sqlite"), on_alarm)
        self.publications: SqliteRowStore[PublicationRow] = SqliteRowStore(
            PUBLICATIONS, Path(directory, "publications.sqlite"), on_alarm)

    def load(self) -> EventRows:
        """Everything stored; blocks, for the start alone."""
        return EventRows(self.subscriptions.load(), self.publications.load())

    def begin_closing(self) -> None:
        """Begin to write the rest, without waiting."""
        self.subscriptions.begin_closing()
        self.publications.begin_closing()

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> bool:
        """Write what is pending, within the limit; whether all of it is on disk."""
        deadline = monotonic() + limit_s
        is_written = self.subscriptions.close(limit_s)
        return self.publications.close(deadline - monotonic()) and is_written
