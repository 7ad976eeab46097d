# SPDX-License-Identifier: Apache-2.0
"""A call from the emulated carrier to one of our numbers, written as its habits say, or spoilt as `Faults` says."""

import re
from dataclasses import dataclass

from tests.interop.carrier_emulator.call import SESSION_TYPE, EmulatedCall, Lines
from tests.interop.carrier_emulator.letters import Letter
from tests.interop.raw_sip import digest_value


@dataclass(frozen=True)
class Caller:
    """Who calls. number "" and is_withheld: the carrier knows, but we are not told."""

    number: str = "0312345678"
    name: str = ""
    is_withheld: bool = False


SOMEBODY = Caller()


class OutgoingCall(EmulatedCall):
    """`status` becomes the final status of its INVITE."""

    def begin(self, number: str, contact: str, caller: Caller, lines: Lines = (), *, has_offer: bool = True) -> None:
        """number: ours, as the carrier knows it; contact: our registered Contact."""
        habits, host = self.carrier.habits, self.carrier.habits.domain
        in_request_uri = re.sub(r"^sip:[^@]*@|^sip:", f"sip:{number}@", contact, count=1)
        self.remote_target = in_request_uri if habits.called_in == "request-uri" else contact
        called = "main-number" if habits.called_in == "p-called-party-id" else number
        self.remote = f"<sip:{called}@{host}>"
        shown = f'"{caller.name}" ' if caller.name else ""
        self.local = '"Anonymous" <sip:anonymous@anonymous.invalid>' if caller.is_withheld else \
            f"{shown}<sip:{caller.number}@{host};user=phone>"
        self.invite((*self._identity(number, caller), *self._wishes(), *lines), has_offer=has_offer)

    def _identity(self, number: str, caller: Caller) -> Lines:
        habits = self.carrier.habits
        lines: list[tuple[str, str]] = []
        if habits.called_in == "p-called-party-id":
            lines.append(("P-Called-Party-ID", f"<sip:{number}@{habits.domain}>"))
        if habits.has_asserted_identity and caller.number:
            lines.append(("P-Asserted-Identity", f"<sip:{caller.number}@{habits.domain};user=phone>"))
            lines.append(("P-Asserted-Identity", f"<tel:{caller.number};phone-context={habits.domain}>"))
        if caller.is_withheld:
            lines.append(("Privacy", "id"))
        return tuple(lines)

    def _wishes(self) -> Lines:
        habits = self.carrier.habits
        supported = [*(["timer"] if habits.session_expires_s else []), "100rel"]
        lines = [("Supported", ", ".join(supported)), ("Allow", self.carrier.allow)]
        if habits.demands_reliable:
            lines.append(("Require", "100rel"))
        if habits.session_expires_s:
            lines += [("Session-Expires", str(habits.session_expires_s)), ("Min-SE", str(habits.min_se_s))]
        return tuple(lines)

    def invite(self, lines: Lines, *, has_offer: bool = True) -> None:
        """The first INVITE; `remote_target`, `remote` and `local` are set."""
        self._lines, self._has_offer = lines, has_offer
        body = self.session() if has_offer else b""
        if not has_offer:
            self.without_offer.add(self.cseq + 1)
        self._branch = self.send("INVITE", (*lines, *((SESSION_TYPE,) if body else ())), body).encode()
        self.first_cseq = self.cseq

    def cancel(self, lines: Lines = ()) -> None:
        """CANCEL has the INVITE's branch (RFC 3261 section 9.1)."""
        self.was_cancelled = True
        octets = self.write_request("CANCEL", self._branch.decode(), self.cseq, lines)
        self.carrier.post.repeat((self._branch, "CANCEL"), octets, self.next_hop())

    def take_response(self, response: Letter) -> None:
        if response.branch != self._branch:
            super().take_response(response)
        elif response.cseq[1] == b"CANCEL":
            self.responses.append(response)
            self.carrier.post.settle((self._branch, "CANCEL"))
        elif response.status < 200:
            self._take_provisional(response)
        elif response.status < 300:
            self._take_answer(response)
        else:
            self._take_refusal(response)

    def _take_provisional(self, response: Letter) -> None:
        self.responses.append(response)
        self.carrier.post.settle(self._branch)
        if not response.has_option(b"require", b"100rel"):
            return
        self.learn_peer(response)
        if response.body:
            self.voice.aim(response.body)
        rack = f"{response.header(b'rseq').decode()} {response.header(b'cseq').decode()}"
        if not any(letter.header(b"rseq") == response.header(b"rseq") for letter in self.responses[:-1]):
            self.send("PRACK", (("RAck", rack),))

    def _take_answer(self, response: Letter) -> None:
        faults = self.carrier.faults
        if faults.lost_200 > 0:
            faults.lost_200 -= 1
            return
        self.responses.append(response)
        self.carrier.post.settle(self._branch)
        is_first, self.status = not self.status, response.status
        self.learn_peer(response)
        if faults.never_acks:
            return
        if is_first and faults.says_bye_before_ack:
            self.bye()
        self.acknowledge(response)
        if is_first and self.carrier.habits.demands_session_timer and not response.header(b"session-expires"):
            self.complaints.append("a 200 without Session-Expires")
            self.bye()

    def _take_refusal(self, response: Letter) -> None:
        self.responses.append(response)
        self.carrier.post.settle(self._branch)
        self.remote_tag, tag = response.tag(b"to"), self.remote_tag
        self.acknowledge(response)
        self.remote_tag = tag
        account = self.carrier.inbound_account
        if response.status in (401, 407) and account and not any("Authorization" in line[0] for line in self._lines):
            is_proxy = response.status == 407
            challenge = response.header(b"proxy-authenticate" if is_proxy else b"www-authenticate").decode()
            name = "Proxy-Authorization" if is_proxy else "Authorization"
            self.remote_tag = ""
            self.invite((*self._lines, (name, digest_value(challenge, "INVITE", self.remote_target, *account))),
                        has_offer=self._has_offer)
            return
        self.status = response.status
        self.is_over = True

    def acknowledge(self, response: Letter) -> None:
        if response.status >= 300 and response.branch == self._branch:          # the INVITE's own Via (17.1.1.3)
            self.carrier.post.send(self.write_request("ACK", self._branch.decode(), response.cseq[0]), self.next_hop())
            return
        super().acknowledge(response)
        self.is_acked = True
