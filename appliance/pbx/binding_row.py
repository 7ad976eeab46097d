# SPDX-License-Identifier: Apache-2.0
"""A binding as it is kept on disk: what is needed to reach a phone again after a restart.

Plain values only. Time is wall time, because a monotonic clock starts anew with every boot.
"""

from typing import NamedTuple

BindingKey = tuple[bytes, bytes]
"""(AOR, identity within it): what is unique on disk. See `build_key`."""


def build_key(aor: bytes, contact: bytes, instance: bytes, reg_id: int) -> BindingKey:
    """The key of a binding: its Contact URI, or instance and reg-id where it has them.

    The Contact alone would not do: a UA registers the same Contact over several flows (RFC 5626 section 6).
    """
    return (aor, b"%b;reg-id=%d" % (instance, reg_id) if reg_id else contact)


class BindingRow(NamedTuple):
    """One binding on disk; `key` is unique.

    aor: the extension; contact: URI as given; parameters: the other Contact parameters as given, from the first ";";
    q: thousandths; granted_s: seconds granted; expires_wall_s: end, seconds since 1970; call_id, cseq: of the REGISTER;
    listener, transport, source_host, source_port: the flow to the phone (its listener's name, remote address);
    path: Route values in order, joined by ","; instance: +sip.instance without quotes; reg_id: 0 where absent.
    """

    aor: bytes
    contact: bytes
    parameters: bytes
    q: int
    granted_s: int
    expires_wall_s: float
    call_id: bytes
    cseq: int
    listener: str
    transport: bytes
    source_host: bytes
    source_port: int
    path: bytes
    instance: bytes
    reg_id: int
    user_agent: bytes

    @property
    def key(self) -> BindingKey:
        """What identifies this row in the store."""
        return build_key(self.aor, self.contact, self.instance, self.reg_id)
