# SPDX-License-Identifier: Apache-2.0
"""A registrar with a location service on a virtual clock: REGISTERs in, parsed responses out. No socket, no digest."""

from appliance.native.sip_scanner import Message
from appliance.pbx.account import Account
from appliance.pbx.authentication import Challenge
from appliance.pbx.location import Location
from appliance.pbx.register_reading import ExpiryPolicy
from appliance.pbx.registrar import Registrar
from appliance.sip.flow import TCP, UDP, Flow, Listener
from appliance.sip.timers import Timers
from appliance.vocabulary.counters import Counters
from appliance.vocabulary.journal import SilentJournal

PHONE = (b"192.0.2.10", 5060)
DOMAINS = frozenset({b"office.test", b"office.test:5060", b"192.0.2.1", b"192.0.2.1:5060"})
EPOCH = 1_800_000_000.0


class RowStore:
    """A store that keeps rows in a dictionary and remembers every batch."""

    def __init__(self):
        self.rows = {}
        self.batches = []

    def save(self, rows):
        self.batches.append(("save", [row.key for row in rows]))
        self.rows.update({row.key: row for row in rows})

    def delete(self, keys):
        self.batches.append(("delete", list(keys)))
        for key in keys:
            self.rows.pop(key, None)


class Answer:
    """A response, read back from its octets."""

    def __init__(self, octets):
        self.message = Message(octets)
        self.status = self.message.status

    def values(self, name):
        return self.message.values(name)

    def header(self, name):
        return self.message.header(name)

    @property
    def contacts(self):
        return self.message.values(b"Contact")


class Office:
    """The registrar and all it needs; it is its own stack and its own authentication."""

    def __init__(self, policy=None, store=None, wall_offset=EPOCH, users=(b"1001", b"1002"), start=1000.0):
        self.now = start
        self.timers = Timers()
        self.counters = Counters()
        self.listener = Listener("office", UDP, b"192.0.2.1", 5060)
        self.stream_listener = Listener("office", TCP, b"192.0.2.1", 5060)
        self.flows = {}
        self.store = store
        self.location = Location(self.timers, store, self.flow_to, self.counters, SilentJournal())
        self.location.set_wall_offset(wall_offset, start)
        self.changes = []
        self.location.on_change(lambda aor, kind, binding: self.changes.append((aor, kind.name, binding.contact)))
        self.accounts = {user: Account(user, user, "", (), ()) for user in users}
        self.asserted = None
        self.stateless = []
        self.registrar = Registrar(self, self.location, self, DOMAINS, policy or ExpiryPolicy())
        self.answer = None
        self.cseq = 0
        self._request = None

    # what the registrar sees of the stack and of authentication

    def open_server(self, message, flow, now):
        self._request = message
        return self

    def respond(self, status, now, lines=b""):
        assert self.answer is None, "answered twice"
        self.answer = Answer(self._request.reply(b"SIP/2.0 %d Text\r\n" % status, b"tag", lines))

    def reply_stateless(self, message, flow, status, lines=b""):
        self.stateless.append(status)
        self._request = message
        self.respond(status, self.now, lines)

    def judge(self, message, flow, now, is_proxy):
        assert not is_proxy
        account = self.accounts.get(self.asserted or message.to_user.replace(b"%30", b"0"))
        return account or Challenge(401, b'WWW-Authenticate: Digest realm="office.test", nonce="n"\r\n')

    def flow_to(self, listener, host, port):
        key = (listener.transport, host, port)
        if key not in self.flows:
            self.flows[key] = Flow(listener, host, port)
        return self.flows[key]

    def find_flow(self, key):
        """After a restart: connections are gone."""
        name, transport, host, port = key
        listener = {("office", UDP): self.listener, ("office", TCP): self.stream_listener}.get((name, transport))
        if listener is None:
            return None
        if transport == UDP:
            return self.flow_to(listener, host, port)
        flow = Flow(listener, host, port)
        flow.is_open = False
        return flow

    # what a test does

    def send(self, octets, source=PHONE, listener=None):
        """One REGISTER; its response."""
        flow = self.flow_to(listener or self.listener, *source)
        self.answer = None
        self.registrar.handle_register(Message(octets, *source), flow, self.now)
        assert self.answer is not None, "no answer"
        return self.answer

    def register(self, *contacts, user=b"1001", cseq=None, call_id=b"c1@phone", lines=(), source=PHONE, listener=None,
                 **text):
        """A REGISTER with one Contact line for each value; `lines` are other header lines without CRLF."""
        self.cseq = self.cseq + 1 if cseq is None else cseq
        return self.send(build_register(*contacts, user=user, cseq=self.cseq, call_id=call_id, lines=lines,
                                        source=source, **text), source, listener)

    def contacts_of(self, user=b"1001"):
        return [binding.contact for binding in self.location.bindings_of(user)]

    def advance(self, seconds):
        """Let time pass as the shell does: to each deadline in turn."""
        end = self.now + seconds
        while (deadline := self.timers.next_deadline()) is not None and deadline <= end:
            self.now = max(deadline, self.now)
            self.timers.run(self.now)
        self.now = end
        self.timers.run(end)


def wall_now(office):
    """The wall clock of an office."""
    return office.now + office.location.wall_offset


def build_register(*contacts, user=b"1001", cseq=1, call_id=b"c1@phone", lines=(), source=PHONE,
                   uri=b"sip:office.test", to=None, via=None, transport=b"UDP"):
    """The octets of a REGISTER."""
    to = to or b"<sip:%b@office.test>" % user
    via = via or b"%b:%d" % source
    head = [b"REGISTER %b SIP/2.0" % uri, b"Via: SIP/2.0/%b %b;branch=z9hG4bK%d;rport" % (transport, via, cseq),
            b"Max-Forwards: 70", b"From: %b;tag=a" % to, b"To: %b" % to, b"Call-ID: %b" % call_id,
            b"CSeq: %d REGISTER" % cseq, *[b"Contact: %b" % contact for contact in contacts], *lines,
            b"Content-Length: 0"]
    return b"\r\n".join(head) + b"\r\n\r\n"
