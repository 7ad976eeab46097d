# SPDX-License-Identifier: Apache-2.0
"""A participant: writes what the transcript does not say, as RFC 3261 8.1.1, 8.2.6, 9.1, 12.2.1.1, 17.1.1.3 want it."""

from dataclasses import dataclass, field

from tests.transcripts.letter import Letter
from tests.transcripts.pattern import split_commas


@dataclass
class Memory:
    """What a user agent knows of one Call-ID. local, remote: its own and the other side's address with tag."""

    local: str = ""
    remote: str = ""
    remote_target: str = ""
    route: list[str] = field(default_factory=list)
    cseq: int = 0
    invite: Letter | None = None
    invite_response: Letter | None = None
    open_requests: list[Letter] = field(default_factory=list)


class Phone:
    """One address that speaks; it never decides what to say, only how it is written."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.sent: list[Letter] = []
        self.received: list[Letter] = []
        self._memories: dict[str, Memory] = {}
        self._latest = ""
        self._count = 0

    # writing

    def compose(self, label: str, said: Letter) -> Letter:
        """The whole message for an arrow with this label and this letter below it."""
        whole = self._compose_response(label, said) if label[:1].isdigit() else self._compose_request(label, said)
        names = [name.lower() for name, _value in said.fields]
        extra = [(name, value) for name, value in said.fields
                 if name.lower() not in {known.lower() for known, _value in whole.fields}]
        fields: list[tuple[str, str]] = []
        replaced: set[str] = set()
        for name, value in whole.fields:
            if name.lower() not in names:
                fields.append((name, value))
            elif name.lower() not in replaced:
                replaced.add(name.lower())
                fields += [(name, given) for given in said.lines(name) if given]
        letter = Letter(said.start or whole.start, fields + extra, said.body)
        if "content-length" not in names:
            letter.fields.append(("Content-Length", str(len(said.body))))
        return letter

    def _compose_response(self, label: str, said: Letter) -> Letter:
        request = self._find_request(said.first("CSeq"), said.first("Call-ID"))
        status = int(label.split()[0])
        to = request.first("To")
        if status > 100 and ";tag=" not in to:
            to = f"{to};tag={self.name}"
        fields = [("Via", value) for value in request.lines("Via")]
        if request.method == "INVITE" and 100 < status < 300:
            fields += [("Record-Route", value) for value in request.lines("Record-Route")]
        fields += [("From", request.first("From")), ("To", to), ("Call-ID", request.first("Call-ID")),
                   ("CSeq", request.first("CSeq"))]
        if request.method == "INVITE" and 100 < status < 300:
            fields.append(("Contact", f"<sip:{self.name}@{self.address}>"))
        return Letter(f"SIP/2.0 {label}", fields)

    def _find_request(self, cseq: str, call_id: str) -> Letter:
        memory = self._memories[call_id or self._latest]
        known = [letter for letter in self.received if letter.is_request and letter.method != "ACK"
                 and letter.first("Call-ID") == (call_id or self._latest)]
        for request in (*reversed(memory.open_requests), *reversed(known)):
            if cseq in ("", request.first("CSeq")):
                return request
        raise ValueError(f"{self.name} has no request to answer")

    def _compose_request(self, method: str, said: Letter) -> Letter:
        self._count += 1
        via = f"SIP/2.0/UDP {self.address};branch=z9hG4bK{self.name}{self._count}"
        memory = self._memories.get(said.first("Call-ID") or self._latest, Memory())
        if said.first("To") and ";tag=" not in said.first("To"):
            fields = [("Via", via), ("Max-Forwards", "70"), ("From", ""), ("To", ""),
                      ("Call-ID", f"{self._count}-{self.name}@{self.address.rpartition(':')[0]}"),
                      ("CSeq", f"1 {method}")]
            if method in ("INVITE", "REGISTER", "SUBSCRIBE"):
                fields.append(("Contact", f"<sip:{self.name}@{self.address}>"))
            return Letter("", fields)
        if method in ("ACK", "CANCEL"):
            return self._compose_for_invite(method, memory, via)
        fields = [("Via", via), ("Max-Forwards", "70"), *(("Route", value) for value in memory.route),
                  ("From", memory.local), ("To", memory.remote), ("Call-ID", said.first("Call-ID") or self._latest),
                  ("CSeq", f"{memory.cseq + 1} {method}")]
        if method in ("INVITE", "SUBSCRIBE"):
            fields.append(("Contact", f"<sip:{self.name}@{self.address}>"))
        return Letter(f"{method} {memory.remote_target} SIP/2.0", fields)

    def _compose_for_invite(self, method: str, memory: Memory, via: str) -> Letter:
        invite, response = memory.invite, memory.invite_response
        if invite is None:
            raise ValueError(f"{self.name} has sent no INVITE")
        common = [("From", invite.first("From")), ("To", invite.first("To")), ("Call-ID", invite.first("Call-ID")),
                  ("CSeq", f"{invite.cseq} {method}")]
        if method == "ACK" and response is not None:
            common[1] = ("To", response.first("To"))
        if method == "ACK" and response is not None and response.status < 300:  # 13.2.2.4: a request of its own
            routes = [("Route", value) for value in memory.route]
            return Letter(f"ACK {memory.remote_target} SIP/2.0",
                          [("Via", via), ("Max-Forwards", "70"), *routes, *common])
        return Letter(f"{method} {invite.start.split(' ')[1]} SIP/2.0",  # 9.1, 17.1.1.3: the INVITE's own way
                      [("Via", invite.first("Via")), ("Max-Forwards", "70"),
                       *(("Route", value) for value in invite.lines("Route")), *common])

    # remembering

    def note_sent(self, letter: Letter) -> None:
        """Remember a message that this participant has sent."""
        self.sent.append(letter)
        memory = self._remember(letter)
        if letter.is_request:
            if letter.method not in ("ACK", "CANCEL"):
                memory.cseq = max(memory.cseq, letter.cseq)
            if letter.method == "INVITE":
                memory.invite, memory.invite_response = letter, None
            if not memory.local:
                memory.local, memory.remote = letter.first("From"), letter.first("To")
            return
        if letter.status > 100:
            memory.local = letter.first("To")
        if letter.status >= 200:
            memory.open_requests = [request for request in memory.open_requests
                                    if request.first("CSeq") != letter.first("CSeq")]

    def note_received(self, letter: Letter) -> None:
        """Remember a message that has come."""
        self.received.append(letter)
        memory = self._remember(letter)
        if letter.is_request:
            self._note_request(memory, letter)
        elif letter.method == "INVITE" and letter.status > 100:
            memory.invite_response = letter
            if letter.status < 300:
                memory.remote = letter.first("To")
                memory.remote_target = _uri_of(letter.first("Contact")) or memory.remote_target
                memory.route = memory.route or _values(letter, "Record-Route")[::-1]  # 12.1.2

        elif letter.method == "SUBSCRIBE" and 200 <= letter.status < 300 and not memory.remote_target:
            memory.remote = letter.first("To")
            memory.remote_target = _uri_of(letter.first("Contact"))
            memory.route = _values(letter, "Record-Route")[::-1]  # 12.1.2

    def _note_request(self, memory: Memory, letter: Letter) -> None:
        if letter.method != "ACK":
            memory.open_requests.append(letter)
        if letter.first("Contact"):
            memory.remote_target = _uri_of(letter.first("Contact"))
        if not memory.local:
            memory.remote = letter.first("From")
            memory.local = letter.first("To")
            memory.route = _values(letter, "Record-Route")  # 12.1.1

    def _remember(self, letter: Letter) -> Memory:
        self._latest = letter.first("Call-ID")
        return self._memories.setdefault(self._latest, Memory())


def _values(letter: Letter, name: str) -> list[str]:
    return [value for line in letter.lines(name) for value in split_commas(line)]


def _uri_of(contact: str) -> str:
    return contact.partition("<")[2].partition(">")[0] or contact.partition(";")[0]
