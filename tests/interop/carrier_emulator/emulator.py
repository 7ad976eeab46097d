# SPDX-License-Identifier: Apache-2.0
"""A carrier's SIP server for one subscriber, with the habits and the faults of real ones. Nothing of our stack in it.

    with CarrierEmulator(JP_050, host, account=("05011112222", "gw-user", "secret")) as carrier:
        carrier.wait_registered()
        call = carrier.call("05011112222")
"""

import itertools
import os
import re
import time
from dataclasses import dataclass

from tests.interop.carrier_emulator.call import EmulatedCall, Lines
from tests.interop.carrier_emulator.habits import CarrierHabits, Faults
from tests.interop.carrier_emulator.incoming import IncomingCall
from tests.interop.carrier_emulator.letters import Letter, copied_lines, is_authorized, uri_of, user_of, write
from tests.interop.carrier_emulator.outgoing import SOMEBODY, Caller, OutgoingCall
from tests.interop.carrier_emulator.post import Post
from tests.interop.carrier_emulator.voice import EmulatedVoice
from tests.interop.network import PATIENCE_S, wait_until

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Account:
    """What the carrier has given the office: its number and, where it asks for them, digest credentials."""

    number: str
    username: str = ""
    secret: str = ""


class CarrierEmulator:
    """`contact`: where the office is registered, "" while it is not; `calls`: every call, oldest first."""

    allow = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, INFO"

    def __init__(self, habits: CarrierHabits, host: str, port: int = 5060, *, account: Account,
                 answers_by_itself: bool = True, inbound_account: tuple[str, str] | None = None) -> None:
        """answers_by_itself: calls ring and are answered; else a test does it by `IncomingCall.ring` and `answer`."""
        self.habits, self.account = habits, account
        self.answers_by_itself, self.inbound_account = answers_by_itself, inbound_account
        self.faults = Faults()
        self.post = Post(host, port, self._deliver)
        self.post.is_dead = lambda: self.faults.is_dead
        self.host, self.port = self.post.host, self.post.port
        self.nonce = os.urandom(8).hex()
        self.contact = ""
        self.registered_until = 0.0
        self.calls: list[EmulatedCall] = []
        self.voices: list[EmulatedVoice] = []
        self.clients: dict[bytes, EmulatedCall] = {}
        self._invited_at = float("-inf")

    @property
    def hostport(self) -> str:
        return f"{self.host}:{self.port}"

    def __enter__(self) -> "CarrierEmulator":
        self.post.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.post.close()
        for voice in (*self.voices, *(call.voice for call in self.calls)):
            voice.close()

    # what a test asks for
    @property
    def is_registered(self) -> bool:
        return bool(self.contact) and time.monotonic() < self.registered_until

    def wait_registered(self, timeout_s: float = PATIENCE_S) -> None:
        wait_until(lambda: self.is_registered, timeout_s, f"a registration; came: {self.seen(b'REGISTER')[-2:]}")

    def seen(self, method: bytes) -> list[Letter]:
        """Every request of this method that ever came, copies included."""
        return [letter for letter in list(self.post.received) if letter.method == method]

    def call(self, number: str, caller: Caller = SOMEBODY, lines: Lines = (), *,
             contact: str = "", has_offer: bool = True) -> OutgoingCall:
        """Call one of the office's numbers at its registered Contact, or at `contact` for static trunks."""
        with self.post.lock:
            made = OutgoingCall(self, f"carrier-{next(_numbers)}-{os.getpid()}")
            self.calls.append(made)
            made.begin(number, contact or self.contact, caller, lines, has_offer=has_offer)
            return made

    def wait_call(self, timeout_s: float = PATIENCE_S) -> IncomingCall:
        """The last call that the office has made, past its challenge."""
        def find() -> IncomingCall | None:
            return next((call for call in reversed(list(self.calls)) if isinstance(call, IncomingCall)), None)
        found = wait_until(find, timeout_s, f"a call of the office; came: {self.seen(b'INVITE')[-1:]}")
        assert isinstance(found, IncomingCall)
        return found

    # writing
    def write(self, start: str, lines: list[tuple[str, str]], body: bytes = b"") -> bytes:
        return write(start, lines, body, is_compact=self.habits.is_compact)

    def reply(self, request: Letter, status: int, reason: str, lines: Lines = ()) -> None:
        """A final response outside any call."""
        self.post.answer(request, self.write(f"SIP/2.0 {status} {reason}",
                                             [*copied_lines(request, f"s{next(_numbers)}"), *lines]))

    def timer_lines(self, request: Letter) -> Lines:
        """Our half of RFC 4028 in a 2xx, where the carrier has session timers and the other side knows them."""
        asked = request.header(b"session-expires").split(b";")[0].strip().decode()
        if not self.habits.session_expires_s or not request.has_option(b"supported", b"timer"):
            return ()
        refresher = "uas" if self.habits.demands_session_timer else "uac"
        said = re.search(rb"refresher=(ua[cs])", request.header(b"session-expires"))
        return (("Session-Expires", f"{asked or self.habits.session_expires_s};refresher="
                                    f"{said[1].decode() if said else refresher}"), ("Require", "timer"))

    # reading
    def _deliver(self, letter: Letter) -> None:
        if letter.status:
            call = self.clients.get(letter.branch)
            if call is not None:
                call.take_response(letter)
            return
        if letter.method in self.faults.silent:
            return
        call = next((call for call in self.calls if call.call_id.encode() == letter.call_id), None)
        refusal = self.faults.refusals.get(letter.method)
        if refusal and not letter.tag(b"to"):
            retry = () if refusal[1] is None else (("Retry-After", str(refusal[1])),)
            self.reply(letter, refusal[0], "Service Unavailable", retry)
        elif letter.method == b"REGISTER":
            self._register(letter)
        elif letter.method == b"CANCEL" and isinstance(call, IncomingCall):
            call.take_cancel(letter)
        elif letter.method == b"ACK":
            if call is not None:
                call.take_ack(letter)
        elif call is not None and letter.tag(b"to"):
            call.take_request(letter)
        elif letter.method == b"INVITE" and not letter.tag(b"to"):
            self._take_invite(letter)
        elif letter.method == b"OPTIONS":
            self.reply(letter, 200, "OK", (("Allow", self.allow),))
        else:
            self.reply(letter, 481 if letter.tag(b"to") else 405, "No", (("Allow", self.allow),))

    def _is_admitted(self, request: Letter, status: int, header: str) -> bool:
        """Challenges where the carrier has digest; 403 for credentials that are wrong."""
        name = "Proxy-Authorization" if status == 407 else "Authorization"
        if not self.habits.has_digest or is_authorized(request, name.lower().encode(), self.nonce,
                                                       (self.account.username, self.account.secret)):
            return True
        if request.header(name.lower().encode()) and self.nonce.encode() in request.header(name.lower().encode()):
            self.reply(request, 403, "Forbidden")
        else:
            value = f'Digest realm="{self.habits.domain}", nonce="{self.nonce}", algorithm=MD5, qop="auth"'
            self.reply(request, status, "Authentication Required", ((header, value),))
        return False

    def _register(self, request: Letter) -> None:
        if self._has_wrong_port(request) or not self._is_admitted(request, 401, "WWW-Authenticate"):
            return
        if user_of(uri_of(request.header(b"to"))) != self.account.number:
            self.reply(request, 404, "Not Found")
            return
        general = re.search(rb"(\d+)", request.header(b"expires"))
        lines = []
        bound, bound_until = self.contact, self.registered_until
        for uri, parameters in re.findall(rb"<([^>]*)>([^,]*)", request.header(b"contact")):
            found = re.search(rb"expires=(\d+)", parameters) or general
            expires_s = min(int(found[1]) if found else self.habits.expires_s, self.habits.expires_s)
            if expires_s:
                bound, bound_until = uri.decode(), time.monotonic() + expires_s
                lines = [("Contact", f"<{bound}>;expires={expires_s}")]
            elif uri.decode() == bound:
                bound = ""
        if self.habits.has_service_route:
            lines += [("Service-Route", f"<sip:{self.hostport};lr;service>"),
                      ("P-Associated-URI", f"<sip:{self.account.number}@{self.habits.domain}>")]
        self.reply(request, 200, "OK", tuple(lines))
        # only now: a test that waits for it calls at once, and the office refuses calls until it has heard the 200
        self.contact, self.registered_until = bound, bound_until

    def _has_wrong_port(self, request: Letter) -> bool:
        """Hikari-denwa answers who does not speak from 5060 with 403, and sends that to 5060."""
        if not self.habits.demands_port_5060 or request.source[1] == 5060:
            return False
        request.source = request.source[0], 5060
        self.reply(request, 403, "Forbidden")
        return True

    def _take_invite(self, invite: Letter) -> None:
        if self._has_wrong_port(invite) or not self._is_admitted(invite, 407, "Proxy-Authenticate"):
            return
        refusal = self._find_refusal(invite)
        if refusal:
            self.reply(invite, *refusal)
            return
        call = IncomingCall(self, invite.call_id.decode())
        self.calls.append(call)
        call.begin(invite)
        if self.answers_by_itself:
            call.ring()
            call.answer()

    def _find_refusal(self, invite: Letter) -> tuple[int, str, Lines] | None:
        """What this carrier does not take."""
        habits = self.habits
        expires = re.match(rb"\d+", invite.header(b"session-expires"))
        now = time.monotonic()
        is_burst = habits.invites_a_second and now - self._invited_at < 1 / habits.invites_a_second
        self._invited_at = now
        if habits.demands_own_host and f"@{self.host}" not in invite.uri:
            return 404, "Not Found", ()
        if habits.demands_pcmu_alone and invite.body and not re.search(rb"^m=audio \d+ RTP/AVP 0\r?$", invite.body,
                                                                      re.MULTILINE):
            return 500, "Server Internal Error", ()
        if is_burst:
            return 500, "Server Internal Error", ()
        if habits.session_expires_s and expires and int(expires[0]) < habits.min_se_s:
            return 422, "Session Interval Too Small", (("Min-SE", str(habits.min_se_s)),)
        if habits.demands_reliable and not invite.has_option(b"supported", b"100rel"):
            return 421, "Extension Required", (("Require", "100rel"),)
        if habits.has_service_route and b"service" not in invite.header(b"route"):
            return 403, "Not by the Service-Route", ()
        return None
