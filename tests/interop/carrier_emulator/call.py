# SPDX-License-Identifier: Apache-2.0
"""One call at the emulated carrier, whoever began it: its dialog, its voice, and everything that came in it.

Methods that send may be called from a test at any time; what comes is handled in the carrier's thread.
"""

import itertools
import re
from typing import TYPE_CHECKING

from tests.interop.carrier_emulator.letters import Letter, copied_lines, target_of, uri_of, write_session
from tests.interop.carrier_emulator.voice import EmulatedVoice
from tests.interop.network import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from tests.interop.carrier_emulator.emulator import CarrierEmulator

_numbers = itertools.count(1)
Lines = tuple[tuple[str, str], ...]
SESSION_TYPE = ("Content-Type", "application/sdp")


class EmulatedCall:
    """`responses`, `requests`: what the other side sent, INVITE included; `status`: of the final response to the first
    INVITE, 0 before; `complaints`: what the other side should not have done."""

    def __init__(self, carrier: "CarrierEmulator", call_id: str) -> None:
        self.carrier, self.call_id = carrier, call_id
        self.local_tag, self.remote_tag = f"c{next(_numbers)}", ""
        self.local, self.remote, self.remote_target = "", "", ""
        self.outbound: tuple[str, int] | None = None               # where requests go while there is no route set
        self.routes: list[str] = []
        self.cseq = 100
        self.first_cseq = 100                                      # of an INVITE that made the dialog; 100: not ours
        self.version = 1
        self.status = 0
        self.without_offer: set[int] = set()                       # CSeq of our INVITEs whose 2xx brings the offer
        self.is_acked = self.is_over = self.was_cancelled = False
        self.ended_forks: set[str] = set()
        self.responses: list[Letter] = []
        self.requests: list[Letter] = []
        self.complaints: list[str] = []
        self.voice = EmulatedVoice(carrier.host)
        carrier.post.listen(self.voice)

    # what a test asks for
    def wait(self, condition, what: str, timeout_s: float = PATIENCE_S) -> object:
        return wait_until(lambda: condition(self), timeout_s, f"{what}: {self.call_id}, {self.complaints}")

    def wait_status(self) -> int:
        """The final status of the first INVITE."""
        self.wait(lambda call: call.status, "a final response")
        return self.status

    def wait_over(self) -> None:
        self.wait(lambda call: call.is_over, "the end of the call")

    def count(self, method: bytes) -> int:
        return sum(request.method == method for request in list(self.requests))

    def statuses(self, method: bytes) -> list[int]:
        """Every response that came to requests of this method."""
        return [letter.status for letter in list(self.responses) if letter.cseq[1] == method]

    def is_answered_again(self, count: int) -> bool:
        """Whether so many of our re-INVITEs have their 200."""
        answered = {letter.cseq[0] for letter in list(self.responses)
                    if letter.cseq[1] == b"INVITE" and letter.status == 200 and letter.cseq[0] > self.first_cseq}
        return len(answered) >= count

    def session(self, direction: str = "sendrecv") -> bytes:
        return write_session(self.carrier.host, self.voice.port, self.version, direction=direction,
                             has_digits=not self.carrier.habits.demands_pcmu_alone)

    def bye(self, lines: Lines = ()) -> None:
        self.send("BYE", lines)
        self.is_over = True

    def reinvite(self, direction: str = "sendrecv", *, has_offer: bool = True) -> None:
        """A new offer with this direction, or an INVITE without one."""
        with self.carrier.post.lock:
            self.version += 1
            if not has_offer:
                self.without_offer.add(self.cseq + 1)
            self.send("INVITE", (SESSION_TYPE,) if has_offer else (), self.session(direction) if has_offer else b"")

    def update(self, lines: Lines = ()) -> None:
        """Without a session: a refresh (RFC 4028 section 7.4)."""
        self.send("UPDATE", lines)

    # writing
    def send(self, method: str, lines: Lines = (), body: bytes = b"") -> str:
        """A request in the dialog, repeated until answered; its branch."""
        with self.carrier.post.lock:
            self.cseq += 1
            branch = f"z9hG4bKcar{next(_numbers)}"
            self.carrier.clients[branch.encode()] = self
            octets = self.write_request(method, branch, self.cseq, lines, body)
            self.carrier.post.repeat(branch.encode(), octets, self.next_hop())
            return branch

    def next_hop(self) -> tuple[str, int]:
        if self.routes or self.outbound is None:
            return target_of(self.routes[0] if self.routes else self.remote_target)
        return self.outbound

    def write_request(self, method: str, branch: str, cseq: int, lines: Lines = (), body: bytes = b"") -> bytes:
        tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        head = [("Via", f"SIP/2.0/UDP {self.carrier.hostport};branch={branch};rport"), ("Max-Forwards", "70"),
                *(("Route", f"<{route}>") for route in self.routes),
                ("From", f"{self.local};tag={self.local_tag}"), ("To", self.remote + tag),
                ("Call-ID", self.call_id), ("CSeq", f"{cseq} {method}"), *lines]
        if method in ("INVITE", "UPDATE"):
            head.append(("Contact", f"<sip:{self.carrier.hostport}>"))
        return self.carrier.write(f"{method} {self.remote_target} SIP/2.0", head, body)

    def respond(self, request: Letter, status: int, reason: str, lines: Lines = (), body: bytes = b"") -> bytes:
        """Answer a request of this call."""
        head = [*copied_lines(request, self.local_tag if status > 100 else ""), *lines]
        octets = self.carrier.write(f"SIP/2.0 {status} {reason}", head, body)
        self.carrier.post.answer(request, octets)
        return octets

    # what comes in the dialog, whoever began it
    def take_request(self, request: Letter) -> None:
        self.requests.append(request)
        if request.method == b"BYE":
            self._take_bye(request)
        elif request.method in (b"INVITE", b"UPDATE") and request.body:
            self.voice.aim(request.body)
            self.version += 1
            direction = {b"a=sendonly": "recvonly", b"a=inactive": "inactive", b"a=recvonly": "sendonly"}
            found = re.search(rb"^a=(?:sendonly|inactive|recvonly)", request.body, re.MULTILINE)
            self._accept(request, self.session(direction[found[0]] if found else "sendrecv"))
        elif request.method == b"INVITE":
            self._accept(request, self.session())
        elif request.method in (b"UPDATE", b"INFO", b"OPTIONS", b"PRACK"):
            self._accept(request)
        else:
            self.complaints.append(f"{request.method.decode()} came to the carrier")
            self.respond(request, 405, "Method Not Allowed", (("Allow", self.carrier.allow),))

    def _take_bye(self, request: Letter) -> None:
        tag = request.tag(b"to")
        if tag == self.local_tag:
            self.is_over = True
        else:
            self.ended_forks.add(tag)
        self.carrier.post.settle(("2xx", self.call_id, tag))
        self.respond(request, 200, "OK")

    def _accept(self, request: Letter, body: bytes = b"") -> None:
        timer = self.carrier.timer_lines(request) if request.method in (b"INVITE", b"UPDATE") else ()
        lines = (("Contact", f"<sip:{self.carrier.hostport}>"), *timer, *((SESSION_TYPE,) if body else ()))
        octets = self.respond(request, 200, "OK", lines, body)
        if request.method == b"INVITE":
            self.carrier.post.repeat(("2xx", self.call_id, self.local_tag), octets, request.source)

    def take_ack(self, ack: Letter) -> None:
        if self.carrier.faults.lost_acks > 0:
            self.carrier.faults.lost_acks -= 1
            return
        self.requests.append(ack)
        self.carrier.post.settle(("2xx", self.call_id, ack.tag(b"to")))
        self.is_acked = True
        if ack.body:
            self.voice.aim(ack.body)

    def take_response(self, response: Letter) -> None:
        """To a request inside the dialog."""
        self.responses.append(response)
        if response.status < 200:
            return
        self.carrier.post.settle(response.branch)
        if response.cseq[1] == b"INVITE":
            self.acknowledge(response)

    def acknowledge(self, response: Letter) -> None:
        """ACK: of its own for a 2xx (RFC 3261 section 13.2.2.4), within the transaction for others (17.1.1.3)."""
        number = response.cseq[0]
        branch = f"z9hG4bKack{next(_numbers)}" if response.status < 300 else response.branch.decode()
        if response.body and response.status < 300:
            self.voice.aim(response.body)
        has_answer = number in self.without_offer and response.status < 300     # RFC 3261 section 13.2.2.4
        self.carrier.post.send(self.write_request("ACK", branch, number, (SESSION_TYPE,) if has_answer else (),
                                                  self.session() if has_answer else b""), self.next_hop())

    def learn_peer(self, letter: Letter) -> None:
        """Remote tag, target and route set from what makes the dialog (RFC 3261 section 12.1)."""
        routes = [uri_of(part.strip()) for value in letter.all(b"record-route") for part in
                  re.findall(rb"<[^>]+>", value)]
        self.remote_tag = letter.tag(b"to" if letter.status else b"from")
        self.routes = routes[::-1] if letter.status else routes
        if letter.header(b"contact"):
            self.remote_target = letter.contact
