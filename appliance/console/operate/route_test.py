# SPDX-License-Identifier: Apache-2.0
"""`test route NUMBER from EXT [at TIME]`: which way a call would take, without calling."""

from collections.abc import Mapping

from appliance.console.operate.network_view import describe_value
from appliance.console.table import clean, render_pairs


def render(result: object) -> str:
    """The way, name by name; steps one a line."""
    if not isinstance(result, Mapping):
        return clean(result) + "\n"
    plain = [(str(name).replace("_", " "), describe_value(value)) for name, value in result.items()
             if not isinstance(value, list)]
    text = render_pairs(plain)
    for name, value in result.items():
        if isinstance(value, list) and value:
            text += f"{str(name).replace('_', ' ')}\n" + "".join(f"  {clean(describe_value(one))}\n" for one in value)
    return text
