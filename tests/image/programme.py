# SPDX-License-Identifier: Apache-2.0
"""The life of a card, from its first start to its last: a verdict for each step."""

import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tests.box.provider import Provider
from tests.demo.report import Verdict
from tests.image import everyday, mishaps, wear
from tests.image.access import Access
from tests.image.card import put_on_boot_partition
from tests.image.life import NETWORK, OFFICE, PHONES, POOL, WHAT_CAN_FAIL, Life
from tests.image.machine import Machine, add_tap
from tests.interop.wide_network import WideNetwork

CARD_OCTETS = 2 << 30
Act = Callable[[Life, Verdict], None]
ACTS: tuple[tuple[str, Act], ...] = (
    ("the card starts and leads to the console on the serial line", everyday.first_start),
    ("the setup wizard makes two telephones", everyday.set_up),
    ("two softphones outside register and talk through it", everyday.call),
    ("operators get in by SSH, and nobody else", everyday.log_in),
    ("a handset on the box rings, is lifted and talks", everyday.lift_handset),
    ("power cuts: the last commit is there each time", mishaps.cut_power),
    ("a full data partition: calls work, a commit is refused and loses nothing", mishaps.fill_data),
    ("power cuts while the slot is changed", mishaps.change_slot),
    ("a card that wears out", wear.wear_out),
    ("good slots that die", wear.die_young),
    ("broken slots and a broken data partition", mishaps.break_card),
    ("power cuts in the first start", mishaps.cut_first_start))
NEEDED = (1, 2)
"""Steps that every other one stands on."""


def play(folder: Path, build: Path, image: Path, cuts: int, seed: int, only: Collection[int] = ()) -> Iterator[Verdict]:
    """Each step's verdict. build: where the image was made; folder: where logs and the card are left; only: these
    steps and the needed ones, all where it is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    card = folder / "card.img"
    mishaps.keep_fresh(image, folder / "fresh.img", CARD_OCTETS)
    mishaps.keep_fresh(image, card, CARD_OCTETS)
    with WideNetwork() as network:
        network.add_network(NETWORK)
        hosts = {name: network.add_host(name, eth0=address) for name, address in PHONES.items()}
        office = network.add_host("router", eth0=OFFICE)
        add_tap(network, NETWORK, "tap0")
        access = Access(folder, office)
        put_on_boot_partition(card, folder / "operator.pub", "operator.pub")
        with Provider(folder / "router", (office, OFFICE), OFFICE, POOL, {}) as provider:
            machine = Machine(card, build, (network.internet, "tap0"), folder / "serial.log", access.credential())
            life = Life(folder, build, card, machine, hosts, provider, access, cuts, seed)
            try:
                yield from play_steps(life, only)
            finally:
                life.close()


def play_steps(life: Life, only: Collection[int]) -> Iterator[Verdict]:
    """One after the other. Where one of the needed ones does not hold, it is the last."""
    for step, (title, act) in enumerate(ACTS, 1):
        if only and step not in only and step not in NEEDED:
            continue
        verdict = play_step(Verdict(step, title), life, act)
        yield verdict
        if not verdict.has_passed and step in NEEDED:
            return


def play_step(verdict: Verdict, life: Life, act: Act) -> Verdict:
    """What did not happen in time is a claim that has not held."""
    began = time.monotonic()
    try:
        act(life, verdict)
    except WHAT_CAN_FAIL as error:
        verdict.claim(False, str(error)[:2000])
    verdict.voices.append(f"{time.monotonic() - began:.0f} s")
    return verdict
