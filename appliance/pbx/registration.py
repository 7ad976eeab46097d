# SPDX-License-Identifier: Apache-2.0
"""What one REGISTER asks of the location service, read and checked (RFC 3261 section 10.3 steps 6 and 7)."""

from appliance.sip.flow import Flow


class RequestedContact:
    """One Contact value of a REGISTER.

    uri: as given; value: the whole value as given; parameters: all but expires, from the first ";"; q: thousandths;
    requested_s: the expires parameter, -1 absent; granted_s: what it gets, 0 removes; instance; reg_id: 0 unless
    RFC 5626 processing applies.
    """

    __slots__ = ("granted_s", "instance", "parameters", "q", "reg_id", "requested_s", "uri", "value")

    def __init__(self, uri: bytes, value: bytes) -> None:
        self.uri = uri
        self.value = value
        self.parameters = b""
        self.q = 1000
        self.requested_s = -1
        self.granted_s = 0
        self.instance = b""
        self.reg_id = 0


class Registration:
    """The contacts of one REGISTER and what they share.

    arrival: the flow it came on; is_direct: the top Via names the packet's source, so no NAT was seen; path: Route
    values in order (RFC 3327).
    """

    __slots__ = ("aor", "arrival", "call_id", "contacts", "cseq", "is_direct", "path", "user_agent")

    def __init__(self, aor: bytes, call_id: bytes, cseq: int, arrival: Flow) -> None:
        self.aor = aor
        self.call_id = call_id
        self.cseq = cseq
        self.arrival = arrival
        self.contacts: list[RequestedContact] = []
        self.is_direct = False
        self.path: tuple[bytes, ...] = ()
        self.user_agent = b""
