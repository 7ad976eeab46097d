# SPDX-License-Identifier: Apache-2.0
"""`confirm`: what `commit confirmed` has put on trial stays."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.console.session import Session


def act(session: "Session", _words: list[str]) -> int:
    """Raises OperatorError where nothing is on trial."""
    from appliance.console.configure.committing import confirm_trial
    from appliance.console.servers import CONFIGURATION
    return confirm_trial(lambda words: session.servers.ask(CONFIGURATION, words), session.output)
