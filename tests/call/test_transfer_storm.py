# SPDX-License-Identifier: Apache-2.0
"""Whatever phones and carriers do to their calls, transfers and pickups in whatever order: whoever has a call left has
a partner in it, and in the end nothing is left."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.ua.call_events import CallHandle
from appliance.ua.replaces import Replaces
from tests.call.test_pickup import name_ringing
from tests.call.virtual_house import DESKS, House, Voice

NUMBERS = [*DESKS, "0312345678", "999", "*8203"]
ACTS = ("dial", "dial", "dial without offer", "answer", "answer", "refuse", "hold", "resume", "blind", "blind",
        "attended", "attended", "pick up", "take over", "hang up", "wait")


class Storm:
    """One house and the dice."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.house = House()
        self.house.network.loss = lambda number, octets: self.dice.random() < 0.02
        self.voices: list[Voice] = [*self.house.desks.values(), *self.house.carriers.values()]
        for voice in self.voices:
            voice.hangs_up_on = self.dice.choice([(), ("transferred",)])
            if self.dice.random() < 0.5:
                voice.ring_only()
            if self.dice.random() < 0.2:
                voice.user.script["offer_received"] = lambda call, now: call.refuse_offer(488, now)

    def act(self) -> None:
        what, voice = self.dice.choice(ACTS), self.dice.choice(self.voices)
        number = self.dice.choice(NUMBERS)
        if voice.number.startswith("090"):
            number = "05011112222" if "east" in voice.number else "05033334444"
        standing = sorted(voice.standing, key=lambda call: call.dialog.call_id)
        early = [call for call in voice.user.calls if call.is_early]
        if what.startswith("dial"):
            voice.dial(number, None if what == "dial" else b"")
        elif what == "answer" and early:
            voice._take(early[0], self.house.now)
        elif what == "refuse" and early:
            early[0].refuse(self.dice.choice([486, 480, 603]), self.house.now)
        elif what in ("hold", "resume") and standing:
            direction = b"sendonly" if what == "hold" else b"sendrecv"
            self.dice.choice(standing).change_session(voice.describe(direction), self.house.now)
        elif what == "blind" and standing:
            voice.refer(self.dice.choice(standing), number)
        elif what == "attended" and standing:
            others = [call for call in self.calls_of(voice) if call.dialog.remote_tag or call.early_dialogs]
            voice.refer(self.dice.choice(standing), number, self.dice.choice(others or standing))
        elif what == "hang up" and self.calls_of(voice):
            self.dice.choice(self.calls_of(voice)).hang_up(self.house.now)
        else:
            self.act_elsewhere(what, voice)

    def act_elsewhere(self, what: str, voice: Voice) -> None:
        other = self.dice.choice(list(DESKS))
        calls = self.house.desks[other].user.calls
        offer = self.dice.choice([None, b""])
        if what == "pick up" and calls and calls[-1].is_early:
            voice.take_over(other, name_ringing(self.house, other, self.dice.random() < 0.5), offer)
        elif what == "take over" and voice.standing:
            dialog = self.dice.choice(sorted(voice.standing, key=lambda call: call.dialog.call_id)).dialog
            voice.take_over(other, Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag), offer)
        elif what == "wait":
            self.house.run(self.dice.choice([0.02, 3.0, 40.0]))

    def calls_of(self, voice: Voice) -> list[CallHandle]:
        """Whatever it can hang up."""
        usages = {entry.usages.get(b"BYE") for entry in voice.core.dialogs.entries.values()}
        return sorted({getattr(usage, "call", usage) for usage in usages if hasattr(usage, "hang_up")},
                      key=lambda call: call.dialog.call_id)

    def settle(self) -> None:
        """Once nobody does anything any more, every call has two who talk to one another, and nobody else."""
        self.house.run(450)
        for call in self.house.calls.calls.values():
            assert call.bridge is not None, call.number
            talking = {leg for leg in call.legs if not leg.has_ended}
            assert talking == set(call.bridge.legs), (call.number, len(talking))
            assert all(leg.owner is call.bridge for leg in talking)
            assert call.pairs == [call.bridge.pair]

    def end(self) -> None:
        for _round in range(3):
            for voice in self.voices:
                for call in self.calls_of(voice):
                    call.hang_up(self.house.now)
            self.house.run(200)
        self.house.assert_quiet()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_storm_of_calls_transfers_and_pickups_leaves_nothing_behind(seed):
    storm = Storm(seed)
    for _step in range(40):
        storm.act()
        storm.house.run(storm.dice.choice([0.0, 0.005, 0.012, 0.025, 0.1, 1.0]))
    storm.settle()
    storm.end()
