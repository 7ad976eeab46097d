# SPDX-License-Identifier: Apache-2.0
"""`show bans`: addresses that are shut out."""

from appliance.console.messages.catalog import say
from appliance.console.operate.network_view import render_rows
from appliance.console.servers import NETWORK

SERVER = NETWORK


def render(result: object) -> str:
    """As netd says it."""
    return render_rows(result, say("nobody is shut out"))
