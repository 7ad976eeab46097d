# SPDX-License-Identifier: Apache-2.0
"""Whatever happens and whatever is lost on the way: in the end every lamp shows what is, and no version was missed.

The watchers build their tables as RFC 4235 4.3 and RFC 3680 5.2 tell them to, and never ask again.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.native.sip_scanner import Message
from tests.pbx.presence.event_office import DIALOG_INFO, PHONES, REGINFO, EventOffice, document, pidf
from tests.pbx.proxy.virtual_office import answer, head

WATCHED = ("201", "202")


class LossyOffice(EventOffice):
    """Datagrams to and from the watcher are lost as `fates` says; few enough that nobody gives up (Timer F)."""

    def __init__(self, fates: list[str]) -> None:
        self.fates = fates
        self.tables: dict[tuple[str, str], Table] = {}
        self.pending: dict[str, Message] = {}
        super().__init__()

    def take_notify(self, notify: Message, address: tuple[str, int]) -> None:
        fate = self.fates.pop() if self.fates else "arrives"
        if fate == "is lost":
            return
        root = document(notify)
        if fate == "fails":
            self.send(address, answer(notify, 503, extra="Retry-After: 1\r\n"))
            return
        table = self.tables.setdefault((notify.header(b"Event").decode(), notify.from_user.decode()), Table())
        table.take(root, notify.cseq)
        if fate == "arrives":
            self.send(address, answer(notify, 200))


class Table:
    """A subscriber's rows by id."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.version = -1
        self.cseq = 0

    def take(self, root, cseq: int) -> None:
        if cseq <= self.cseq:
            return              # a retransmission, which the transaction layer of a phone takes care of
        self.cseq = cseq
        version = int(root.get("version"))
        assert version > self.version
        if root.get("state") == "full":
            self.rows = {}
        else:
            assert version == self.version + 1, "a partial document after a gap"
        self.version = version
        for dialog in root.iter(f"{DIALOG_INFO}dialog"):
            self.rows[dialog.get("id")] = dialog.findtext(f"{DIALOG_INFO}state")
        for contact in root.iter(f"{REGINFO}contact"):
            self.rows[contact.get("id")] = contact.get("state")
        self.rows = {key: state for key, state in self.rows.items() if state != "terminated"}


class Scene:
    """What phones may do, in any order."""

    def __init__(self, office: LossyOffice) -> None:
        self.office = office
        self.invites: list[Message] = []
        self.answered: list[Message] = []
        self.number = 0

    def play(self, act: str) -> None:
        getattr(self, act)()
        self.office.settle()

    def dials(self) -> None:
        self.number += 1
        phone = PHONES["201"]
        self.office.send(phone, head("INVITE", "sip:202@192.168.1.1", phone, f"i{self.number}", "201", "202", 1,
                                     f"c{self.number}", extra=f"Contact: <sip:201@{phone[0]}:5060>\r\n"))
        self.invites += [message for message in self.office.settle()
                         if message.method == b"INVITE" and message.is_request]

    def rings(self) -> None:
        if self.invites:
            self.office.send(PHONES["202"], answer(self.invites[0], 180, "t"))

    def answers(self) -> None:
        if self.invites:
            invite = self.invites.pop(0)
            self.office.send(PHONES["202"], answer(invite, 200, "t", "Contact: <sip:202@192.168.1.12:5060>\r\n"))
            self.answered += [message for message in self.office.settle() if message.status == 200][:1]

    def refuses(self) -> None:
        if self.invites:
            self.office.send(PHONES["202"], answer(self.invites.pop(0), 486, "t"))

    def hangs_up(self) -> None:
        if self.answered:
            accepted = self.answered.pop(0)
            phone = PHONES["201"]
            routes = "".join(f"Route: {value.decode()}\r\n" for value in accepted.headers(b"Record-Route"))
            self.office.send(phone, head("BYE", "sip:202@192.168.1.12:5060", phone, f"b{accepted.call_id.decode()}",
                                         "201", "202", 2, accepted.call_id.decode(), "t", extra=routes))
            for bye in [message for message in self.office.settle() if message.is_request]:
                self.office.send(PHONES["202"], answer(bye, 200))

    def registers_another(self) -> None:
        self.office.register("201", ("192.168.1.111", 5060))

    def unregisters_it(self) -> None:
        self.office.register("201", ("192.168.1.111", 5060), contact="<sip:201@192.168.1.111:5060>;expires=0")

    def publishes(self) -> None:
        self.number += 1
        self.office.publish("202", pidf("open", f"t{self.number}"))

    def waits(self) -> None:
        self.office.advance(0.7)


ACTS = ["dials", "rings", "answers", "refuses", "hangs_up", "registers_another", "unregisters_it", "publishes", "waits"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(ACTS), max_size=25),
       st.lists(st.sampled_from(["arrives", "arrives", "is lost", "answer lost", "fails"]), max_size=10))
def test_in_the_end_every_watcher_knows_what_is(acts, fates):
    office = LossyOffice(fates)
    for user in WATCHED:
        office.register(user, PHONES[user])
    for user in WATCHED:
        office.subscribe("201", user, "dialog", 7200)
    office.subscribe("201", "201", "reg", 7200)
    scene = Scene(office)
    for act in acts:
        scene.play(act)
    office.fates.clear()
    office.advance(62)
    told = {key: dict(table.rows) for key, table in office.tables.items()}
    for package, user in (("dialog", "201"), ("dialog", "202"), ("reg", "201")):
        office.tables.pop((package, user))
        office.subscribe("201", user, package, 0)
        assert told[package, user] == office.tables[package, user].rows
