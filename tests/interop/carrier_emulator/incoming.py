# SPDX-License-Identifier: Apache-2.0
"""A call that comes to the emulated carrier: rings, is answered, refused, or spoilt as `Faults` says."""

from tests.interop.carrier_emulator.call import SESSION_TYPE, EmulatedCall, Lines
from tests.interop.carrier_emulator.letters import Letter, copied_lines
from tests.interop.carrier_emulator.voice import EmulatedVoice


class IncomingCall(EmulatedCall):
    """`invite` is what came, with credentials where the carrier asks for them."""

    invite: Letter

    def begin(self, invite: Letter) -> None:
        self.invite = invite
        self.requests.append(invite)
        self.local, self.remote = invite.header(b"to").decode(), invite.header(b"from").decode().split(";tag=")[0]
        self.learn_peer(invite)
        self.voice.aim(invite.body)
        self._reliable = 0
        self._waiting_answer = False
        self.respond(invite, 100, "Trying")

    def ring(self, status: int = 180, *, has_session: bool = False, lines: Lines = ()) -> None:
        """A provisional response, reliable where the carrier demands that (RFC 3262)."""
        with self.carrier.post.lock:
            body = self.session() if has_session else b""
            more = (("Contact", f"<sip:{self.carrier.hostport}>"), *((SESSION_TYPE,) if body else ()), *lines)
            reason = {180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress"}[status]
            if not self.carrier.habits.demands_reliable:
                self.respond(self.invite, status, reason, more, body)
                return
            self._reliable += 1
            more = (("Require", "100rel"), ("RSeq", str(500 + self._reliable)), *more)
            octets = self.respond(self.invite, status, reason, more, body)
            self.carrier.post.repeat(("1xx", self.call_id), octets, self.invite.source)

    def answer(self) -> None:
        """The 200, repeated until its ACK; after the PRACK where a reliable provisional waits for one."""
        with self.carrier.post.lock:
            if self._reliable:
                self._waiting_answer = True
            else:
                self._send_answer()

    def _send_answer(self) -> None:
        self.status = 200
        lines = (("Contact", f"<sip:{self.carrier.hostport}>"), ("Allow", self.carrier.allow),
                 *self.carrier.timer_lines(self.invite), SESSION_TYPE)
        octets = self.respond(self.invite, 200, "OK", lines, self.session())
        self.carrier.post.repeat(("2xx", self.call_id, self.local_tag), octets, self.invite.source)
        if self.carrier.faults.answers_twice:
            self._answer_again()
        if self.carrier.faults.says_bye_before_ack:
            self.bye()

    def _answer_again(self) -> None:
        """Another phone at the same time: a second dialog, with a session of its own."""
        voice = EmulatedVoice(self.carrier.host)
        self.carrier.voices.append(voice)
        head = [*copied_lines(self.invite, self.local_tag + "b"), ("Contact", f"<sip:b@{self.carrier.hostport}>"),
                SESSION_TYPE]
        body = self.session().replace(b"audio %d " % self.voice.port, b"audio %d " % voice.port)
        octets = self.carrier.write("SIP/2.0 200 OK", head, body)
        self.carrier.post.repeat(("2xx", self.call_id, self.local_tag + "b"), octets, self.invite.source)

    def refuse(self, status: int, reason: str = "No", lines: Lines = ()) -> None:
        with self.carrier.post.lock:
            self.status = status
            self.is_over = True
            octets = self.respond(self.invite, status, reason, lines)
            self.carrier.post.repeat(("refusal", self.call_id), octets, self.invite.source)

    def take_cancel(self, cancel: Letter) -> None:
        self.requests.append(cancel)
        self.was_cancelled = True
        self.respond(cancel, 200, "OK")
        if not self.status:
            self.carrier.post.settle(("1xx", self.call_id))
            self.refuse(487, "Request Terminated")

    def take_ack(self, ack: Letter) -> None:
        self.carrier.post.settle(("refusal", self.call_id))
        if self.status < 300:
            super().take_ack(ack)

    def take_request(self, request: Letter) -> None:
        if request.method == b"PRACK":
            wanted = b"%d %d INVITE" % (500 + self._reliable, self.invite.cseq[0])
            if request.header(b"rack") != wanted:                  # RFC 3262 section 3
                self.complaints.append(f"RAck {request.header(b'rack')!r}, not {wanted!r}")
                self.respond(request, 481, "No Such Response")
                return
            self.carrier.post.settle(("1xx", self.call_id))
        super().take_request(request)
        if request.method == b"PRACK" and self._waiting_answer:
            self._waiting_answer = False
            self._reliable = 0
            self._send_answer()
