# SPDX-License-Identifier: Apache-2.0
"""`show tls`: what we show to others, and what went wrong."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.table import clean, render_pairs

if TYPE_CHECKING:
    from appliance.control.observed import TlsFailure, TlsListener, TlsState


def render(result: "TlsState") -> str:
    """One paragraph a listener; two lines a failed handshake."""
    if not result["listeners"]:
        return say("no listener speaks tls") + "\n"
    parts = [_render_listener(listener) for listener in result["listeners"]]
    failures = "".join(_render_failure(failure) for failure in result["failures"])
    return "\n".join([*parts, f"failed handshakes\n{failures}" if failures else say("no failed handshakes") + "\n"])


def _render_listener(listener: "TlsListener") -> str:
    days = listener["days_left"]
    left = "has expired" if days < 0 else f"{days} days left"
    return f"listener {listener['listener']}, {listener['address']}\n" + render_pairs([
        ("certificate", listener["certificate"]), ("names", ", ".join(listener["names"])),
        ("issuer", listener["issuer"]), ("valid until", f"{listener['valid_until'][:10]}, {left}"),
        ("newer file", listener["fault"]), ("connections", listener["connections"])], "  ")


def _render_failure(failure: "TlsFailure") -> str:
    when = failure["failed_at"][:19].replace("T", " ")
    word = "from" if failure["direction"] == "incoming" else "to"
    return f"  {when} UTC  {word} {clean(failure['peer'])}, listener {failure['listener']}\n" \
        f"      {clean(failure['reason'])}\n"
