# SPDX-License-Identifier: Apache-2.0
"""One side of a call: an INVITE usage on a line. It tells its owner, in call-control signals, what happens there.

One class for both directions. Whoever owns it (a hunt, a call that is set up, a bridge) takes it over by `owner`.
"""

from __future__ import annotations

from typing import Final, Protocol

from appliance.call.call_record import LegRecord
from appliance.call.line import Line
from appliance.call.media_pair import MediaEnd
from appliance.call.nobody import NOBODY
from appliance.call.party import Party
from appliance.call.sound import Sound
from appliance.native.sip_scanner import Message
from appliance.rtp.relaying import DirectionFigures
from appliance.sdp.origin import OwnOrigin
from appliance.sip.flow import Flow, Listener
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import Alert, CallHandle, Cause, IncomingCall, Release
from appliance.ua.incoming_invite import IncomingInvite
from appliance.ua.invite_usage import InviteUsage
from appliance.ua.referral import Referral

INCOMING: Final = "incoming"
OUTGOING: Final = "outgoing"
CAUSE_WORDS: Final = tuple([cause.name.lower() for cause in Cause])
"""For people, by the number of the cause."""


class LegCall(Protocol):
    """The call that a leg is part of."""

    number: int
    legs: list[Leg]

    def wall(self, now: float) -> float:
        """Wall clock time of a monotonic one."""


class LegOwner(Protocol):
    """Who decides what a leg's signals mean."""

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """The other side offers a session: in its INVITE, a change of session, a response to an INVITE without one."""

    def leg_wanted_offer(self, leg: Leg, now: float) -> None:
        """It wants us to offer: a re-INVITE without a session."""

    def leg_alerted(self, leg: Leg, alert: Alert, now: float) -> None:
        """A provisional response above 100."""

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """It answers our offer."""

    def leg_confirmed(self, leg: Leg, now: float) -> None:
        """The call stands on this side."""

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """Our change of session was refused."""

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """A request in its dialog that belongs to neither set-up nor session: to be answered."""

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """It wants the other side to be connected to somebody else (REFER)."""

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """It is over."""


