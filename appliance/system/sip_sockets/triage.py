# SPDX-License-Identifier: Apache-2.0
"""Who is served first when more waits than can be served at once: registrations, so that phones stay registered; then
whatever belongs to calls in progress; new INVITEs last, which may be refused (RFC 3261 21.5.4).

Nothing overtakes what it depends on: an ACK or BYE is sent once its INVITE has been answered; an INVITE in a dialog is
one of its requests, whose order is that of CSeq (12.2.2); a CANCEL, which phones send early as well (9.1 forbids it),
stays behind the INVITEs of its sender. Only the port that owns it changes it.
"""

import re
from collections import deque
from collections.abc import Iterable
from typing import Final

from appliance.sip.flow import Flow

Datagram = tuple[bytes, Flow]
REGISTER: Final = b"REGISTER "
INVITE: Final = b"INVITE "
CANCEL: Final = b"CANCEL "
TO: Final = b"\r\nTo: "
TO_IN_WHATEVER_FORM: Final = re.compile(rb"\r\n(?:to|t)[ \t]*:", re.IGNORECASE)
BLANKS: Final = b" \t"
TURN_DATAGRAMS: Final = 64
TURN_INVITES: Final = 16
"""Of one turn these are kept for INVITEs, however much else waits."""
TURN_OTHERS: Final = 24
"""And these for calls in progress, however many registrations wait."""
INVITES_LIMIT: Final = 2048
"""What is over it is lost, as in a full receive buffer."""
DATAGRAM_OCTETS: Final = 1500


class Triage:
    """lost: INVITEs for which there was no room."""

    __slots__ = ("_callers", "_invites", "_others", "_registrations", "lost")

    def __init__(self) -> None:
        self._registrations: deque[Datagram] = deque()
        self._others: deque[Datagram] = deque()
        self._invites: deque[Datagram] = deque()
        self._callers: set[Flow] = set()        # whose INVITEs have had to wait since none did
        self.lost = 0

    def __len__(self) -> int:
        return len(self._registrations) + len(self._others) + len(self._invites)

    @property
    def waiting_octets(self) -> int:
        """About what all that waits would take in the receive buffer."""
        return len(self) * DATAGRAM_OCTETS

    def add(self, batch: Iterable[Datagram]) -> None:
        """These have come, in this order."""
        for datagram in batch:
            octets, flow = datagram
            if octets.startswith(REGISTER):
                self._registrations.append(datagram)
            elif octets.startswith(INVITE) and not is_in_dialog(octets):
                self._add_invite(datagram)
            elif flow in self._callers and octets.startswith(CANCEL):
                self._invites.append(datagram)
            else:
                self._others.append(datagram)

    def _add_invite(self, datagram: Datagram) -> None:
        if len(self._invites) < INVITES_LIMIT:      # who has waited longest is served first, and comes again anyway
            self._invites.append(datagram)
            self._callers.add(datagram[1])
        else:
            self.lost += 1

    def take(self) -> list[Datagram]:
        """What is to be served in this turn."""
        others, invites = self._others, self._invites
        room = TURN_DATAGRAMS - min(TURN_INVITES, len(invites))
        served = draw(self._registrations, room - min(TURN_OTHERS, len(others)))
        served += draw(others, room - len(served))
        served += draw(invites, TURN_DATAGRAMS - len(served))
        if not invites:
            self._callers.clear()
        return served


def is_in_dialog(request: bytes) -> bool:
    """Whether its To has a tag (RFC 3261 12.2.1.1); a line folded before it counts as none."""
    begin = request.find(TO)
    if begin < 0:
        found = TO_IN_WHATEVER_FORM.search(request)
        begin = found.start() if found is not None else len(request)
    end = request.find(b"\r\n", begin + 2)
    return b";tag=" in request[begin:max(end, 0)].translate(None, BLANKS).lower()


def draw(waiting: deque[Datagram], most: int) -> list[Datagram]:
    """The first ones, at most so many."""
    return [waiting.popleft() for _ in range(min(most, len(waiting)))]
