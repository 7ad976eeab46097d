# SPDX-License-Identifier: Apache-2.0
"""`configure`: into configuration mode."""

import os
from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say

if TYPE_CHECKING:
    from appliance.console.session import Session

DONE = 0


def act(session: "Session", _words: list[str]) -> int:
    """Opens a candidate; who else edits is said."""
    from appliance.console.configure.mode import ConfigurationMode
    from appliance.console.servers import CONFIGURATION
    if session.configuring is not None:
        return DONE
    session.configuring = ConfigurationMode(session, name_user())
    status = session.servers.ask(CONFIGURATION, ["status"])
    others = _list_others(status)
    if others:
        session.output.write_prose(say("others edit too: {users}", users=", ".join(others)))
    return DONE


def name_user() -> str:
    """Who types, for the list of revisions: behind sudo the user who called it."""
    import pwd
    from contextlib import suppress
    with suppress(KeyError):
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    return str(os.getuid())


def _list_others(status: object) -> list[str]:
    """Users of the other sessions; ours is one of them."""
    sessions = (status.get("sessions") or []) if isinstance(status, dict) else []
    users = [str(one.get("user", "?")) for one in sessions]
    if name_user() in users:
        users.remove(name_user())
    return users
