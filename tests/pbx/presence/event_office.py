# SPDX-License-Identifier: Apache-2.0
"""The whole office on a virtual clock with phones that watch: each takes its NOTIFYs and answers them."""

import hashlib
import re
from xml.etree import ElementTree

from appliance.native.sip_scanner import Message
from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.pbx.presence.restoring_events import EventRestorer
from appliance.system.store.subscription_store import EventRows
from appliance.vocabulary.journal import SilentJournal
from tests.pbx.proxy.virtual_office import A, C, D, VirtualOffice, answer, head

PHONES = {"201": A, "202": C, "203": D}
WALL = 1_700_000_000.0
PIDF = "{urn:ietf:params:xml:ns:pidf}"
RPID = "{urn:ietf:params:xml:ns:pidf:rpid}"
DIALOG_INFO = "{urn:ietf:params:xml:ns:dialog-info}"
REGINFO = "{urn:ietf:params:xml:ns:reginfo}"


class MemoryRows:
    """A store that forgets nothing until told to."""

    def __init__(self) -> None:
        self.rows = {}
        self.writes = 0

    def save(self, rows) -> None:
        self.writes += 1
        self.rows.update((row.key, row) for row in rows)

    def delete(self, keys) -> None:
        for key in keys:
            self.rows.pop(key, None)


