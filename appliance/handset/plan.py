# SPDX-License-Identifier: Apache-2.0
"""What a handset is configured to be. Values."""

from collections.abc import Callable
from typing import NamedTuple

from appliance.numbering.digit_map import DigitMap
from appliance.ua.user_agent import Authenticator


class HandsetPlan(NamedTuple):
    """address: ours, for voice; hotline: "" for none; session_ids: at random; callers: judges who calls past our
    server, None lets everybody call."""

    address: str
    country: str
    digit_map: DigitMap
    session_ids: Callable[[], int]
    hotline: str = ""
    hotline_delay_s: int = 0
    callers: Authenticator | None = None
