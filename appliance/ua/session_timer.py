# SPDX-License-Identifier: Apache-2.0
"""The session timer of one call, RFC 4028: who refreshes, how often, when to give up; and what both sides write.

Its call changes it with every 2xx to an INVITE or UPDATE.
"""

from typing import Final, NamedTuple, Protocol

from appliance.native.sip_scanner import Message
from appliance.ua.agent_core import AgentCore
from appliance.ua.profile import AgentProfile
from appliance.ua.request_draft import RequestDraft

TIMER: Final = b"timer"
MINIMUM_S: Final = 90
"""RFC 4028 4: no interval is shorter."""
_EARLY_S: Final = 32.0
_BUSY_S: Final = 2.0
_LEAST_RETRY_S: Final = 5.0


class Interval(NamedTuple):
    """What a 2xx says. seconds: the session interval; refresher: uac or uas; does_require: the caller must read it."""

    seconds: int
    refresher: bytes
    does_require: bool

    @property
    def lines(self) -> bytes:
        """Its header lines."""
        require = b"Require: timer\r\n" if self.does_require else b""
        return b"%sSession-Expires: %d;refresher=%s\r\n" % (require, self.seconds, self.refresher)


class TimerHost(Protocol):
    """Whose session it is."""

    def refresh_session(self, now: float) -> None:
        """Half the interval has passed: re-INVITE or UPDATE."""

    def expire_session(self, now: float) -> None:
        """Nobody has refreshed it in time."""


def read_seconds(value: bytes | None) -> int:
    """delta-seconds of Session-Expires or Min-SE; 0 where absent or unreadable."""
    if not value:
        return 0
    written = value.partition(b";")[0].strip()
    return int(written) if written.isdigit() and len(written) <= 9 else 0


def read_refresher(value: bytes) -> bytes:
    """uac, uas, or b"" where it is not said."""
    for part in value.split(b";")[1:] if value else ():
        name, _, role = part.partition(b"=")
        if name.strip().lower() == b"refresher" and role.strip().lower() in (b"uac", b"uas"):
            return role.strip().lower()
    return b""


def knows_timer(message: Message) -> bool:
    """Whether its sender does (9): who requires it does as well."""
    if TIMER in [tag.lower() for tag in message.values(b"Supported")]:
        return True
    return message.is_request and message.has_require and TIMER in [tag.lower() for tag in message.values(b"Require")]


def check_interval(request: Message, profile: AgentProfile) -> bytes:
    """9: the Min-SE line of a 422 where the interval is too short for us; b"" where nothing is wrong."""
    if TIMER not in profile.supported:
        return b""
    seconds = read_seconds(request.header(b"Session-Expires"))
    if not 0 < seconds < max(profile.min_se_s, MINIMUM_S) or not knows_timer(request):
        return b""
    return b"Min-SE: %d\r\n" % max(profile.min_se_s, MINIMUM_S)


def decide_interval(request: Message, profile: AgentProfile) -> Interval | None:
    """9 with table 2: what our 2xx to an INVITE or UPDATE says; None for no session timer."""
    written = request.header(b"Session-Expires") or b""
    asked_s = read_seconds(written)
    wanted_s = profile.session_expires_s
    if asked_s < MINIMUM_S:     # not even legal where it is there
        asked_s = 0
    if not asked_s and not wanted_s:
        return None
    floor_s = max(read_seconds(request.header(b"Min-SE")), MINIMUM_S)
    seconds = max(wanted_s, floor_s) if wanted_s else asked_s
    if asked_s:
        seconds = min(asked_s, seconds)
    is_known = knows_timer(request)
    refresher = (read_refresher(written) or b"uac") if is_known else b"uas"
    return Interval(seconds, refresher, is_known)


def read_interval(response: Message, asked_s: int) -> tuple[int, bool]:
    """7.2: of a 2xx the session interval, 0 for none, and whether we refresh; asked_s: what the UAC wants even where
    the UAS knows no timer, 0 for nothing."""
    written = response.header(b"Session-Expires") or b""
    return read_seconds(written) or asked_s, read_refresher(written) != b"uas"


class SessionTimer:
    """seconds: the interval, 0 while there is none; is_refresher: whether we refresh; prefers_invite: the peer knows
    no UPDATE whatever its Allow says."""

    __slots__ = ("_alarm", "_expires_at", "_host", "_min_se_s", "is_refresher", "prefers_invite", "seconds")

    def __init__(self, core: AgentCore, host: TimerHost) -> None:
        self._alarm = core.alarm()
        self._host = host
        self._expires_at = 0.0
        self._min_se_s = 0
        self.seconds = 0
        self.is_refresher = False
        self.prefers_invite = False

    def start(self, seconds: int, is_refresher: bool, now: float) -> None:
        """From a 2xx on (7.2, 9); seconds: as agreed on, at least those of 4."""
        self.seconds = max(seconds, MINIMUM_S)
        self.is_refresher = is_refresher
        # 10: BYE slightly before the expiration
        self._expires_at = now + self.seconds - min(_EARLY_S, self.seconds / 3)
        # 7.2: half the interval
        self._alarm.set(now + self.seconds / 2 if is_refresher else self._expires_at, self._ring)

    def answer(self, request: Message, interval: Interval, now: float) -> None:
        """From our 2xx to this request on (9)."""
        self.learn_minimum(read_seconds(request.header(b"Min-SE")))
        self.start(interval.seconds, interval.refresher == b"uas", now)

    def stop(self) -> None:
        """The session lasts as long as it lasts."""
        self.seconds = 0
        self._alarm.clear()

    def learn_minimum(self, seconds: int) -> None:
        """7.4: the largest Min-SE of 422 responses and of session refresh requests."""
        self._min_se_s = max(self._min_se_s, seconds)

    def write_request(self, draft: RequestDraft) -> None:
        """7.4: what a re-INVITE or UPDATE of ours says; the refresher stays who it is."""
        if self.seconds:
            draft.session_expires_s = max(self.seconds, self._min_se_s)
            draft.refresher = b"uac" if self.is_refresher else b"uas"
            draft.min_se_s = self._min_se_s

    def postpone(self, now: float) -> None:
        """Another change is under way, which may be a refresh itself."""
        self._alarm.set(min(now + _BUSY_S, self._expires_at), self._ring)

    def retry(self, now: float) -> None:
        """10: a refresh was refused; again later, not continuously."""
        wait_s = max((self._expires_at - now) / 2, _LEAST_RETRY_S)
        self._alarm.set(min(now + wait_s, self._expires_at), self._ring)

    def _ring(self, now: float) -> None:
        if now >= self._expires_at:
            self._host.expire_session(now)
            return
        self._alarm.set(self._expires_at, self._ring)
        self._host.refresh_session(now)