class EventOffice(VirtualOffice):
    """Phones at A (201), C (202), D (203); `settle` lets everything due now happen and answers what they are asked."""

    def __init__(self, more: str = "") -> None:
        self.subscription_rows, self.publication_rows = MemoryRows(), MemoryRows()
        self.phones = {}
        self.heard = []
        self.answers_with = 200
        super().__init__(more)

    def _assemble(self):
        surroundings = Surroundings(self._flow_to, self._octets, SilentJournal())
        surroundings.signing_key = self.signing_key
        surroundings.subscription_store = self.subscription_rows
        surroundings.publication_store = self.publication_rows
        surroundings.wall_offset = WALL - self.now
        return assemble_office(self.configuration, self.listeners, surroundings)

    def restart(self, lost_s: float = 0.0) -> int:
        """kill -9, and `lost_s` seconds later a new process; how many subscriptions it takes up."""
        for listener in self.listeners:
            listener.outbox.clear()
        self.now += lost_s
        super().restart()
        rows = EventRows(list(self.subscription_rows.rows.values()), list(self.publication_rows.rows.values()))
        return EventRestorer(self.office.events, self.find_flow).restore(rows, self.now, WALL + lost_s)

    def settle(self) -> list[Message]:
        """What happens now; every NOTIFY is answered and kept in `heard` with its address. The other messages."""
        others = []
        while True:
            deadline = self.office.stack.next_deadline()
            if deadline is not None and deadline <= self.now:
                self.office.stack.handle_deadline(self.now)
            sent = self.take()
            if not sent:
                return others
            for message, address in sent:
                if message.method == b"NOTIFY" and message.is_request:
                    self.take_notify(message, address)
                else:
                    others.append(message)

    def take_notify(self, notify: Message, address: tuple[str, int]) -> None:
        """A NOTIFY has come to its phone."""
        self.heard.append((notify, address))
        if self.answers_with:
            self.send(address, answer(notify, self.answers_with))

    def advance(self, seconds: float) -> list[Message]:
        """Time passes, deadline by deadline."""
        end, others = self.now + seconds, self.settle()
        while (deadline := self.office.stack.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.office.stack.handle_deadline(self.now)
            others += self.settle()
        self.now = end
        return others

    def notifies(self, phone=None) -> list[Message]:
        """The NOTIFYs since the last look, of one phone or all."""
        taken = [message for message, address in self.heard if phone in (None, address)]
        self.heard = [(message, address) for message, address in self.heard if phone not in (None, address)]
        return taken

    def request(self, method: str, user: str, target: str, extra: str = "", **more) -> Message:
        """A request of a user's phone to an extension; the one answer."""
        self._cseq += 1
        phone = more.pop("phone", None) or PHONES[user]
        body = more.pop("body", "")
        uri, call_id = more.pop("uri", f"sip:{target}@192.168.1.1"), more.pop("call_id", f"ev-{self._cseq}")
        octets = head(method, uri, phone, f"ev{self._cseq}", user, target, more.pop("cseq", self._cseq), call_id,
                      extra=extra, **more)
        if body:
            octets = octets.replace(b"Content-Length: 0", b"Content-Length: %d" % len(body.encode())) + body.encode()
        self.send(phone, octets)
        answers = [message for message in self.settle() if not message.is_request]
        assert len(answers) == 1, answers
        return answers[0]

    def subscribe(self, user: str, target: str, package: str, expires: int | None = 3600, extra: str = "",
                  **more) -> Message:
        """A SUBSCRIBE; its answer. The NOTIFYs are in `notifies()`."""
        phone = more.get("phone") or PHONES[user]
        lines = f"Event: {package}\r\n" + (f"Expires: {expires}\r\n" if expires is not None else "")
        contact = more.pop("contact", f"<sip:{user}@{phone[0]}:{phone[1]}>")
        return self.request("SUBSCRIBE", user, target, f"{lines}Contact: {contact}\r\n{extra}", **more)

    def refresh(self, user: str, accepted: Message, package: str, expires: int, **more) -> Message:
        """A SUBSCRIBE in the dialog that `accepted` made."""
        target = accepted.to_user.decode()
        return self.subscribe(user, target, package, expires, uri=accepted.contact_uri.decode(),
                              call_id=accepted.call_id.decode(), from_tag=accepted.from_tag.decode(),
                              to_tag=more.pop("to_tag", accepted.to_tag.decode()), **more)

    def publish(self, user: str, body: str = "", etag: str = "", expires: int | None = 3600, **more) -> Message:
        """A PUBLISH of presence; its answer."""
        extra = "Event: presence\r\n" if "extra" not in more else more.pop("extra")
        if etag:
            extra += f"SIP-If-Match: {etag}\r\n"
        if expires is not None:
            extra += f"Expires: {expires}\r\n"
        if body:
            extra += f"Content-Type: {more.pop('content_type', 'application/pidf+xml')}\r\n"
        return self.request("PUBLISH", user, more.pop("target", user), extra, body=body, **more)


def state_of(notify: Message) -> str:
    return (notify.header(b"Subscription-State") or b"").decode()


def document(notify: Message) -> ElementTree.Element:
    assert notify.content_length == len(notify.body)
    return ElementTree.fromstring(notify.body)


def basics(notify: Message) -> dict[str, str]:
    """Tuple id -> basic."""
    return {entry.get("id"): entry.findtext(f"{PIDF}status/{PIDF}basic")
            for entry in document(notify).iter(f"{PIDF}tuple")}


def activities(notify: Message) -> list[str]:
    return [child.tag.removeprefix(RPID) for group in document(notify).iter(f"{RPID}activities") for child in group]


def pidf(basic: str, identity: str = "t1", more: str = "") -> str:
    return ('<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" '
            f'entity="sip:x@192.168.1.1"><tuple id="{identity}"><status><basic>{basic}</basic></status></tuple>{more}'
            '</presence>')


def answer_challenge(challenged: Message, user: str, secret: str, method: str, uri: str) -> str:
    """The Authorization line of a user for a 401 with MD5 and qop auth (RFC 2617 3.2.2)."""
    said = dict(re.findall(r'(\w+)="([^"]*)"', (challenged.header(b"WWW-Authenticate") or b"").decode()))

    def digest(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    ha1, ha2 = digest(f"{user}:{said['realm']}:{secret}"), digest(f"{method}:{uri}")
    proof = digest(f"{ha1}:{said['nonce']}:00000001:c:auth:{ha2}")
    return (f'Authorization: Digest username="{user}", realm="{said["realm"]}", nonce="{said["nonce"]}", uri="{uri}", '
            f'qop=auth, nc=00000001, cnonce="c", response="{proof}"\r\n')


def call(office: EventOffice, caller: str, callee: str, call_id: str = "talk") -> Message:
    """A call is offered; the INVITE as the callee's phone got it."""
    phone = PHONES[caller]
    office.send(phone, head("INVITE", f"sip:{callee}@192.168.1.1", phone, f"i{call_id}", caller, callee, 1, call_id,
                            extra=f"Contact: <sip:{caller}@{phone[0]}:{phone[1]}>\r\n"))
    (invite,) = [message for message in office.settle() if message.method == b"INVITE" and message.is_request]
    return invite


def hang_up(office: EventOffice, accepted: Message) -> None:
    """The caller says BYE, the callee agrees."""
    caller, callee = accepted.from_user.decode(), accepted.to_user.decode()
    routes = "".join(f"Route: {value.decode()}\r\n" for value in accepted.headers(b"Record-Route"))
    phone = PHONES[callee]
    office.send(PHONES[caller], head("BYE", f"sip:{callee}@{phone[0]}:{phone[1]}", PHONES[caller], "bye", caller,
                                     callee, 2, accepted.call_id.decode(), accepted.to_tag.decode(), extra=routes))
    (bye,) = [message for message in office.settle() if message.is_request]
    office.send(phone, answer(bye, 200))
    office.settle()


def pick_up(office: EventOffice, invite: Message) -> Message:
    """The callee answers; the 200 as the caller got it."""
    callee = invite.to_user.decode()
    phone = PHONES[callee]
    office.send(phone, answer(invite, 200, "callee", f"Contact: <sip:{callee}@{phone[0]}:{phone[1]}>\r\n"))
    (accepted,) = [message for message in office.settle() if message.status == 200]
    return accepted
