# SPDX-License-Identifier: Apache-2.0
"""The event state compositor (RFC 3903 section 6): what phones publish about their users, under entity-tags.

Only this module changes a publication. A user has few: one more than that, and the one that would end first goes; it is
that of a phone which has lost its entity-tag.
"""

from collections.abc import Callable, Iterable
from typing import Final

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.pbx.expiry import ExpiryCalendar
from appliance.pbx.presence.event_reading import check_require, read_content_type, read_event
from appliance.pbx.presence.event_row import PublicationRow, PublicationStore
from appliance.pbx.presence.pidf import parse_pidf, read_summary
from appliance.pbx.presence.pidf_writing import Rendering, render
from appliance.pbx.register_reading import ExpiryPolicy
from appliance.sip.grammar import is_token
from appliance.sip.stack import SipStack

PACKAGE: Final = b"presence"
CONTENT_TYPE: Final = b"application/pidf+xml"
PUBLICATIONS_MAX: Final = 10
"""Of one user: as many as phones may be registered."""
ACCEPT: Final = b"Accept: application/pidf+xml\r\n"


class Publication:
    """One publication, read and written again once and for all: PeerError 400, 413 for a body that cannot be.

    rendering: as watchers are told; summary: as the operator is; order: of its last change; deadline: monotonic end.
    """

    __slots__ = ("body", "bucket_begin", "deadline", "etag", "order", "rendering", "summary", "target")

    def __init__(self, target: bytes, body: bytes) -> None:
        root = parse_pidf(body)
        self.target = target
        self.etag = b""
        self.body = body
        self.rendering = render(root)
        self.summary = read_summary(root)
        self.order = 0
        self.deadline = 0.0
        self.bucket_begin = 0.0

    def build_row(self, wall_offset: float) -> PublicationRow:
        """As it goes to disk."""
        return PublicationRow(self.target, self.etag, self.body, self.order, self.deadline + wall_offset)


