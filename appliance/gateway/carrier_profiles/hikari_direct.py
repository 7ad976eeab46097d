# SPDX-License-Identifier: Apache-2.0
"""NTT Hikari-denwa without the home gateway (TTC JJ-90.24): the access line authenticates, no digest; they send from
and to UDP port 5060 alone; PCMU at 20 ms; digits in band, since an offer of telephone-event gets 500 in places; bursts
get 500 as well, and pass a few seconds later.
"""

from typing import Final

from appliance.gateway.carrier_profiles.carrier_profile import (
    CalledSource,
    CarrierProfile,
    NumberFormat,
    PrivacyWay,
)

HIKARI_DIRECT: Final = CarrierProfile(
    "hikari-direct",
    number_format=NumberFormat.NATIONAL,
    called_sources=(CalledSource.TO, CalledSource.CALLED_PARTY, CalledSource.REQUEST_URI),
    privacy=PrivacyWay.DIGITS,
    has_line_parameter=False,
    has_server_host=True,
    registers_domain=True,
    session_expires_s=300,
    supported=(b"timer",),
    codecs=("PCMU",),
    packet_time_ms=20,
    dscp=32,
    invites_a_second=1.0,
    sends_hold=False,
    has_tcp=False,
    retry_500_s=3.0,
)
