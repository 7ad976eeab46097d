# SPDX-License-Identifier: Apache-2.0
"""What a carrier profile decides. Values alone; trunks read them."""

from enum import IntEnum
from typing import NamedTuple


class NumberFormat(IntEnum):
    """How called numbers are written. AS_DIALLED: nothing is touched; NATIONAL: 0312345678; E164: +81312345678."""

    AS_DIALLED = 0
    NATIONAL = 1
    E164 = 2


class CalledSource(IntEnum):
    """Where an INVITE of the carrier says which of our numbers was called."""

    REQUEST_URI = 0
    TO = 1
    CALLED_PARTY = 2    # P-Called-Party-ID, RFC 7315 4.2


class IdentityHeader(IntEnum):
    """How we say who calls where From is not enough. PREFERRED: P-Preferred-Identity, what a user says to its network;
    ASSERTED: P-Asserted-Identity, for carriers that count us into their trust domain (RFC 3325 9)."""

    NONE = 0
    PREFERRED = 1
    ASSERTED = 2


class PrivacyWay(IntEnum):
    """How the carrier is told to withhold the caller's number. AS_DIALLED: 184 goes out as dialled, a phone's own wish
    as a header; DIGITS: always the prefix; HEADER: always Privacy: id (RFC 3323, RFC 3325 9.3)."""

    AS_DIALLED = 0
    DIGITS = 1
    HEADER = 2


class CarrierProfile(NamedTuple):
    """One carrier's habits.

    called_sources: in order, the first that is a number of the office's wins; identity: sent with every call, also
    where From is anonymous; trusts_remote_party: Remote-Party-ID is believed where no asserted identity is there;
    shows_names: our display names may be seen outside; has_user_phone: user=phone in Request-URI and To (RFC 3261
    19.1.1); has_line_parameter: our registered Contact carries a word nobody can guess; has_server_host: Request-URIs
    name the server's address, not the domain; registers_domain: REGISTER is for the domain, not the host it goes to.
    session_expires_s: what we ask for, 0 for no session timer unless they ask (RFC 4028); expires_s: of REGISTER;
    supported: option tags of our INVITEs; codecs: encoding names that may be offered, () for all; packet_time_ms: 0 as
    the phone likes it; failover_statuses: final responses after which the next trunk is tried; dscp: of signalling and
    media; invites_a_second: what we send at most, 0.0 for no limit; sends_hold: whether a phone's hold goes out as a
    re-INVITE; passed_headers: further lines of the office that may go out; retry_500_s: after a 500 the same INVITE is
    sent once more after that time, 0.0 for never; has_diversion: Diversion may say who forwarded (RFC 5806);
    has_tcp: large requests may try it (RFC 3261 18.1.1).
    """

    name: str
    number_format: NumberFormat = NumberFormat.AS_DIALLED
    called_sources: tuple[CalledSource, ...] = (CalledSource.CALLED_PARTY, CalledSource.REQUEST_URI, CalledSource.TO)
    identity: IdentityHeader = IdentityHeader.NONE
    privacy: PrivacyWay = PrivacyWay.AS_DIALLED
    trusts_remote_party: bool = False
    shows_names: bool = False
    has_user_phone: bool = False
    has_line_parameter: bool = True
    has_server_host: bool = False
    registers_domain: bool = False
    expires_s: int = 3600
    session_expires_s: int = 0
    supported: tuple[bytes, ...] = ()
    codecs: tuple[str, ...] = ()
    packet_time_ms: int = 0
    failover_statuses: frozenset[int] = frozenset({408, *range(500, 600)})
    dscp: int = 0
    invites_a_second: float = 0.0
    sends_hold: bool = True
    passed_headers: tuple[bytes, ...] = ()
    retry_500_s: float = 0.0
    has_diversion: bool = False
    has_tcp: bool = True