class Publications:
    """All publications. on_change(target) is called after each change of the published state."""

    __slots__ = ("_by_target", "_expiry", "_on_change", "_order", "_stack", "_store", "policy", "wall_offset")

    def __init__(self, stack: SipStack, store: PublicationStore | None, on_change: Callable[[bytes], None],
                 wall_offset: float) -> None:
        self._stack = stack
        self._store = store
        self._on_change = on_change
        self._by_target: dict[bytes, dict[bytes, Publication]] = {}
        self._expiry: ExpiryCalendar[Publication] = ExpiryCalendar(stack.timers, self._expire)
        self._order = 0
        self.policy = ExpiryPolicy()
        self.wall_offset = wall_offset

    def renderings_of(self, target: bytes) -> list[Rendering]:
        """What is published about a user, the youngest change first."""
        found = self._by_target.get(target)
        if not found:
            return []
        return [one.rendering for one in sorted(found.values(), key=lambda one: one.order, reverse=True)]

    def publications(self) -> list[Publication]:
        """All of them, by target."""
        return [one for found in self._by_target.values() for one in found.values()]

    # PUBLISH

    def publish(self, message: Message, target: bytes, now: float) -> bytes:
        """Do what an authorised PUBLISH asks (section 6, steps 2-6); the lines of the 200. PeerError otherwise: then
        nothing has changed."""
        check_require(message)
        event = read_event(message)
        if event.package != PACKAGE:
            raise PeerError("unknown event package", 489, event.package, "RFC 3903 6 step 2")
        known = self._find_match(message, target)                                                   # step 3
        expires_s = self.policy.grant(message.expires if message.expires >= 0 else self.policy.default_s)   # step 4
        wanted = self._read_state(message, target, known) if expires_s else None                    # step 5
        if wanted is None:
            is_news = known is not None
        else:
            is_news = known is None or wanted.body != known.body
        if known is not None:
            self._take(known)
        etag = self._stack.new_tag()                                            # step 6: a new one each time
        if wanted is not None:
            self._enter(wanted, etag, now + expires_s, is_news)
        if is_news:
            self._on_change(target)
        return b"SIP-ETag: %b\r\nExpires: %d\r\n" % (etag, expires_s)

    def _find_match(self, message: Message, target: bytes) -> Publication | None:
        """The publication that SIP-If-Match names, None where there is no such field. PeerError 400, 412."""
        values = message.headers(b"SIP-If-Match")
        if not values:
            return None
        if len(values) != 1 or not is_token(values[0]):
            raise PeerError("SIP-If-Match is not one entity-tag", 400, values[0], "RFC 3903 6 step 3")
        known = self._by_target.get(target, {}).get(values[0])
        if known is None:
            raise PeerError("no such publication", 412, values[0], "RFC 3903 6 step 3")
        return known

    @staticmethod
    def _read_state(message: Message, target: bytes, known: Publication | None) -> Publication:
        """What is to be published from now on: the body, or what was. PeerError 400, 413, 415."""
        body = message.body
        if not body:
            if known is None:
                raise PeerError("nothing is published", 400, paragraph="RFC 3903 6 step 5")
            return known
        if read_content_type(message) != CONTENT_TYPE or message.header(b"Content-Encoding"):
            raise PeerError("not a presence document", 415, message.header(b"Content-Type") or b"", "RFC 3903 6 step 5")
        publication = Publication(target, body)
        publication.order = known.order if known is not None else 0
        return publication

    # the table

    def _enter(self, publication: Publication, etag: bytes, deadline: float, is_news: bool) -> None:
        if is_news:
            self._order += 1
            publication.order = self._order
        publication.etag = etag
        publication.deadline = deadline
        found = self._by_target.get(publication.target)
        while found and len(found) >= PUBLICATIONS_MAX:
            self._take(min(found.values(), key=lambda one: one.deadline))
        self._put(publication)
        if self._store is not None:
            self._store.save([publication.build_row(self.wall_offset)])

    def _put(self, publication: Publication) -> None:
        self._by_target.setdefault(publication.target, {})[publication.etag] = publication
        self._expiry.put(publication)

    def _take(self, publication: Publication) -> None:
        found = self._by_target[publication.target]
        del found[publication.etag]
        if not found:
            del self._by_target[publication.target]
        self._expiry.take(publication)
        self._drop_row(publication.target, publication.etag)

    def _drop_row(self, target: bytes, etag: bytes) -> None:
        if self._store is not None:
            self._store.delete([(target, etag)])

    def _expire(self, publication: Publication, now: float) -> None:
        if self._by_target.get(publication.target, {}).get(publication.etag) is publication:
            self._take(publication)
            self._on_change(publication.target)

    # the shell

    def restore(self, rows: Iterable[PublicationRow], now: float, wall_now: float,
                is_known: Callable[[bytes], bool]) -> int:
        """Take up what was stored; how many publications are alive. Nobody is told."""
        count = 0
        for row in rows:
            left_s = min(row.expires_wall_s - wall_now, float(self.policy.max_s))
            try:
                publication = Publication(row.target, row.body)
            except PeerError:
                left_s = 0.0    # of a version that took more than this one does
            if left_s <= 0 or not is_known(row.target):
                self._drop_row(row.target, row.etag)
                continue
            publication.etag, publication.order, publication.deadline = row.etag, row.sequence, now + left_s
            self._order = max(self._order, row.sequence)
            self._put(publication)
            count += 1
        return count

    def retain(self, extensions: frozenset[bytes]) -> None:
        """The configuration has changed: who is no user any more publishes nothing."""
        for publication in self.publications():
            if publication.target not in extensions:
                self._take(publication)

    def set_wall_offset(self, wall_offset: float) -> None:
        """The wall clock was set: what is on disk is written anew."""
        self.wall_offset = wall_offset
        if self._store is not None and self._by_target:
            self._store.save([one.build_row(wall_offset) for one in self.publications()])
