# SPDX-License-Identifier: Apache-2.0
"""One call of a handset: its session, and what the user agent says of it, told on in words that a telephone needs.

Changed by the user agent (CallEvents) and by its handset, which holds at most three of them.
"""

from __future__ import annotations

from typing import Final, Protocol

from appliance.errors import PeerError
from appliance.handset.call_session import CallSession
from appliance.handset.voice import RemoteVoice, Voice, VoicePort
from appliance.native.sip_scanner import Message, split_address
from appliance.sdp.codec import Codec
from appliance.sdp.direction import Direction
from appliance.sdp.negotiation import AgreedStream
from appliance.sip.flow import Flow
from appliance.sip.locating.search import Verdict
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.alarm import Alarm
from appliance.ua.call_events import Alert, CallHandle, IncomingCall, Release
from appliance.ua.in_dialog_methods import refuse_unwanted
from appliance.ua.incoming_invite import IncomingInvite
from appliance.ua.invite_usage import InviteUsage, UsageState
from appliance.ua.outgoing_invite import OutgoingInvite
from appliance.ua.referral import Referral
from appliance.ua.replaces import Replaces
from appliance.ua.request_draft import RequestDraft
from appliance.ua.user_agent import UserAgent

UNACCEPTABLE: Final = 488
WHY_UNACCEPTABLE: Final = b'Warning: 305 denwaban "Incompatible media format"\r\n'
NOT_FOUND: Final = 404              # RFC 3261 21.4.5: the DNS says so, and nobody else could know better
AGAIN_S: Final = 2.0                # until a change that could not be made is tried again


class CallOwner(Protocol):
    """The handset."""

    def call_offered(self, call: PhoneCall, now: float) -> None:
        """It comes in, and could be answered."""

    def call_progressed(self, call: PhoneCall, status: int, now: float) -> None:
        """It rings there, or something like it."""

    def call_answered(self, call: PhoneCall, now: float) -> None:
        """Both sides know that it stands."""

    def call_changed(self, call: PhoneCall, now: float) -> None:
        """Its session is another now."""

    def call_ended(self, call: PhoneCall, status: int, now: float) -> None:
        """It is over; status: as in Release."""

    def transfer_asked(self, call: PhoneCall, referral: Referral, now: float) -> None:
        """The other side wants us to talk to somebody else: to be accepted or refused."""


