# SPDX-License-Identifier: Apache-2.0
"""Any carrier that follows the RFCs: numbers go out as dialled, nothing is rewritten."""

from typing import Final

from appliance.gateway.carrier_profiles.carrier_profile import CarrierProfile

GENERIC: Final = CarrierProfile("generic", supported=(b"100rel", b"timer"))
