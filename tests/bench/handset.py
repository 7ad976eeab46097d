# SPDX-License-Identifier: Apache-2.0
"""Two handsets in conversation, each at a card that keeps exact time: what one costs, and how late a voice is."""

import time
from pathlib import Path

from tests.bench.figures import Figure, Report, spread
from tests.bench.scale import FULL, Scale
from tests.interop.handset import Handset
from tests.interop.network import LoopbackNetwork, free_port, wait_until
from tests.native.test_handset_delay import measure_delay_ms
from tests.system.sound.jack_card import HAS_PLUGIN, JACKD, JackCard

SHARE_PERCENT, MEMORY_MIB, MOUTH_TO_EAR_MS = 5.0, 40.0, 60.0
SETTLED_S, TALK_S = 3.0, 20.0


def build_telephone(folder: Path, host: str, card: JackCard) -> Handset:
    """Of no server, at an address of its own."""
    folder.mkdir()
    config = folder / "denwaban.conf"
    config.write_text("\n".join(["# denwaban-config 1", "set system domain office.test",
                                 f"set sip listener office address {host}",
                                 f"set handset porch listen {host}:{free_port(host)}",
                                 "set handset porch device desk", ""]))
    return Handset(config, folder / "state", folder, None, name="porch", environment=card.environment)


def measure_conversation(folder: Path, seconds: float) -> tuple[float, float, dict[str, float]]:
    """Percent of a processor and MiB of one handset, echo canceller included, and what its card and line said."""
    network = LoopbackNetwork()
    places = [folder / "handset-1", folder / "handset-2"]
    for place in places:
        (place / "card").mkdir(parents=True)
    with (JackCard(places[0] / "card") as first, JackCard(places[1] / "card") as second,
          build_telephone(places[0] / "phone", network.new_host(), first) as one,
          build_telephone(places[1] / "phone", network.new_host(), second) as other):
        one.ask("dial", f"sip:porch@{other.show()['address']}")
        other.wait_state("ringing")
        other.ask("lift")
        one.wait_state("talking")
        began_s, used_s = time.monotonic(), one.processor_s()
        wait_until(lambda: time.monotonic() - began_s > SETTLED_S, 2 * SETTLED_S, "a line that has settled")
        began_s, used_s = time.monotonic(), one.processor_s()
        time.sleep(seconds)
        share = 100 * (one.processor_s() - used_s) / (time.monotonic() - began_s)
        sound = one.show()["sound"]
        memory = read_memory_mib(one.process.pid)
        one.ask("hang-up")
    return share, memory, {name: sound[name] for name in ("ahead_ms", "delay_ms", "xruns")}


def read_memory_mib(process: int) -> float:
    """What is resident, but for memory shared with jackd, which no other card has."""
    status = Path(f"/proc/{process}/status").read_text()
    resident, shared = (int(status.split(f"{name}:")[1].split()[0]) for name in ("VmRSS", "RssShmem"))
    return (resident - shared) / 1024


def measure_handset(report: Report, scale: Scale, folder: Path) -> None:
    """The part `handset` of the benchmark."""
    delays = [measure_delay_ms(phase_ms, jitter_ms, 1)
              for phase_ms in (0.0, 3.0, 7.0, 9.9) for jitter_ms in (0.0, 2.0, 4.0)]
    report.add(Figure("handset: mouth to ear without the cards", "ms", max(delays), spread(delays), judged="ours",
                      limit=MOUTH_TO_EAR_MS, note="two islands over UDP, threads up to 4 ms late; the worst"))
    if JACKD is None or not HAS_PLUGIN:
        return
    share, memory, sound = measure_conversation(folder, TALK_S if scale == FULL else TALK_S / 4)
    told = ", ".join(f"{name} {value}" for name, value in sound.items())
    report.add(Figure("handset: in conversation", "% of a core", share, judged="ours", limit=SHARE_PERCENT, note=told))
    report.add(Figure("handset: memory in conversation", "MiB", memory, judged="ours", limit=MEMORY_MIB))
