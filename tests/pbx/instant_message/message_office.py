# SPDX-License-Identifier: Apache-2.0
"""The virtual office with what messages need: a disk that says when it has written, a journal, senders and takers."""

from appliance.native.sip_scanner import Message
from appliance.pbx.instant_message.message_row import MessageRow
from tests.pbx.proxy.virtual_office import A, VirtualOffice, answer, head

HELLO = "こんにちは、会議は三時です。".encode()
WALL_OFFSET = 1_700_000_000.0


class Disk:
    """Satisfies MessageStore. What is saved is `rows`; it is told of only by `tell`."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int], MessageRow] = {}
        self.told: list[tuple[int]] = []

    def save(self, rows: list[MessageRow]) -> None:
        for row in rows:
            self.rows[row.key] = row
            self.told.append(row.key)

    def delete(self, keys: list[tuple[int]]) -> None:
        for key in keys:
            self.rows.pop(key, None)
            self.told.append(key)


class MessageOffice(VirtualOffice):
    """`write(...)` has phone A send a MESSAGE; `settle(s)` lets time pass and returns what was sent."""

    def __init__(self, more: str = "", disk: Disk | None = None) -> None:
        self.disk = disk
        super().__init__(more)
        self._sent = 0

    def _assemble(self):
        office = super()._assemble()
        office.messages._store = self.disk
        office.messages.wall_offset = WALL_OFFSET
        return office

    @property
    def wall_now(self) -> float:
        return self.now + WALL_OFFSET

    def write(self, peer: str = "202", body: bytes = HELLO, extra: str = "", phone=A, user: str = "201") -> None:
        self._sent += 1
        kind = "" if "Content-Type" in extra else "Content-Type: text/plain;charset=UTF-8\r\n"
        octets = head("MESSAGE", f"sip:{peer}@192.168.1.1", phone, f"m{self._sent}", user, peer, self._sent,
                      call_id=f"message-{self._sent}", extra=extra + kind)
        empty, whole = b"Content-Length: 0\r\n\r\n", b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        self.send(phone, octets.replace(empty, whole))

    def settle(self, seconds: float = 0.2) -> list[tuple[Message, tuple[str, int]]]:
        return self.run_until(self.now - self.start + seconds)

    def messages_to(self, phone, seconds: float = 0.2) -> list[Message]:
        """The requests that a phone gets within this time, copies of the same one left out."""
        branches: dict[bytes, Message] = {}
        for message, address in self.settle(seconds):
            if message.is_request and address == phone:
                branches.setdefault(message.branch, message)
        return list(branches.values())

    def respond(self, phone, request: Message, status: int = 200, extra: str = "") -> None:
        self.send(phone, answer(request, status, extra=extra))

    def waiting(self, extension: bytes = b"202") -> int:
        return self.office.messages.count_waiting(extension)

    def hear(self) -> list[int]:
        """What the senders have been answered so far."""
        return [status for status, _ in self.statuses()]
