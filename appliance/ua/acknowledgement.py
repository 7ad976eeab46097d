# SPDX-License-Identifier: Apache-2.0
"""The ACK of a 2xx, which its UAC core sends for every copy that comes: RFC 3261 13.2.2.4. Never changed once sent."""

from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog import Dialog
from appliance.ua.outgoing_request import OutgoingRequest


class Acknowledgement:
    """One ACK; `send` it again as often as its 2xx comes."""

    __slots__ = ("_flow", "_octets")

    def __init__(self, core: AgentCore, dialog: Dialog, invite: OutgoingRequest, session: bytes) -> None:
        """invite: what the 2xx answers, its credentials are repeated (22.1); session: the answer to an offer in
        the 2xx, b"" otherwise."""
        draft = dialog.draft_request(b"ACK", invite.draft.cseq)
        draft.body = session
        flows = core.locate(draft.next_hop)
        # where the name leads nowhere now, the INVITE found a way
        flow = self._flow = flows[0] if flows else invite.flow
        self._octets = b""
        if flow is not None:
            self._octets = draft.write(core.via(flow, core.stack.new_branch()), flow, invite.credentials)

    def send(self) -> None:
        """The same octets, past every transaction (17: an ACK of a 2xx has none)."""
        if self._flow is not None:
            self._flow.outbox.append((self._octets, self._flow))
