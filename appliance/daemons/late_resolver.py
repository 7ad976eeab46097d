# SPDX-License-Identifier: Apache-2.0
"""The DNS for who seldom needs it: until the first question nothing of it is loaded, which spares 5 MiB."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance.config.configuration import Configuration
from appliance.daemons.name_server_choice import find_resolv_conf, read_name_servers
from appliance.sip.locating.records import Asker, Question
from appliance.system.dns.name_servers import NameServers
from appliance.vocabulary.counters import Counters

if TYPE_CHECKING:
    from appliance.system.dns.resolver import DnsResolver


class LateResolver:
    """Satisfies sip.locating.records.Resolver. settle: as DnsResolver has it."""

    def __init__(self, configuration: Configuration, state_directory: str, counters: Counters,
                 settle: Callable[[float], None]) -> None:
        self._configuration = configuration
        self._state_directory = state_directory
        self._counters = counters
        self._settle = settle
        self._resolver: DnsResolver | None = None

    def ask(self, question: Question, asker: Asker, now: float) -> None:
        """Resolver."""
        if self._resolver is None:
            self._resolver = self._load()
        self._resolver.ask(question, asker, now)

    def _load(self) -> DnsResolver:
        from appliance.system.dns.resolver import DnsResolver

        configuration = self._configuration
        servers = NameServers(read_name_servers(configuration), find_resolv_conf(configuration, self._state_directory))
        return DnsResolver(servers, self._counters, self._settle)

    async def close(self) -> None:
        """Nobody is told any more."""
        if self._resolver is not None:
            await self._resolver.close()
