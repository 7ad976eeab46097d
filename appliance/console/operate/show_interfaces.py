# SPDX-License-Identifier: Apache-2.0
"""`show interfaces`: network interfaces by role, with addresses and counters."""

from appliance.console.messages.catalog import say
from appliance.console.operate.network_view import render_rows
from appliance.console.servers import NETWORK

SERVER = NETWORK


def render(result: object) -> str:
    """As netd says it."""
    return render_rows(result, say("no interface is managed"))
