# SPDX-License-Identifier: Apache-2.0
"""Carriers' habits as values, one file each; `set trunk NAME profile WORD` chooses."""

from typing import Final

from appliance.gateway.carrier_profiles.carrier_profile import CarrierProfile
from appliance.gateway.carrier_profiles.generic import GENERIC
from appliance.gateway.carrier_profiles.hikari_direct import HIKARI_DIRECT
from appliance.gateway.carrier_profiles.jp_050 import JP_050

PROFILES: Final[dict[str, CarrierProfile]] = {one.name: one for one in (GENERIC, JP_050, HIKARI_DIRECT)}
"""By the words of the configuration."""
