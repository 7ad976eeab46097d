# SPDX-License-Identifier: Apache-2.0
"""The ACK of a 2xx, which its UAC core sends for every copy that comes: RFC 3261 13.2.2.4. Never changed once sent.

Where the way to the peer must be looked up first, it leaves as soon as that is known.
"""

from collections.abc import Sequence

from appliance.sip.flow import Flow
from appliance.sip.locating.search import Verdict
from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog import Dialog
from appliance.ua.location import Hop
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.request_draft import RequestDraft


class Acknowledgement:
    """One ACK; `send` it again as often as its 2xx comes."""

    __slots__ = ("_core", "_credentials", "_draft", "_fallback", "_flow", "_is_wanted", "_octets")

    def __init__(self, core: AgentCore, dialog: Dialog, invite: OutgoingRequest, session: bytes, now: float) -> None:
        """invite: what the 2xx answers, its credentials are repeated (22.1); session: the answer to an offer in
        the 2xx, b"" otherwise."""
        cseq = invite.answered_cseq
        dialog.local_cseq = max(dialog.local_cseq, cseq)    # an earlier try may have made the early dialog
        draft = dialog.draft_request(b"ACK", cseq)
        draft.body = session
        self._core = core
        self._draft: RequestDraft | None = draft
        self._credentials = invite.credentials
        self._fallback = invite.flow
        self._flow: Flow | None = None
        self._octets = b""
        self._is_wanted = False
        flow = draft.flow
        if flow is not None and flow.is_open:
            self._write(flow, draft)
        else:
            core.locate(Hop(draft.next_hop, draft.estimate_size(), draft.near, True), self._take_flows, now)

    def send(self) -> None:
        """The same octets, past every transaction (17: an ACK of a 2xx has none)."""
        if self._flow is not None:
            self._flow.outbox.append((self._octets, self._flow))
        else:
            self._is_wanted = self._draft is not None

    def _take_flows(self, flows: Sequence[Flow], verdict: Verdict, now: float) -> None:
        draft = self._draft
        flow = flows[0] if flows else self._fallback    # where the name leads nowhere now, the INVITE found a way
        if draft is None or flow is None:
            self._draft = None
            return
        self._write(flow, draft)
        if self._is_wanted:
            self.send()

    def _write(self, flow: Flow, draft: RequestDraft) -> None:
        self._flow = flow
        self._draft = None
        # 13.2.2.4: the INVITE's credentials, for the proxies that asked for them; where none of them stays in the way,
        # the far end has no use for them but a wrong one
        was_there = self._fallback is not None and self._fallback.hostport == flow.hostport
        credentials = self._credentials if draft.routes or was_there else b""
        self._octets = draft.write(self._core.via(flow, self._core.stack.new_branch()), flow, credentials)
