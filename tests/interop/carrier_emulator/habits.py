# SPDX-License-Identifier: Apache-2.0
"""What carriers do and demand, as values; and what a carrier can do wrong.

Sources: the public SIP interface specification of 050 services (digest, P-headers), TTC JJ-90.24 and captures of
Hikari-denwa lines (no digest, port 5060 alone, PCMU alone, compact names, session timer).
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CarrierHabits:
    """called_in: where our number stands in its INVITEs, "request-uri", "to" or "p-called-party-id"."""

    name: str
    domain: str = "carrier.test"
    has_digest: bool = True
    called_in: str = "request-uri"
    has_service_route: bool = False
    has_asserted_identity: bool = False
    is_compact: bool = False
    demands_port_5060: bool = False
    demands_own_host: bool = False                                 # Request-URIs name its address, not the domain
    demands_pcmu_alone: bool = False                               # anything else in an offer is 500
    demands_session_timer: bool = False                            # a 200 without Session-Expires is hung up at once
    session_expires_s: int = 0
    min_se_s: int = 90
    demands_reliable: bool = False                                 # Require: 100rel, both ways
    invites_a_second: float = 0.0                                  # more than that is 500
    expires_s: int = 3600


GENERIC = CarrierHabits("generic")
JP_050 = CarrierHabits("jp-050", called_in="p-called-party-id", has_service_route=True, has_asserted_identity=True,
                       session_expires_s=300)
HIKARI_DIRECT = CarrierHabits(
    "hikari-direct", domain="ntt-east.ne.jp", has_digest=False, called_in="to", is_compact=True, demands_port_5060=True,
    demands_own_host=True, demands_pcmu_alone=True, demands_session_timer=True, session_expires_s=300, min_se_s=300,
    invites_a_second=1.0)
EVERY = (GENERIC, JP_050, HIKARI_DIRECT)


@dataclass
class Faults:
    """Set on a running carrier at any time; everything off is a carrier that works.

    silent: methods that get no answer; refusals: method -> (status, Retry-After in seconds or None);
    lost_200, lost_acks: how many more of ours get lost on their way to it, retransmissions included.
    """

    silent: set[bytes] = field(default_factory=set)
    refusals: dict[bytes, tuple[int, int | None]] = field(default_factory=dict)
    answers_twice: bool = False
    never_acks: bool = False
    says_bye_before_ack: bool = False
    lost_200: int = 0
    lost_acks: int = 0
    is_dead: bool = False
