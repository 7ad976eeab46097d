# SPDX-License-Identifier: Apache-2.0
"""Traces of a call through the border, written message by message as they are on the wire: phone, gateway, carrier."""

from appliance.diagnosis.explain.evidence import Evidence
from appliance.diagnosis.explain.finding import Explained
from appliance.diagnosis.explain.rules import explain_call
from appliance.diagnosis.observed_call import ObservedCall, ObservedLeg
from appliance.diagnosis.trace import TraceEntry
from appliance.sip.flow import UDP, Flow, Listener
from appliance.vocabulary.trunk_state import TrunkState

OFFICE = Listener("office", UDP, b"192.168.1.1", 5060)
WAN = Listener("wan", UDP, b"203.0.113.5", 5060)
PHONE, CARRIER = Flow(OFFICE, b"192.168.1.11", 5060), Flow(WAN, b"198.51.100.1", 5060)
WALL = 1_700_000_000.0
PCMU = "m=audio 40000 RTP/AVP 0\r\n"


class Wire:
    """`inside` and `outside` write one message each. at: seconds since the call began."""

    def __init__(self) -> None:
        self.entries: list[TraceEntry] = []
        self.trunks: dict[str, TrunkState] = {}

    def inside(self, at: float, what: str, is_sent: bool = False, **more) -> None:
        """With the phone."""
        self._add(at, what, is_sent, PHONE, "inside", **more)

    def outside(self, at: float, what: str, is_sent: bool = True, **more) -> None:
        """With the carrier."""
        self._add(at, what, is_sent, CARRIER, "outside", **more)

    def _add(self, at: float, what: str, is_sent: bool, flow: Flow, call_id: str, lines: str = "", body: str = "",
             cseq: int = 1, method: str = "INVITE") -> None:
        is_response = what[:1].isdigit()
        start = f"SIP/2.0 {what}" if is_response else f"{what} sip:05033334444@198.51.100.1 SIP/2.0"
        said = method if is_response or what == "ACK" else what
        if body:
            body = f"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{body}"
            lines += "Content-Type: application/sdp\r\n"
        octets = (f"{start}\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{cseq}\r\nFrom: <sip:a@x>;tag=1\r\n"
                  f"To: <sip:b@x>;tag=2\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {'ACK' if what == 'ACK' else said}\r\n"
                  f"{lines}Content-Length: {len(body)}\r\n\r\n{body}").encode()
        self.entries.append(TraceEntry(at, is_sent, octets, flow))

    def explain(self, status: int, leg_status: int = -1, is_tried: bool = True, answered_s: float = 0.0,
                ended_s: float = 30.0, **more) -> Explained:
        """What is said of a call that ended so."""
        answered_at, ended_at = (WALL + answered_s if answered_s else 0.0), WALL + ended_s
        leg_status = status if leg_status < 0 else leg_status
        reason = more.pop("leg_reason", "refused")
        legs = [ObservedLeg("office", "incoming", "201", "", "192.168.1.11:5060", "", "ended", status, "inside",
                            answered_at=answered_at)]
        if is_tried:
            legs.append(ObservedLeg("carrier", "outgoing", "05033334444", "", "198.51.100.1:5060", "", "refused",
                                    leg_status, "outside", reason=reason, answered_at=answered_at))
        more.setdefault("result", "answered" if answered_s else "failed")
        call = ObservedCall(17, "ended", "201", "05033334444", "inside", tuple(legs), dialled="05033334444",
                            status=status, is_relayed=True, started_at=WALL, answered_at=answered_at,
                            ended_at=ended_at, **more)
        return explain_call(Evidence(call, self.entries, [], self.trunks, WALL))