class PhoneCall:
    """peer: who is there, for people; target: the URI that others reach them by; usage: from the moment it was begun;
    is_emergency: whether it is one; replaced: the call whose place it takes (RFC 3891), None for most."""

    __slots__ = ("_again", "_answer", "_is_changing", "_owner", "_wanted", "has_ended", "is_confirmed", "is_emergency",
                 "is_incoming", "peer", "port", "replaced", "session", "target", "usage")

    def __init__(self, owner: CallOwner, port: VoicePort, session: CallSession, again: Alarm) -> None:
        self._owner = owner
        self._again = again
        self._answer = b""
        self._is_changing = False
        self._wanted = Direction.SENDRECV
        self.port = port
        self.session = session
        self.usage: InviteUsage | None = None
        self.peer = ""
        self.target = b""
        self.is_incoming = False
        self.is_confirmed = False
        self.is_emergency = False
        self.has_ended = False
        self.replaced: PhoneCall | None = None

    # what the handset asks for

    def begin(self, agent: UserAgent, draft: RequestDraft, now: float) -> None:
        """Call somebody."""
        self.usage = agent.place_call(draft, self, now)

    def alert(self, now: float) -> None:
        """It rings here."""
        if isinstance(self.usage, IncomingInvite):
            self.usage.alert(180, now)

    def answer(self, now: float) -> None:
        """The receiver is lifted."""
        if isinstance(self.usage, IncomingInvite):
            self.usage.answer(self._answer or self.session.write_offer(Direction.SENDRECV), now)

    def hang_up(self, now: float, status: int = 486) -> None:
        """Whatever it is doing; status: of a refusal."""
        if self.usage is not None and not self.has_ended:
            self.usage.hang_up(now, b"", status)

    def want(self, direction: Direction, now: float) -> None:
        """Hold it (sendonly, RFC 3264 8.4) or take it back."""
        self._wanted = direction
        self._settle(now)

    def _settle(self, now: float) -> None:
        if self.usage is None or self.has_ended or self._is_changing or not self.is_confirmed:
            return
        if self.session.direction is self._wanted:
            return
        self._is_changing = self.usage.change_session(self.session.write_offer(self._wanted), now)
        if not self._is_changing:
            self._again.set(now + AGAIN_S, self._settle)

    @property
    def is_unheard(self) -> bool:
        """Whether nobody, not even the server, has said a word to our INVITE."""
        return self.usage is not None and self.usage.state is UsageState.CALLING

    @property
    def flow(self) -> Flow | None:
        """The way that the other side was last heard on."""
        return None if self.usage is None else self.usage.dialog.flow

    def join(self, voice: Voice) -> None:
        """Its voice is heard and ours goes there, as far as both sides have agreed."""
        stream = self.session.agreed
        if stream is None or stream.speech is None:
            return
        voice.connect(self.port, name_remote(stream, stream.speech))
        is_talk = self.is_confirmed or self.is_incoming
        voice.let_pass(stream.may_send and is_talk, stream.direction.is_receiving)

    def name_dialog(self) -> Replaces | None:
        """As the other side knows it; None before it is confirmed."""
        if self.usage is None or not self.is_confirmed:
            return None
        dialog = self.usage.dialog
        return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)

    # CallEvents

    def offered(self, call: IncomingCall, offer: bytes, now: float) -> None:
        """CallEvents."""
        assert isinstance(call, IncomingInvite)
        self.usage = call
        self.is_incoming = True
        address = split_address(call.dialog.remote)
        self.target = address[1]
        self.peer = address[1].decode("utf-8", "replace")
        try:
            self._answer = self.session.answer(offer, Direction.SENDRECV) if offer else b""
        except PeerError:
            self._answer = b""
        if offer and not self._answer:
            call.refuse(UNACCEPTABLE, now, WHY_UNACCEPTABLE)     # RFC 3261 13.3.1.3
            return
        self._owner.call_offered(self, now)

    def alerted(self, call: CallHandle, alert: Alert, now: float) -> None:
        """CallEvents."""
        if alert.session:
            self._take_answer(alert.session)
        self._owner.call_progressed(self, alert.status, now)

    def answer_received(self, call: CallHandle, answer: bytes, now: float) -> None:
        """CallEvents."""
        self._is_changing = False
        if not self._take_answer(answer) and self.usage is not None:
            self.usage.hang_up(now)     # nothing that could be spoken
            return
        self._owner.call_changed(self, now)
        self._settle(now)

    def _take_answer(self, answer: bytes) -> bool:
        try:
            return self.session.take_answer(answer)
        except PeerError:
            return False

    def offer_received(self, call: CallHandle, offer: bytes, now: float) -> None:
        """CallEvents."""
        try:
            answer = self.session.answer(offer, self._wanted)
        except PeerError:
            answer = b""
        if answer:
            call.answer_offer(answer, now)
            self._owner.call_changed(self, now)
        else:
            call.refuse_offer(UNACCEPTABLE, now, WHY_UNACCEPTABLE)

    def offer_wanted(self, call: CallHandle, now: float) -> None:
        """CallEvents."""
        call.answer_offer(self.session.write_offer(self._wanted), now)

    def confirmed(self, call: CallHandle, now: float) -> None:
        """CallEvents."""
        self.is_confirmed = True
        self._owner.call_answered(self, now)
        self._settle(now)

    def change_refused(self, call: CallHandle, status: int, now: float) -> None:
        """CallEvents."""
        self._is_changing = False
        if self.session.direction is self._wanted:      # as offered: what holds is the other one
            self.session.direction = (Direction.SENDONLY if self._wanted is Direction.SENDRECV else Direction.SENDRECV)
        if status >= 500:
            self._again.set(now + AGAIN_S, self._settle)

    def request_received(self, call: CallHandle, server: ServerTransaction, request: Message, now: float) -> None:
        """CallEvents."""
        refuse_unwanted(server, request, now)

    def transfer_asked(self, call: CallHandle, referral: Referral, now: float) -> None:
        """CallEvents."""
        self._owner.transfer_asked(self, referral, now)

    def released(self, call: CallHandle, release: Release, now: float) -> None:
        """CallEvents."""
        self.has_ended = True
        self._again.clear()
        self.port.close()
        is_nowhere = isinstance(call, OutgoingInvite) and call.verdict is Verdict.ABSENT and release.message is None
        self._owner.call_ended(self, NOT_FOUND if is_nowhere else release.status, now)


def name_remote(stream: AgreedStream, speech: Codec) -> RemoteVoice:
    """Where both sides have agreed that our voice goes."""
    event = stream.event_payload_type
    (connection, port), (reports, reports_port) = stream.remote, stream.remote_rtcp
    return RemoteVoice(connection.address.decode("ascii", "replace"), port, speech.payload_type,
                       -1 if event is None else event, reports.address.decode("ascii", "replace"), reports_port)