class Leg:
    """call: that it is part of; line: where it is; party: who is there; flow: its signalling, of an incoming leg;
    branch: under which To tag the caller knows it (IncomingInvite.alert); origin: of what we say there; is_phone: of
    the office; speaker: the call or early dialog whose session was last spoken of; let_go_at: when it was hung up,
    monotonic seconds, 0.0 for not yet: it may be long in ending (RFC 3261 9.1)."""

    __slots__ = ("branch", "call", "direction", "flow", "has_ended", "is_confirmed", "is_phone", "let_go_at", "line",
                 "origin", "owner", "party", "record", "sound", "speaker", "status", "usage")

    def __init__(self, call: LegCall, line: Line, direction: str, party: Party, owner: LegOwner) -> None:
        self.call = call
        self.line = line
        self.direction = direction
        self.party = party
        self.owner = owner
        self.usage: InviteUsage | None = None
        self.speaker: CallHandle | None = None
        self.flow: Flow | None = None
        self.origin: OwnOrigin | None = None
        self.branch = 0
        self.status = 0
        self.is_phone = False
        self.is_confirmed = False
        self.has_ended = False
        self.let_go_at = 0.0
        self.record = LegRecord(line.name, direction, party.number.decode("utf-8", "replace"),
                                party.name.decode("utf-8", "replace"))
        self.sound = Sound()
        line.call_begins()

    @property
    def handle(self) -> InviteUsage:
        """Its usage, which it has from the moment that it was begun."""
        assert self.usage is not None
        return self.usage

    @property
    def incoming(self) -> IncomingInvite:
        """The usage of a leg that called us."""
        assert isinstance(self.usage, IncomingInvite)
        return self.usage

    @property
    def listener(self) -> Listener | None:
        """Of ours, that its signalling passes by; None while nobody knows."""
        usage = self.usage
        flow = (usage.dialog.flow or usage.flow if usage is not None else None) or self.flow
        return None if flow is None else flow.listener

    @property
    def extension(self) -> bytes:
        """The extension of ours that is there, whose rights count; b"" for everybody else."""
        return b"" if self.line.is_trunk or self.party.domain else self.party.number

    @property
    def is_ringing(self) -> bool:
        """Whether it was told to ring and has neither answered nor ended."""
        return not self.is_confirmed and not self.has_ended and self.status >= 180

    # CallEvents: what the usage says

    def offered(self, call: IncomingCall, offer: bytes, now: float) -> None:
        """CallEvents."""
        assert isinstance(call, IncomingInvite)
        self.usage = call
        self.owner.leg_offered(self, offer, now)

    def alerted(self, call: CallHandle, alert: Alert, now: float) -> None:
        """CallEvents."""
        self.status = alert.status
        self.owner.leg_alerted(self, alert, now)

    def answer_received(self, call: CallHandle, answer: bytes, now: float) -> None:
        """CallEvents."""
        self.speaker = call
        self.owner.leg_agreed(self, answer, now)

    def offer_received(self, call: CallHandle, offer: bytes, now: float) -> None:
        """CallEvents."""
        self.speaker = call
        self.owner.leg_offered(self, offer, now)

    def offer_wanted(self, call: CallHandle, now: float) -> None:
        """CallEvents."""
        self.owner.leg_wanted_offer(self, now)

    def confirmed(self, call: CallHandle, now: float) -> None:
        """CallEvents."""
        self.is_confirmed = True
        self.status = 200
        self.record.answered_at = self.record.answered_at or self.call.wall(now)
        self.owner.leg_confirmed(self, now)

    def change_refused(self, call: CallHandle, status: int, now: float) -> None:
        """CallEvents."""
        self.owner.leg_refused_change(self, status, now)

    def request_received(self, call: CallHandle, server: ServerTransaction, request: Message, now: float) -> None:
        """CallEvents."""
        self.owner.leg_requested(self, server, request, now)

    def transfer_asked(self, call: CallHandle, referral: Referral, now: float) -> None:
        """CallEvents."""
        self.owner.leg_referred(self, referral, now)

    def released(self, call: CallHandle, release: Release, now: float) -> None:
        """CallEvents."""
        if self.has_ended:      # forgotten: its call is over
            self.line.call_ends()
            return
        self.has_ended = True
        if release.status and not self.is_confirmed:
            self.status = release.status
        self._close_record(self.call.wall(now), CAUSE_WORDS[release.cause])
        self.line.call_ends()
        self.owner.leg_released(self, release, now)

    def forget(self, ended_at: float) -> None:
        """Nobody waits any more until who was let go says so; ended_at: for the record, wall clock. It keeps its
        channel until it is over."""
        self.has_ended = True
        self._close_record(ended_at, CAUSE_WORDS[Cause.CANCELLED])

    def _close_record(self, ended_at: float, reason: str) -> None:
        record = self.record
        record.status = self.status
        record.ended_at = ended_at
        record.reason = record.reason or reason
        self._note_dialog()

    def _note_dialog(self) -> None:
        usage, record = self.usage, self.record
        if usage is not None:
            flow = usage.flow or self.flow
            record.address = "" if flow is None else flow.hostport.decode("ascii", "replace")
            record.call_id = usage.dialog.call_id.decode("latin-1")
            record.local_tag = usage.dialog.local_tag.decode("latin-1")
            record.remote_tag = usage.dialog.remote_tag.decode("latin-1")

    def note_media(self, received: DirectionFigures, sent: DirectionFigures) -> None:
        """What has come from this side, and what went there."""
        self.sound.note_end(received, sent.sent, self.record)

    # what its owner asks for

    def move(self, call: LegCall) -> None:
        """It is part of another call from now on."""
        self.call.legs.remove(self)
        self.call = call
        call.legs.append(self)

    def media_end(self) -> MediaEnd:
        """Where its media are, by where its signalling is."""
        flow = self.flow
        peer_host = None if flow is None else flow.address
        line = self.line
        return MediaEnd(line.media_host(flow), line.bind_host(flow), peer_host, dscp=line.dscp)

    def cut_circles(self) -> None:
        """Nothing comes any more, and nobody looks at it: what it refers to refers to it."""
        if self.usage is not None:
            self.usage.events = NOBODY
        del self.call, self.owner

    def hang_up(self, now: float, lines: bytes = b"") -> None:
        """End it, whatever it is doing; nothing when it has ended."""
        if not self.has_ended and self.usage is not None:
            self.let_go_at = self.let_go_at or now
            self.usage.hang_up(now, lines)
