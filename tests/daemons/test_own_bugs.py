# SPDX-License-Identifier: Apache-2.0
"""A bug of ours costs one message, is told to a person, and stops the daemon only when bugs come thick."""

import asyncio

from appliance.daemons.own_bugs import NAME, TOLERATED, OwnBugs


class Notebook:
    def __init__(self):
        self.events = []

    def record(self, event, **values):
        self.events.append((event, values))


def raise_in_loop(times):
    notebook, alarms, stops = Notebook(), [], []

    async def run():
        loop = asyncio.get_running_loop()
        bugs = OwnBugs(notebook, alarms.append, lambda: stops.append(True))
        loop.set_exception_handler(bugs.handle)
        for number in range(times):
            loop.call_soon(lambda number=number: {}[number])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return bugs

    return asyncio.run(run()), notebook, alarms, stops


def test_one_bug_is_noted_with_its_traceback_and_survived():
    bugs, notebook, alarms, stops = raise_in_loop(1)
    (event, values), = notebook.events
    assert event == NAME
    assert values["error"] == "KeyError: 0"
    assert "{}[number]" in values["traceback"]
    assert len(alarms) == 1
    assert not stops
    assert not bugs.has_given_up


def test_many_bugs_at_once_stop_the_daemon():
    bugs, notebook, _, stops = raise_in_loop(TOLERATED + 1)
    assert stops == [True]
    assert bugs.has_given_up
    assert notebook.events[-1][0] == "giving_up"
