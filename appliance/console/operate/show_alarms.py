# SPDX-License-Identifier: Apache-2.0
"""`show alarms`: what needs a person, and what that person can do."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.table import clean

if TYPE_CHECKING:
    from appliance.control.observed import Alarm


def render(result: "list[Alarm]") -> str:
    """Two lines an alarm: what is wrong since when, what to do."""
    if not result:
        return say("no alarms") + "\n"
    return "".join(f"{alarm['raised_at'][:19].replace('T', ' ')} UTC  {clean(alarm['sentence'])}\n"
                   f"    {clean(alarm['remedy'])}\n" for alarm in result)
