# SPDX-License-Identifier: Apache-2.0
"""Any order of writing, registering, answering, silence, time and restarts: nothing that was accepted gets lost or
waits on once it was taken; no phone has two kept messages before it; memory and disk agree; nothing stays behind."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from appliance.native.sip_scanner import Message
from tests.pbx.instant_message.message_office import Disk, MessageOffice
from tests.pbx.proxy.virtual_office import A, C, D

PHONES = st.sampled_from([C, D])
ANSWERS = st.sampled_from([200, 202, 408, 480, 486, 500, 503, 404, 405, 603])


class Relaying(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.office = MessageOffice(disk=self.disk)
        self.before: dict[tuple[tuple[str, int], bytes], Message] = {}  # what phones have before them, by branch
        self.accepted: set[bytes] = set()                               # bodies whose sender has heard 202
        self.ended: set[bytes] = set()                                  # taken, or refused for good by some phone
        self.written: dict[bytes, bytes] = {}                           # Call-ID -> body
        self.taken: set[bytes] = set()                                  # answered with 2xx
        self.count = 0

    def note(self, sent: list[tuple[Message, tuple[str, int]]]) -> None:
        for message, address in sent:
            if message.is_request:
                self.before.setdefault((address, message.branch), message)
            elif message.status == 202 and address == A:
                self.accepted.add(self.written[message.call_id])

    def tell_disk(self) -> None:
        told, self.disk.told = self.disk.told, []
        self.office.office.messages.note_stored(told, self.office.now)
        self.note(self.office.take())

    @rule()
    def write(self) -> None:
        """Phone A, 201, writes to 202."""
        self.count += 1
        body = b"%d" % self.count
        self.written[b"message-%d" % (self.office._sent + 1)] = body
        self.office.write(body=body)
        self.tell_disk()

    @rule(phone=PHONES)
    def register(self, phone: tuple[str, int]) -> None:
        self.tell_disk()
        self.office.register("202", phone)

    @rule(seconds=st.sampled_from([0.1, 5.0, 25.0, 120.0]))
    def pass_time(self, seconds: float) -> None:
        for _ in range(max(1, int(seconds))):
            self.note(self.office.settle(min(seconds, 1.0)))
            self.tell_disk()
        self.drop_old()

    @precondition(lambda self: self.before)
    @rule(choice=st.randoms(use_true_random=False), status=ANSWERS)
    def respond(self, choice, status: int) -> None:
        self.answer(choice.choice(sorted(self.before)), status)

    def answer(self, key: tuple[tuple[str, int], bytes], status: int) -> None:
        message = self.before.pop(key)
        self.office.respond(key[0], message, status)
        self.note(self.office.take())
        if status < 300:
            self.taken.add(message.body)
        if status < 300 or status in (404, 405, 603):
            self.ended.add(message.body)

    @rule()
    def two_wait_and_one_phone_is_slow(self) -> None:
        self.write()
        self.write()
        self.register(C)
        self.register(D)
        self.pass_time(0.1)
        for key in [key for key in sorted(self.before) if key[0] == C]:
            self.answer(key, 200)
        self.pass_time(5.0)

    @rule()
    def restart(self) -> None:
        self.tell_disk()
        rows = list(self.disk.rows.values())
        self.office.restart()
        self.before.clear()
        self.office.office.messages.restore(rows, self.office.now, self.office.wall_now)

    def drop_old(self) -> None:
        """Transactions that the server has given up: an answer now would be a stray."""
        open_branches = {key.partition(b" ")[0] for key in self.office.office.stack._clients}
        self.before = {key: one for key, one in self.before.items() if key[1] in open_branches}

    def waiting_bodies(self) -> list[bytes]:
        return [one.kept.body for box in self.office.office.messages.mailboxes() for one in box.messages]

    @invariant()
    def nothing_accepted_is_lost(self) -> None:
        assert self.accepted <= self.ended | set(self.waiting_bodies())

    @invariant()
    def they_wait_in_their_order_and_on_disk(self) -> None:
        assert [row.body for row in sorted(self.disk.rows.values())] == self.waiting_bodies()

    @invariant()
    def what_was_taken_waits_no_more(self) -> None:
        assert not self.taken & set(self.waiting_bodies())

    @invariant()
    def no_phone_has_two_of_ours_before_it(self) -> None:
        self.drop_old()
        for phone in (C, D):
            ours = {m.body for (address, _), m in self.before.items() if address == phone and m.via_count == 1}
            assert len(ours) <= 1

    def teardown(self) -> None:
        """Both phones come and take everything: the mailboxes empty, and in the end no transaction is left."""
        for _ in range(80):
            self.register(C)
            self.register(D)
            for _ in range(6):
                self.pass_time(1.0)
                for key in sorted(self.before):
                    self.office.respond(key[0], self.before.pop(key), 200)
                    self.note(self.office.take())
            if not self.waiting_bodies():
                break
        assert self.waiting_bodies() == []
        self.office.settle(120)
        assert self.office.office.stack.transactions_open == 0


Relaying.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestRelaying = Relaying.TestCase
