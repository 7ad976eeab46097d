# SPDX-License-Identifier: Apache-2.0
"""Whose INVITE is it: a trunk's, by the word in our registered Contact, by its source, or by digest. Whoever knows no
more than a number of ours is nobody. Only inbound accounts keep state.
"""

from collections.abc import Iterable

from appliance.config.network_kinds import RegistrarUri
from appliance.errors import PeerError
from appliance.gateway.inbound_account import Challenged, InboundAccounts
from appliance.gateway.trunk import Trunk
from appliance.gateway.trunk_agent import LINE_PARAMETER
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.uri import SipUri

_LINE_MARK = b";%s=" % LINE_PARAMETER


class Recogniser:
    """trunks: all of them."""

    __slots__ = ("_accounts", "_by_peer", "_by_proxy", "_by_token", "_registered")

    def __init__(self, trunks: Iterable[Trunk], accounts: InboundAccounts) -> None:
        self._accounts = accounts
        self._by_token: dict[bytes, Trunk] = {}
        self._by_peer: dict[tuple[str, bytes, int], Trunk] = {}
        self._by_proxy: list[tuple[Trunk, bytes, int]] = []
        self._registered: list[Trunk] = []
        for trunk in trunks:
            configuration = trunk.configuration
            if trunk.token:
                self._by_token[trunk.token] = trunk
            if configuration.peer is not None:
                peer = configuration.peer
                self._by_peer[configuration.listener, peer.address.encode(), peer.port] = trunk
                if configuration.proxy is not None:
                    self._by_proxy.append((trunk, *find_proxy(configuration.proxy)))
            else:
                self._registered.append(trunk)

    def identify(self, request: Message, flow: Flow, now: float) -> Trunk | Challenged | None:
        """The trunk that an INVITE or OPTIONS outside dialogs comes from; a challenge, for whom only a digest could
        prove to be one; None for anybody else."""
        return self._find_by_source(request, flow) or self._accounts.judge(request, flow, now)

    def _find_by_source(self, request: Message, flow: Flow) -> Trunk | None:
        # CONTRACT: by address and port; of a connection that they opened, the port that they are reached at (18.1.1)
        port = request.via_port if flow.listener.is_reliable else flow.port
        found = self._by_peer.get((flow.listener.name, flow.host, port))
        if found is not None:
            return found
        found = self._find_by_proxy(request, flow, port) or self._find_by_contact(request, flow)
        if found is not None:
            return found
        beside = [trunk for trunk in self._registered if trunk.servers.is_beside_server(flow)]
        if len(beside) == 1 and beside[0].servers.is_server(flow):
            return beside[0]
        for trunk in beside:    # several accounts with one carrier: whose number is it?
            if any(trunk.numbers.owns(called) for called in trunk.numbers.read_called(request)):
                return trunk
        return next((trunk for trunk in beside if trunk.servers.is_server(flow)), None)

    def _find_by_proxy(self, request: Message, flow: Flow, port: int) -> Trunk | None:
        """What goes to a static trunk by its proxy comes back by it. Of several trunks that share one, the number says
        whose it is."""
        found = [trunk for trunk, host, proxy_port in self._by_proxy
                 if trunk.configuration.listener == flow.listener.name
                 and ((host, proxy_port) == (flow.host, port) or trunk.servers.is_server(flow))]
        if len(found) > 1:
            return next((trunk for trunk in found
                         if any(map(trunk.numbers.owns, trunk.numbers.read_called(request)))), found[0])
        return found[0] if found else None

    def _find_by_contact(self, request: Message, flow: Flow) -> Trunk | None:
        """A carrier may call from other servers than its registrar; what it was told at REGISTER it brings along."""
        if _LINE_MARK not in request.uri:
            return None
        try:
            token = SipUri.parse(request.uri).parameter(LINE_PARAMETER)
        except PeerError:
            return None
        trunk = self._by_token.get(token) if token else None
        return trunk if trunk is not None and trunk.configuration.listener == flow.listener.name else None


def find_proxy(proxy: RegistrarUri) -> tuple[bytes, int]:
    """Where it sends from, as far as its URI says; a name is known by what it resolves to (TrunkServers)."""
    is_secure = proxy.scheme == "sips" or ";transport=tls" in proxy.parameters.lower()
    return proxy.host.encode(), proxy.port or (5061 if is_secure else 5060)
