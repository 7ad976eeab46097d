# SPDX-License-Identifier: Apache-2.0
"""Where the call server meets whoever looks after the network: its process, the addresses that it tells, the gate that
it keeps. Without `network managed` nothing of this runs.
"""

import asyncio
from collections.abc import Callable, Mapping

from appliance.config.configuration import Configuration
from appliance.errors import MachineError
from appliance.system.address_watch import Addresses, AddressWatch, SideFault, ask_addresses
from appliance.system.gate_client import GateClient
from appliance.system.media.pinholes import Pinholes
from appliance.system.netd_keeper import NetdKeeper, write_command
from appliance.vocabulary.journal import Journal

TRY_AGAIN_S = 1.0       # an address that cannot be bound yet


class NetworkSide:
    """gate, pinholes: for whoever tells the firewall something; changed(addresses): whether they could be taken up."""

    def __init__(self, config_path: str, state_directory: str, journal: Journal) -> None:
        self._directory = state_directory
        self._journal = journal
        self._keeper = NetdKeeper(state_directory, write_command(config_path, state_directory), journal)
        self._watch = AddressWatch(state_directory, self._take)
        self._latest: Addresses = {}
        self._again: asyncio.TimerHandle | None = None
        self._is_peers_due = False
        self.gate = GateClient(state_directory, journal)
        self.pinholes = Pinholes(self.gate)
        self.gate.list_open = self.pinholes.list_open
        self.changed: Callable[[Addresses], bool] = take_nothing

    def list_faults(self) -> Mapping[str, SideFault]:
        """Sides without an address, by role."""
        return self._watch.faults

    def prepare(self, configuration: Configuration) -> Addresses:
        """Before anything is bound: have the network set up, and its addresses. It may wait; raises MachineError."""
        if not configuration.network_managed:
            return {}
        self._keeper.open()
        try:
            self._latest = ask_addresses(self._directory)
        except MachineError as error:       # a unit of its own that is not there yet: addresses come when it comes
            self._journal.record("addresses_unknown", reason=error.operation)
        return self._latest

    def start(self, configuration: Configuration) -> None:
        """Follow addresses and keep the gate told from now on, where that is wanted."""
        if configuration.network_managed:
            self._keeper.watch()
            self._watch.open()
            self.gate.open()

    def reconfigure(self, configuration: Configuration) -> None:
        """Another configuration may want the network looked after."""
        if configuration.network_managed:
            self._keeper.want()
            self._watch.open()
            self.gate.open()

    async def close(self, is_coming_back: bool = False) -> None:
        """Follow nothing any more; is_coming_back: what runs goes on for the next process."""
        if self._again is not None:
            self._again.cancel()
        await self._watch.close()
        self.gate.close()
        if not is_coming_back:
            await self._keeper.close()

    def peers_changed(self) -> None:
        """Tell the gate, once for everything that is learnt together."""
        if self.gate.is_connected and not self._is_peers_due:
            self._is_peers_due = True
            asyncio.get_running_loop().call_soon(self._tell_peers)

    def _tell_peers(self) -> None:
        self._is_peers_due = False
        self.gate.tell_peers()

    def _take(self, addresses: Addresses) -> None:
        self._latest = addresses
        self._try()

    def _try(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if not self.changed(self._latest):
            self._again = asyncio.get_running_loop().call_later(TRY_AGAIN_S, self._try)


def take_nothing(_addresses: Addresses) -> bool:
    """Before the call server is joined."""
    return True
