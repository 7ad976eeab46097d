# SPDX-License-Identifier: Apache-2.0
"""One extension more among 500, from the word `commit` to its answer, on a box with its network; and how long a SIP
message may wait meanwhile.
"""

import socket
import threading
import time
from contextlib import AbstractContextManager

from tests.bench.box import EXTENSIONS, PORT, Box, LineClient
from tests.bench.figures import Figure, Report, median, spread
from tests.bench.servers import HOST, OPTIONS

LIMIT_MS = 300
FIRST = EXTENSIONS + 1
PAUSE_S = 0.5
"""Between two commits: what one leaves to be done afterwards is not the next one's."""


class Pulse(AbstractContextManager["Pulse"]):
    """Asks the server again and again; `took`: when each began, and how long it took, in seconds."""

    def __init__(self) -> None:
        self.took: list[tuple[float, float]] = []
        self._is_over = False
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        domain = f"{HOST}:{PORT}".encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.bind((HOST, 0))
            asking.settimeout(10)
            number = 0
            while not self._is_over:
                number += 1
                began = time.monotonic()
                asking.sendto(OPTIONS % (domain, asking.getsockname()[1], number, domain, domain, number), (HOST, PORT))
                asking.recv(4096)
                self.took.append((began, time.monotonic() - began))
                time.sleep(0.001)

    def find_longest_ms(self, began: float, ended: float) -> float:
        """Of what was under way at some moment between."""
        return 1000 * max((took for at, took in list(self.took) if at < ended and at + took > began), default=0.0)

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()


def measure_commits(report: Report, box: Box, form: str, commits: int) -> None:
    """Each as an operator makes it: a session, an edit, a commit."""
    took_ms, cpu_ms, stalls_ms, quiet_ms = [], [], [], []
    with Pulse() as pulse:
        for number in range(FIRST, FIRST + commits):
            with LineClient(box.state, "config.sock") as desk:
                session = desk.ask("open", "bench")["session"]
                desk.ask("edit", session, [f"set extension u{number:05} secret pw{number:05}"])
                time.sleep(PAUSE_S)
                quiet_ms.append(pulse.find_longest_ms(time.monotonic() - PAUSE_S / 2, time.monotonic()))
                used, began = box.cpu_ns(), time.monotonic()
                done = desk.ask("commit", session, {"comment": "measured"})
                ended = time.monotonic()
                cpu_ms.append((box.cpu_ns() - used) / 1e6)
            if f"extension u{number:05} added" not in done["effects"]:
                raise RuntimeError(f"the commit did something else: {done}")
            took_ms.append(1000 * (ended - began))
            time.sleep(PAUSE_S / 2)
            stalls_ms.append(pulse.find_longest_ms(began, ended))
    report.add(Figure(f"{form}: one extension among {EXTENSIONS} committed", "ms", median(took_ms), spread(took_ms),
                      judged="ours", limit=LIMIT_MS, note=f"CPU of all daemons {median(cpu_ms):.0f} ms"))
    report.add(Figure(f"{form}: longest wait of a SIP message meanwhile", "ms", median(stalls_ms), spread(stalls_ms),
                      "as long without", median(quiet_ms)))
