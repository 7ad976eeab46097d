# SPDX-License-Identifier: Apache-2.0
"""What serves the LAN ends with netd, whatever the kernel still tells of the network meanwhile."""

import asyncio

from appliance.system.network.lan_desk import LanDesk
from tests.config.office import load_smallest


class Journal:
    def __init__(self):
        self.events = []

    def record(self, event, **values):
        self.events.append((event, values))


def test_what_changes_after_the_end_starts_nothing_again(tmp_path):
    configuration = load_smallest("set network managed true", "set network interface lan0 role lan",
                                  "set network lan address 192.168.1.1/24",
                                  "set network ntp server 192.0.2.1").configuration
    journal = Journal()

    async def act():
        desk = LanDesk(str(tmp_path), journal)
        desk.open()
        await desk.close()
        desk.update(configuration, {})
    asyncio.run(act())
    assert journal.events == []
    assert list((tmp_path / "run").iterdir()) == []
