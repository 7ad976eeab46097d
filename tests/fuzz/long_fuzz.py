# SPDX-License-Identifier: Apache-2.0
"""The long fuzz: a million messages and more against the real core; prints seed, rate and memory as it goes.

    python -m tests.fuzz.long_fuzz --seed 1 --count 1000000
A failure prints what reproduces it (its own seed and message number) and ends the run with exit status 1.
"""

import argparse
import ctypes
import gc
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.runner import FuzzRun

RUN_MESSAGES = 50_000                                              # then a new office: a seed is quickly replayed
CALL_EVERY = 1000
REPORT_EVERY = 25_000
GROWTH_LIMIT_KIB = 8 * 1024


def resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def settled_kib() -> int:
    """What is resident once all garbage has gone back to the kernel: what is left then is held by somebody."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)         # glibc's alone
    if trim is not None:
        trim(0)
    return resident_kib()


def fuzz_one(seed: int, count: int, began: float, done: int) -> None:
    """One office, `count` messages, then silence: every transaction must have ended."""
    run = FuzzRun(seed)
    try:
        for number in range(1, count + 1):
            run.step()
            if number % CALL_EVERY == 0:
                run.check_call()
            if number % REPORT_EVERY == 0:
                total = done + number
                rate = total / (time.monotonic() - began)
                print(f"{total:9} messages  {rate:6.0f}/s  {resident_kib() // 1024:4} MiB  "
                      f"seed {seed}  calls placed {run.calls_placed}  {run.office.sizes()}", flush=True)
        left = run.settle()
        assert left["transactions"] == 0, f"transactions that never end: {left}"
        run.check_call()
    except BaseException as error:
        error.add_note(run.describe())
        raise


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the SIP core; bounded and seeded.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1_000_000)
    asked = parser.parse_args()
    print(f"seed {asked.seed}, {asked.count} messages", flush=True)
    began, done, first_kib = time.monotonic(), 0, 0
    while done < asked.count:
        size = min(RUN_MESSAGES, asked.count - done)
        try:
            fuzz_one(asked.seed + done // RUN_MESSAGES, size, began, done)
        except Exception:
            traceback.print_exc()
            return 1
        done += size
        if not first_kib and done >= 2 * RUN_MESSAGES:
            first_kib = settled_kib()
    took_s, last_kib = time.monotonic() - began, settled_kib()
    growth_kib = last_kib - first_kib if first_kib else 0
    print(f"{done} messages in {took_s:.0f} s, {done / took_s:.0f}/s, {last_kib // 1024} MiB held, "
          f"{growth_kib} KiB more than after the first {2 * RUN_MESSAGES}: nothing broke", flush=True)
    if growth_kib > GROWTH_LIMIT_KIB:
        print(f"memory has grown by {growth_kib} KiB", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
