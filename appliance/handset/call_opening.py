# SPDX-License-Identifier: Apache-2.0
"""A call of a telephone before anything is said: its port for voice and its session. It keeps no calls."""

from __future__ import annotations

from appliance.errors import MachineError
from appliance.handset.call_session import CallSession
from appliance.handset.phone_call import CallOwner, PhoneCall
from appliance.handset.plan import HandsetPlan
from appliance.handset.voice import Voice
from appliance.ua.agent_core import AgentCore
from appliance.vocabulary.journal import Journal


class CallOpening:
    """voice: where ports are had."""

    __slots__ = ("_core", "_journal", "_plan", "_voice")

    def __init__(self, plan: HandsetPlan, core: AgentCore, voice: Voice, journal: Journal) -> None:
        self._plan = plan
        self._core = core
        self._voice = voice
        self._journal = journal

    def open(self, owner: CallOwner) -> PhoneCall | None:
        """None where no port can be had, which is journalled."""
        try:
            port = self._voice.open_port(self._plan.address)
        except MachineError as error:
            self._journal.record("handset_port_failed", reason=error.operation)
            return None
        session = CallSession(port.address, port.port, self._plan.session_ids())
        return PhoneCall(owner, port, session, self._core.alarm())
