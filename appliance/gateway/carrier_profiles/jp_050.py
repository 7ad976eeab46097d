# SPDX-License-Identifier: Apache-2.0
"""050 services with digest over the internet, such as FUSION (Rakuten), by their public SIP interface specification."""

from typing import Final

from appliance.gateway.carrier_profiles.carrier_profile import (
    CalledSource,
    CarrierProfile,
    IdentityHeader,
    NumberFormat,
    PrivacyWay,
)

JP_050: Final = CarrierProfile(
    "jp-050",
    number_format=NumberFormat.NATIONAL,
    called_sources=(CalledSource.CALLED_PARTY, CalledSource.TO, CalledSource.REQUEST_URI),
    identity=IdentityHeader.PREFERRED,
    privacy=PrivacyWay.HEADER,
    session_expires_s=300,
    supported=(b"timer",),
    codecs=("PCMU", "PCMA", "TELEPHONE-EVENT"),
    packet_time_ms=20,
)
