# SPDX-License-Identifier: Apache-2.0
"""Notices that somebody has changed what the kernel is to do with packets: nobody tells of that, so we look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from appliance.system.network.kernel import read_setting

LOOK_S: Final = 2.0


class SettingsWatch:
    """list_wanted: the files under /proc/sys/net and what they should say; noticed: called once for each change away
    from that."""

    def __init__(self, list_wanted: Callable[[], Iterable[tuple[str, str]]], noticed: Callable[[], None]) -> None:
        self._list_wanted = list_wanted
        self._noticed = noticed
        self._wrong: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look from now on, in the loop that runs."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self.start()
        said = ((path, value, read_setting(path)) for path, value in self._list_wanted())
        wrong = {path: now for path, value, now in said if now is not None and now != value}
        if wrong != self._wrong and wrong:      # what stays wrong is refused, and tried again by whoever knows of it
            self._noticed()
        self._wrong = wrong
