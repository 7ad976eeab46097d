# SPDX-License-Identifier: Apache-2.0
"""A DHCP client for each role that wants one, on the link that has the role now."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from appliance.config.configuration import Configuration
from appliance.networking.desired import dynamic_roles, link_of
from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.observed import ObservedNetwork
from appliance.networking.values import Link
from appliance.system.network.dhcp_runner import DhcpRunner, LeaseTaker, read_lease_file
from appliance.vocabulary.journal import Journal


class DhcpDesk:
    """Role -> client."""

    def __init__(self, state_directory: str, journal: Journal, take_lease: LeaseTaker) -> None:
        self._directory = Path(state_directory)
        self._journal = journal
        self._take_lease = take_lease
        self._runners: dict[str, DhcpRunner] = {}
        self._carriers: dict[str, bool] = {}

    def read_kept(self, configuration: Configuration) -> dict[str, DhcpLease]:
        """The leases of the process before us: what they set up stays."""
        if not configuration.network_managed:
            return {}
        kept = {role: read_lease_file(self._path(role)) for role in dynamic_roles(configuration.network)}
        return {role: one[0] for role, one in kept.items() if one is not None}

    def update(self, configuration: Configuration | None, observed: ObservedNetwork) -> None:
        """Starts and ends clients as the configuration and the links are now."""
        wanted: dict[str, Link] = {}
        if configuration is not None and configuration.network_managed:
            for role in dynamic_roles(configuration.network):
                link = observed.links.get(link_of(configuration.network, role))
                if link is not None and link.is_up:
                    wanted[role] = link
            asked = dynamic_roles(configuration.network)
        else:
            asked = ()
        for role, runner in tuple(self._runners.items()):
            if role not in asked:
                runner.release()
                del self._runners[role]
            elif role not in wanted or (wanted[role].index, wanted[role].mac) != (runner.link.index, runner.link.mac):
                runner.stop()
                del self._runners[role]
        for role, link in wanted.items():
            self._note_link(role, link)

    def close(self) -> None:
        """Every lease stays ours."""
        for runner in self._runners.values():
            runner.stop()
        self._runners.clear()

    def remaining_s(self, role: str) -> int | None:
        """How long the lease of a role still holds; None without one."""
        runner = self._runners.get(role)
        if runner is None or runner.expires == float("inf"):
            return None
        return max(0, int(runner.expires - monotonic()))

    def _note_link(self, role: str, link: Link) -> None:
        runner = self._runners.get(role)
        if runner is None:
            runner = self._runners[role] = DhcpRunner(role, link, self._path(role), self._journal, self._take_lease)
            self._carriers[role] = link.has_carrier
            runner.start(read_lease_file(self._path(role)))
            return
        if link.has_carrier and not self._carriers[role]:
            runner.note_link_up()
        self._carriers[role] = link.has_carrier

    def _path(self, role: str) -> Path:
        return self._directory / f"{role}.lease"
