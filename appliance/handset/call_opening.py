# SPDX-License-Identifier: Apache-2.0
"""A call of a telephone before anything is said: its port for voice and its session. It keeps no calls."""

from __future__ import annotations

from appliance.errors import MachineError
from appliance.handset.call_session import CallSession
from appliance.handset.line import Line
from appliance.handset.phone_call import CallOwner, PhoneCall
from appliance.handset.plan import HandsetPlan
from appliance.ua.agent_core import AgentCore


class CallOpening:
    """owner: of the calls; line: whose voice has the ports."""

    __slots__ = ("_core", "_line", "_owner", "_plan")

    def __init__(self, owner: CallOwner, line: Line, plan: HandsetPlan, core: AgentCore) -> None:
        self._owner = owner
        self._line = line
        self._plan = plan
        self._core = core

    def open(self) -> PhoneCall | None:
        """None where no port can be had, which is journalled."""
        try:
            port = self._line.voice.open_port(self._plan.address)
        except MachineError as error:
            self._line.journal.record("handset_port_failed", reason=error.operation)
            return None
        session = CallSession(port.address, port.port, self._plan.session_ids())
        return PhoneCall(self._owner, port, session, self._core.alarm())
