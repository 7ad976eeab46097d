# SPDX-License-Identifier: Apache-2.0
"""Locating SIP servers (RFC 3263): which questions a URI raises, and which transport addresses the answers give.

`locate_numeric` is for what needs no question; `locator.Locator` for everything else. Nothing in here resolves a name.
"""

from appliance.sip.locating.numeric import Target, locate_numeric

__all__ = ["Target", "locate_numeric"]
