# SPDX-License-Identifier: Apache-2.0
"""How much something does, counted and not timed: instructions of the interpreter in code of the appliance. A loaded
machine executes as many as an idle one. What C does below one instruction is not in it.
"""

import sys
from collections.abc import Callable

from tests.architecture.source_tree import PACKAGE

PLACE = f"{PACKAGE}/"
TIMES, SLACK = 4, 1.15


def count_work(act: Callable[[], object]) -> int:
    """Instructions that the appliance executes while `act` runs; what the test itself executes does not count."""
    count = 0

    def look(frame, event, argument):
        nonlocal count
        if event == "opcode":
            count += 1
        return look

    def enter(frame, event, argument):
        if not frame.f_code.co_filename.startswith(PLACE):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return look
    others = sys.gettrace()
    sys.settrace(enter)
    try:
        act()
    finally:
        sys.settrace(others)
    assert count, "nothing of the appliance was called"
    return count




def assert_in_proportion(prepare: Callable[[int], Callable[[], object]], size: int) -> None:
    """What `prepare(4 * size)` returns works no more than four times as much as what `prepare(size)` returns."""
    few, many = count_work(prepare(size)), count_work(prepare(TIMES * size))
    print(f"{few / size:.0f} instructions for each of {size}, {many / TIMES / size:.0f} of {TIMES * size}")
    assert many <= TIMES * SLACK * few, (few, many)
