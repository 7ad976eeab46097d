# SPDX-License-Identifier: Apache-2.0
"""Who is served first when more waits than can be served at once: registrations, so that phones stay registered; then
whatever belongs to calls in progress; new INVITEs last, which may be refused (RFC 3261 21.5.4).

Nothing overtakes what it depends on: a CANCEL is sent once its INVITE has been answered provisionally (9.1), an ACK or
BYE once it has been answered. Only the port that owns it changes it.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from appliance.sip.flow import Flow

Datagram = tuple[bytes, Flow]
REGISTER: Final = b"REGISTER "
INVITE: Final = b"INVITE "
TURN_DATAGRAMS: Final = 64
TURN_INVITES: Final = 16
"""Of one turn these are kept for INVITEs, however much else waits."""
INVITES_LIMIT: Final = 2048
"""What is over it is lost, as in a full receive buffer."""
DATAGRAM_OCTETS: Final = 1500


class Triage:
    """lost: INVITEs for which there was no room."""

    __slots__ = ("_invites", "_others", "_registrations", "lost")

    def __init__(self) -> None:
        self._registrations: deque[Datagram] = deque()
        self._others: deque[Datagram] = deque()
        self._invites: deque[Datagram] = deque()
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
            octets = datagram[0]
            if octets.startswith(REGISTER):
                self._registrations.append(datagram)
            elif not octets.startswith(INVITE):
                self._others.append(datagram)
            elif len(self._invites) < INVITES_LIMIT:    # who has waited longest is served first, and comes again anyway
                self._invites.append(datagram)
            else:
                self.lost += 1

    def take(self) -> list[Datagram]:
        """What is to be served in this turn."""
        invites = self._invites
        served: list[Datagram] = []
        room = TURN_DATAGRAMS - min(TURN_INVITES, len(invites))
        for waiting in (self._registrations, self._others):
            served += [waiting.popleft() for _ in range(min(room - len(served), len(waiting)))]
        served += [invites.popleft() for _ in range(min(TURN_DATAGRAMS - len(served), len(invites)))]
        return served
